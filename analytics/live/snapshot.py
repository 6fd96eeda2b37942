"""The live object: what a site looks like at one moment, in the one shape that is sent of it.

Boards, the API, streams and the time machine send it, all or a part; static/shared/snapshot.js has its types
for the board. It is made from counters in O(names): a site's in this process, a filter's, or all edges'.
"""

import heapq
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
from msgspec import UNSET, UnsetType

from analytics.live.last_hour import LastHour
from tracker.across.vitals import Vitals
from tracker.contract.attention import Attention
from tracker.live.counters import Counters
from tracker.live.dimensions import DIMENSIONS
from tracker.live.stream import Happening

DEFAULT_LIMIT, LARGEST_LIMIT = 20, 1000

PAGE, REFERRER, BROWSER, COUNTRY = map(DIMENSIONS.index, ("pages", "referrers", "browsers", "countries"))


class NameTabs(msgspec.Struct, frozen=True):
    """One row of a list: a name, and how many tabs have it."""

    name: str
    tabs: int


class StreamRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A page view that began, or with `event` an event; `at` in seconds since the epoch.

    `before`: the page before it in its visit; not there where the visit began with it, from its referrer.
    `logged`: out of a server's log, so that nobody has it open.
    """

    at: float
    visitor: str
    page: str
    referrer: str
    browser: str
    country: str
    event: str = ""
    before: str | None = None
    logged: bool = False


class StreamNews(msgspec.Struct, frozen=True):
    """Rows, newest first; before them `more` that are not told. `whole`: instead of all that came before."""

    whole: bool
    more: int
    rows: list[StreamRow]


class LiveObject(msgspec.Struct, kw_only=True):
    """What every snapshot has beside its lists, and what only a board's has."""

    site: str
    at: str
    seq: int
    stale: int
    tabs: int
    visitors: int
    # None in the time machine: nobody stores attention.
    active: int | None
    idle: int | None
    hidden: int | None
    totals: dict[str, int]
    # Page views begun within the last 60 seconds.
    rate: int | UnsetType = UNSET
    minutes: LastHour | UnsetType = UNSET
    world: dict[str, int] | UnsetType = UNSET
    stream: StreamNews | UnsetType = UNSET
    system: Vitals | UnsetType = UNSET


# One list for each dimension, whatever dimensions there are.
Snapshot = msgspec.defstruct(
    "Snapshot", [(name, list[NameTabs]) for name in DIMENSIONS], bases=(LiveObject,), kw_only=True
)


class Snapshots:
    """Makes the snapshots of one process; their numbers rise with each one, and across restarts with time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: seconds since the epoch."""
        self._clock = clock
        self._last = 0

    def make(self, counters: Counters, key: str, limit: int = DEFAULT_LIMIT) -> tuple[float, LiveObject]:
        """The snapshot of a site's counters, and the moment that it is of."""
        now = self._clock()
        self._last = max(self._last + 1, int(now * 1000))
        return now, snapshot(counters, key, self._last, datetime.fromtimestamp(now, UTC), limit)


def snapshot(counters: Counters, key: str, seq: int, at: datetime, limit: int = DEFAULT_LIMIT) -> LiveObject:
    """The live object; `limit` (1 to LARGEST_LIMIT) rows a list, `totals` counting all of them."""
    names = counters.names
    parts: dict[str, Any] = {name: rows(names[name], limit) for name in DIMENSIONS}
    made = Snapshot(
        site=key,
        at=at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        seq=seq,
        stale=counters.stale,
        tabs=counters.tabs,
        visitors=counters.visitors,
        **{attention.value: counters.attention.get(attention, 0) for attention in Attention},
        totals={name: len(names[name]) for name in DIMENSIONS},
        **parts,
    )
    return cast(LiveObject, made)


def for_board(shown: LiveObject, counters: Counters, minutes: LastHour, rate: int) -> LiveObject:
    """The same with what boards show beside the lists: last hour, last minute, the map of every country."""
    shown.minutes, shown.rate = minutes, rate
    # The list of countries has the largest only.
    shown.world = {country: tabs for country, tabs in counters.names["countries"].items() if country}
    return shown


def rows(counter: dict[str, int], limit: int) -> list[NameTabs]:
    """The `limit` largest, most tabs first, then by name."""
    # 10,000 names, the 20 largest: nsmallest takes 3 ms where sorting them all takes 5.
    largest = heapq.nsmallest(limit, counter.items(), key=lambda item: (-item[1], item[0]))
    return [NameTabs(name, tabs) for name, tabs in largest]


def news(more: int, happenings: Iterable[Happening], whole: bool = False) -> StreamNews:
    """What happened, newest first, as boards are told of it."""
    return StreamNews(
        whole,
        more,
        [
            StreamRow(
                at=round(each.at, 3),
                visitor=each.mark,
                page=each.names[PAGE],
                referrer=each.names[REFERRER],
                browser=each.names[BROWSER],
                country=each.names[COUNTRY],
                event=each.event,
                before=each.page_before,
                logged=each.logged,
            )
            for each in happenings
        ],
    )


def encode(part: Any) -> str:
    """A snapshot, or a member of one, as JSON."""
    return msgspec.json.encode(part).decode()


def with_member(text: str, name: str, member: str) -> str:
    """An encoded snapshot with one more member, encoded too.

    A thousand boards share a snapshot's text, and differ in what they were told before: encoding it for each
    would cost each tick a thousand times what one costs.
    """
    return f'{text[:-1]},"{name}":{member}}}'
