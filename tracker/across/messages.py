"""An edge's share of the live counts on its way to the boards: in Redis, and in messages. Pure.

A hash for each share holds the counters, so that anybody may begin at any time: all of them packed in one
field, and what changed since in fields of its own (25,000 fields took 400 ms to write and 800 to read).
Each change is also published, with the version that the hash has after it: whoever missed one finds out.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec

from tracker.across.vitals import Vitals
from tracker.live.counters import Counters, Field, read_field
from tracker.live.filters import Filters
from tracker.live.refusals import HOUR, HOURS, RefusalRow
from tracker.live.stream import Happening

LEASE_SECONDS = 3.0
REFUSALS_MS = HOURS * HOUR * 1000
REGISTRY = "footfall:{edges}"  # incarnations by when they last renewed their lease (Redis' clock)
ASKED = "footfall:{edges}:asked"
CLAIMED = "footfall:{edges}:claimed"
LEFT = "footfall:{edges}:left"
AGAIN = "footfall:{edges}:again"  # incarnations whose share cannot be read: they are to begin anew
STREAM = ":stream"  # ends the channels of `stream_channel`
VERSION, WHOLE = b"#", b"="  # the hash's own fields; one without WHOLE is not complete
# So many counters may have changed, beside as many as there were, before all are packed again.
LOOSE = 1_000
# No counter of ours comes near it; as a sum over processes it still fits everything.
MOST = 2**40


class Foreign(Exception):
    """It stands under our name, and nothing of ours would write it."""


class WatchRequest(msgspec.Struct, array_like=True):
    """Somebody watches a site under these filters; said again while he does."""

    site: int
    names: dict[str, list[str]]  # to keep, by dimension

    @classmethod
    def of(cls, site_id: int, filters: Filters) -> "WatchRequest":
        """The request of somebody who watches a site under these filters."""
        return cls(site_id, filters.names())


class Claimed(msgspec.Struct, array_like=True):
    """Pages that this incarnation holds now: site, id, and when it got them (seconds since the epoch)."""

    incarnation: str
    pages: list[tuple[int, UUID, float]]


class Statement(msgspec.Struct, array_like=True):
    """A share's counters: all of them (`whole`), or the changed ones, 0 being gone."""

    incarnation: str
    filters_key: str
    version: int
    whole: bool
    fields: list[Field]


class Happened(msgspec.Struct, array_like=True):
    """What happened since an edge last told of what these filters keep, oldest first, after `passed` more."""

    filters_key: str
    passed: int
    happenings: list[Happening]


Totals = dict[int, tuple[int, int]]  # tabs and visitors by site


class EdgeLease(msgspec.Struct, array_like=True):
    """What an edge says each second that it lives, watched or not."""

    totals: Totals
    vitals: Vitals


class Share:
    """One edge's counters, of a site or a filter, on their way out: first all of them, then what changed."""

    def __init__(self, incarnation: str, filters_key: str, counters: Counters, version: int) -> None:
        self.version = version
        self._incarnation = incarnation
        self._filters_key = filters_key
        self._counters = counters
        self._loose: set[bytes] = set()
        self._room = -1
        counters.follow()

    def next(self) -> Statement | None:
        """The statement that is not sent yet: all counters, or the changed ones; None if nothing changed."""
        whole = len(self._loose) > self._room
        fields = self._counters.everything() if whole else self._counters.changes()
        if not fields and not whole:
            return None
        if whole:
            self._loose, self._room = set(), len(fields) + LOOSE
        else:
            self._loose.update(name for name, _ in fields)
        self.version += 1
        return Statement(self._incarnation, self._filters_key, self.version, whole, fields)

    @property
    def size(self) -> int:
        """How many fields its hash has: those that changed since all were packed, and two of its own."""
        return len(self._loose) + 2

    def end(self) -> None:
        """Stop following the counters, once nobody watches them."""
        self._counters.unfollow()


def edge_of(incarnation: str) -> str:
    """The process that an incarnation is one of."""
    return incarnation.partition(".")[0]


def lease(incarnation: str) -> str:
    """The key that lives while this incarnation does."""
    return f"footfall:{{edges}}:lease:{incarnation}"


def share_key(site_id: int, incarnation: str, filters_key: str) -> str:
    """The key of a share's hash."""
    return f"footfall:{{{site_id}}}:share:{incarnation}:{filters_key}"


def refusals_key(site_id: int) -> str:
    """The key of a hash: what each edge (a field) refused of a site's pages in the last hours."""
    return f"footfall:{{{site_id}}}:refusals"


def read_refusals(value: bytes) -> list[RefusalRow]:
    """What an edge refused. Raises Foreign."""
    try:
        rows = msgspec.msgpack.decode(value, type=list[RefusalRow])
    except msgspec.DecodeError:
        raise Foreign from None
    if any(not 0 <= each < MOST for row in rows for each in (row.at, *row.hours.values())):
        raise Foreign
    return rows


def channel(site_id: int) -> str:
    """Where the statements about a site are published."""
    return f"footfall:{{{site_id}}}:changes"


def stream_channel(site_id: int) -> str:
    """Where is published what happens on a site, and kept nowhere: who misses it does without."""
    return f"footfall:{{{site_id}}}{STREAM}"


def read_hash(raw: dict[bytes, bytes]) -> tuple[int, dict[bytes, int]] | None:
    """Version and counters of a share's hash; None while it is not complete. Raises Foreign."""
    packed = raw.pop(WHOLE, None)
    if packed is None:
        return None
    try:
        version = int(raw.pop(VERSION, 0))
        values = dict(msgspec.msgpack.decode(packed, type=list[Field]))
        values.update((name, int(value)) for name, value in raw.items())
    except (msgspec.DecodeError, ValueError):
        raise Foreign from None
    check(values.items())
    return version, {name: value for name, value in values.items() if value}


def read_statement(data: bytes) -> Statement:
    """A statement that was published. Raises Foreign: of half a statement nothing may be added up."""
    try:
        statement = msgspec.msgpack.decode(data, type=Statement)
    except msgspec.DecodeError:
        raise Foreign from None
    check(statement.fields)
    return statement


def check(fields: Iterable[Field]) -> None:
    """Whether these are counters, and none below zero. Raises Foreign."""
    try:
        for name, value in fields:
            read_field(name)
            if not 0 <= value < MOST:
                raise Foreign
    except ValueError:
        raise Foreign from None


def read_lease(value: bytes) -> EdgeLease | None:
    """What an edge said; None where it is of another version, and is restarted soon."""
    try:
        return msgspec.msgpack.decode(value, type=EdgeLease)
    except msgspec.DecodeError:
        return None


def encode(message: Any) -> bytes:
    """A message of this module, as it travels through Redis."""
    return msgspec.msgpack.encode(message)
