"""Values in Postgres' binary format: columns as arrays, cells of rows, and what comes back.

Ids are their 16 bytes here, and times are moments: µs since 2000, as Postgres counts them. So no UUID and no
date is made, or taken apart, for a value that only passes through.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from math import floor
from struct import Struct, iter_unpack

NULL = b"\xff\xff\xff\xff"
EPOCH = 946_684_800  # 2000-01-01
_BEGINNING = datetime.fromtimestamp(EPOCH, UTC)
_FIRST, _LAST = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (1, 9999))

_HEAD = Struct(">iiiii")
_length = Struct(">i").pack
_int4_cell = Struct(">ii").pack
_int8_cell = Struct(">iq").pack
_float8_cell = Struct(">id").pack
_SIXTEEN = _length(16)


class Array:
    """A column of values, ready to be sent."""

    __slots__ = ("data", "oid")

    def __init__(self, oid: int, cell_oid: int, cells: Sequence[bytes]) -> None:
        """`cells`: values of the type `of`, each after its length."""
        head = _HEAD.pack(1 if cells else 0, 1, cell_oid, len(cells), 1)
        self.oid = oid
        self.data = head + b"".join(cells) if cells else head[:12]


def bools(values: Iterable[bool]) -> Array:
    """As `boolean[]`."""
    return Array(1000, 16, [b"\0\0\0\1\1" if value else b"\0\0\0\1\0" for value in values])


def int4s(values: Iterable[int]) -> Array:
    """As `integer[]`. Raises struct.error for what is no int4."""
    return Array(1007, 23, [_int4_cell(4, value) for value in values])


def int8s(values: Iterable[int]) -> Array:
    """As `bigint[]`. Raises struct.error for what is no int8."""
    return Array(1016, 20, [_int8_cell(8, value) for value in values])


def float8s(values: Iterable[float | None]) -> Array:
    """As `double precision[]`."""
    return Array(1022, 701, [NULL if value is None else _float8_cell(8, value) for value in values])


def uuids(values: Iterable[bytes]) -> Array:
    """As `uuid[]`."""
    return Array(2951, 2950, [_SIXTEEN + value for value in values])


def times(values: Iterable[int | None]) -> Array:
    """Moments as `timestamptz[]`. Raises struct.error for what is none."""
    return Array(1185, 1184, [NULL if value is None else _int8_cell(8, value) for value in values])


def texts(values: Iterable[str | None]) -> Array:
    """As `text[]`. Raises UnicodeEncodeError for a lone surrogate."""
    return Array(1009, 25, [NULL if value is None else text(value) for value in values])


def jsonbs(values: Iterable[bytes]) -> Array:
    """JSON texts as `jsonb[]`."""
    return Array(3807, 3802, [_length(len(value) + 1) + b"\1" + value for value in values])


def text(value: str) -> bytes:
    """A text cell. Raises UnicodeEncodeError for a lone surrogate."""
    encoded = value.encode()
    return _length(len(encoded)) + encoded


def time(at: int | None) -> bytes:
    """A timestamptz cell. Raises struct.error for what is no moment."""
    return NULL if at is None else _int8_cell(8, at)


def integer(value: bytes) -> int:
    """An integer of any size, or a moment, that Postgres gave back."""
    return int.from_bytes(value, "big", signed=True)


def integers(value: bytes) -> list[int]:
    """A `bigint[]` without NULLs that Postgres gave back."""
    return [number for _, number in iter_unpack(">iq", value[_HEAD.size :])]


def moment(at: float) -> int:
    """Of seconds since 1970. Raises ValueError or OverflowError for no time of the calendar."""
    seconds = floor(at)
    if not _FIRST <= seconds < _LAST:
        raise OverflowError("beyond the calendar")
    # Apart, since their product is only good to an eighth of a microsecond, and may round the wrong way.
    return (seconds - EPOCH) * 1_000_000 + round((at - seconds) * 1_000_000)


def date_of(at: int) -> datetime:
    """A moment as a date. Raises OverflowError beyond the calendar."""
    return _BEGINNING + timedelta(microseconds=at)
