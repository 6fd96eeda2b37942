"""Columns of values as parameters in Postgres' binary format, and moments: times as Postgres counts them.

psycopg's own lists take their type from what is in them, which gives a statement many plans, want dates for
times, and cost 1.5 times as much.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import ClassVar

from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

NULL = b"\xff\xff\xff\xff"
EPOCH = 946_684_800  # 2000-01-01
_BEGINNING = datetime.fromtimestamp(EPOCH, UTC)

_HEAD = Struct(">iiiii")
_length = Struct(">i").pack
_int4_cell = Struct(">ii").pack
_int8_cell = Struct(">iq").pack
_float8_cell = Struct(">id").pack
_SIXTEEN = _length(16)


class Array:
    """A column of values, ready to be sent."""

    __slots__ = ("data",)
    oid: ClassVar[int]
    of: ClassVar[int]  # the OID of a value's type

    def __init__(self, cells: Sequence[bytes]) -> None:
        """Of values, each after its length."""
        head = _HEAD.pack(1 if cells else 0, 1, self.of, len(cells), 1)
        self.data = head + b"".join(cells) if cells else head[:12]


class ArrayDumper(Dumper):
    """Hands arrays to psycopg as they are."""

    format = Format.BINARY

    def __init__(self, cls: type[Array], context: AdaptContext | None = None) -> None:
        super().__init__(cls, context)
        self.oid = cls.oid

    def dump(self, obj: Array) -> Buffer:
        """The bytes."""
        return obj.data


class Bools(Array):
    oid, of = 1000, 16


class Int4s(Array):
    oid, of = 1007, 23


class Int8s(Array):
    oid, of = 1016, 20


class Float8s(Array):
    oid, of = 1022, 701


class Texts(Array):
    oid, of = 1009, 25


class Times(Array):
    oid, of = 1185, 1184


class Uuids(Array):
    oid, of = 2951, 2950


class Jsonbs(Array):
    oid, of = 3807, 3802


def bools(values: Iterable[bool]) -> Array:
    """As `boolean[]`."""
    return Bools([b"\0\0\0\1\1" if value else b"\0\0\0\1\0" for value in values])


def int4s(values: Iterable[int]) -> Array:
    """As `integer[]`. Raises struct.error for what is no int4."""
    return Int4s([_int4_cell(4, value) for value in values])


def int8s(values: Iterable[int]) -> Array:
    """As `bigint[]`. Raises struct.error for what is no int8."""
    return Int8s([_int8_cell(8, value) for value in values])


def float8s(values: Iterable[float | None]) -> Array:
    """As `double precision[]`."""
    return Float8s([NULL if value is None else _float8_cell(8, value) for value in values])


def uuids(values: Iterable[bytes]) -> Array:
    """As `uuid[]`, each given as its 16 bytes."""
    return Uuids([_SIXTEEN + value for value in values])


def times(values: Iterable[int | None]) -> Array:
    """Moments (see `moment`) as `timestamptz[]`. Raises struct.error for what is none."""
    return Times([NULL if value is None else _int8_cell(8, value) for value in values])


def texts(values: Iterable[str | None]) -> Array:
    """As `text[]`. Raises UnicodeEncodeError for a lone surrogate."""
    encoded = [None if value is None else value.encode() for value in values]
    return Texts([NULL if text is None else _length(len(text)) + text for text in encoded])


def jsonbs(values: Iterable[bytes]) -> Array:
    """JSON texts as `jsonb[]`."""
    return Jsonbs([_length(len(value) + 1) + b"\1" + value for value in values])


def moment(at: float) -> int:
    """Seconds since 1970 as Postgres counts them: in µs since 2000. Raises ValueError or OverflowError."""
    return round((at - EPOCH) * 1_000_000)


def moment_of(at: datetime) -> int:
    """What Postgres gave back, as it counts."""
    return (at - _BEGINNING) // timedelta(microseconds=1)


def date_of(at: int) -> datetime:
    """A moment as a date. Raises OverflowError beyond the calendar."""
    return _BEGINNING + timedelta(microseconds=at)
