"""What the process that gathers datapoints says to others, and they to it: a line of JSON each."""

from uuid import UUID

import msgspec

from tracker.signals.json_points import JsonPoint
from tracker.signals.log_text import LogText
from tracker.signals.windows import Row

LINE_MOST = 8 * 1024 * 1024  # bytes: a whole batch of datapoints


class Take(msgspec.Struct, tag="take"):
    """Datapoints to be taken; answered with `Taken` of the same number."""

    number: int
    points: list[JsonPoint]


class Follow(msgspec.Struct, tag="follow"):
    """From now on tell of series with these names, and of no others; `*` stands for any text."""

    names: list[str]


class Offer(msgspec.Struct, tag="offer"):
    """This process follows a log, and says its lines while somebody wants them; `run`: no other's."""

    name: str
    run: str


class WatchLogs(msgspec.Struct, tag="watch_logs"):
    """From now on tell of the lines of logs with these names, the last ones first, and of no others."""

    names: list[str]


class ListLogs(msgspec.Struct, tag="list_logs"):
    """Which logs are followed; answered with `Logs`."""


class Lines(msgspec.Struct, tag="lines"):
    """Lines of a log, numbered from `first` on. Those before that nobody was told of were too many.

    `whole`: all that are kept, for one that begins to look; whoever has some of them passes over those.
    """

    name: str
    run: str
    first: int
    lines: list[LogText]
    whole: bool = False
    anew: bool = False  # instead of all that was told of this run before
    ended: bool = False  # nobody follows it any more


class WatchSites(msgspec.Struct, tag="watch_sites"):
    """From now on tell of what is stored of these sites by who reads their logs, and of no others."""

    sites: list[int]


class StoredViews(msgspec.Struct, tag="stored_views"):
    """Page views of a site that were stored out of its logs just now; whoever shows them reads them there.

    `since`, `until`: when the first and the last of them began, in seconds since 1970.
    """

    site: int
    ids: list[UUID]
    since: float
    until: float


class LogWanted(msgspec.Struct, tag="log_wanted"):
    """To who follows a log: whether somebody wants its lines, and if so, the last ones again."""

    wanted: bool


class Logs(msgspec.Struct, tag="logs"):
    """The names of the logs that are followed, each once."""

    names: list[str]


class Taken(msgspec.Struct, tag="taken"):
    """The datapoints of this number are in their windows."""

    number: int


class Told(msgspec.Struct, tag="told"):
    """Windows of series that are followed: those that `ended`, or as far as they are."""

    ended: bool
    rows: list[Row]


Asked = Take | Follow | Offer | WatchLogs | ListLogs | Lines | WatchSites | StoredViews
Answered = Taken | Told | LogWanted | Logs | Lines | StoredViews


def line(message: Asked | Answered) -> bytes:
    """A message as it is sent."""
    return msgspec.json.encode(message) + b"\n"
