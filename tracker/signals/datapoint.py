"""A datapoint: one value that a server said of one of its series."""

from enum import StrEnum
from typing import NamedTuple

NAME_MOST = 200  # characters; the longest names of statsd exporters and Kubernetes pods stay below
TAGS_MOST = 20
# Of the name and all tags. With 8 bytes more for each tag, and some 40 around them, they fit a line of
# Postgres' index, which has 2,704, even where nothing of them can be compressed.
SERIES_BYTES_MOST = 2400
# Nanoseconds since 1970 are below; the squares of so large numbers, and sums of many, are still numbers.
VALUE_MOST = 1e19
OTHER = "(other)"


class SeriesKind(StrEnum):
    """What a series' values mean, by the letters that statsd has for them."""

    COUNTER = "c"
    GAUGE = "g"
    TIMER = "ms"
    HISTOGRAM = "h"
    DISTRIBUTION = "d"
    SET = "s"


class Series(NamedTuple):
    """What a datapoint belongs to; tags are pairs in the order of their names, each name once."""

    name: str
    kind: SeriesKind
    tags: tuple[tuple[str, str], ...] = ()


class Datapoint(NamedTuple):
    """One value. `weight`: how many it stands for, more than one where the sender took samples only."""

    series: Series
    value: float
    weight: float = 1.0
    relative: bool = False
    """Of a gauge: `value` is to be added to its last one."""
    member: str = ""
    """Of a set, which has no value."""


class NotADatapoint(ValueError):
    """A datapoint that cannot be taken; `reason` is one of `Reason`."""

    def __init__(self, reason: "Reason") -> None:
        super().__init__(str(reason))
        self.reason = reason


class Reason(StrEnum):
    """Why a datapoint was not taken as it came."""

    MALFORMED = "malformed"
    BAD_NAME = "bad_name"
    BAD_TAGS = "bad_tags"
    BAD_VALUE = "bad_value"
    BAD_RATE = "bad_rate"
    UNKNOWN_KIND = "unknown_kind"
    UNSUPPORTED = "unsupported"
    """Events and service checks of DogStatsD, which are no datapoints."""
    RESERVED = "reserved"
    """Of a site's own series, which only Footfall says."""
    TOO_LONG = "too_long"
    TOO_MANY_SERIES = "too_many_series"
    """It was counted under the name `(other)`."""
    TOO_MANY_MEMBERS = "too_many_members"
    """All sets together hold as many as they may: it was counted, but not as one more."""
    KERNEL = "kernel"
    """The kernel's buffer was full: nobody has seen what it held."""


def series(name: str, kind: SeriesKind, tags: dict[str, str]) -> Series:
    """A series by its name and tags; raises NotADatapoint where either cannot be stored or shown."""
    if not name or len(name) > NAME_MOST or not name.isprintable() or name.isspace():
        raise NotADatapoint(Reason.BAD_NAME)
    if len(tags) > TAGS_MOST:
        raise NotADatapoint(Reason.BAD_TAGS)
    for key, value in tags.items():
        text = key + value
        if not key or len(text) > NAME_MOST or not text.isprintable():
            raise NotADatapoint(Reason.BAD_TAGS)
    if sum(len(text.encode()) for text in (name, *tags, *tags.values())) > SERIES_BYTES_MOST:
        raise NotADatapoint(Reason.BAD_TAGS)
    return Series(name, kind, tuple(sorted(tags.items())))
