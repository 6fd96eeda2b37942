"""What the process that gathers datapoints and those that show them say: a line of JSON each."""

import msgspec

from tracker.signals.json_points import JsonPoint
from tracker.signals.windows import Row

LINE_MOST = 8 * 1024 * 1024  # bytes: a whole batch of datapoints


class Take(msgspec.Struct, tag="take"):
    """Datapoints to be taken; answered with `Taken` of the same number."""

    number: int
    points: list[JsonPoint]


class Follow(msgspec.Struct, tag="follow"):
    """From now on tell of series with these names, and of no others; `*` stands for any text."""

    names: list[str]


class Taken(msgspec.Struct, tag="taken"):
    """The datapoints of this number are in their windows."""

    number: int


class Told(msgspec.Struct, tag="told"):
    """Windows of series that are followed: those that `ended`, or as far as they are."""

    ended: bool
    rows: list[Row]


Asked = Take | Follow
Answered = Taken | Told


def line(message: Asked | Answered) -> bytes:
    """A message as it is sent."""
    return msgspec.json.encode(message) + b"\n"
