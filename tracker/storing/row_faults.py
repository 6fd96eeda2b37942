"""What no row can hold: the only faults of an entry's own, for which it may be dropped. Pure.

Told from the values and not from what failed: an error of ours, or of a schema that does not fit, must never
look as if the entry were at fault.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from tracker.postgres.sqlstates import VALUE_STATES
from tracker.storing.entries import Entry

# Errors of Postgres that speak of a value; and a row that is there already, or that a check refuses.
SQLSTATES = VALUE_STATES | {"23505", "23514"}
# How wide the columns of whole numbers are, in bits; others fit every column or are cut to it.
BITS = {"site_id": 32, "connection": 32, "width": 32}
TIMES = ("began_at", "sign_at", "ended_at", "claimed_at", "at")
_FIRST, _LAST = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (1, 9999))


def fault_of(entry: Entry) -> str:
    """Why no row could hold this entry, in words without its values; empty when one can."""
    return next(filter(None, (_fault(name, value) for name, value in _values(entry))), "")


def _values(thing: msgspec.Struct) -> Iterator[tuple[str, object]]:
    for name in thing.__struct_fields__:
        if name != "done":
            yield from _within(name, getattr(thing, name))


def _within(name: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, msgspec.Struct):
        yield from _values(value)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield name, key
            yield name, each
    elif isinstance(value, tuple):
        for each in value:
            yield from _within(name, each)
    else:
        yield name, value


def _fault(name: str, value: object) -> str:
    match value:
        case str():
            return _fault_of_text(name, value)
        case bool():
            return ""
        case int():
            bits = BITS.get(name, 64) - 1
            return "" if -(1 << bits) <= value < 1 << bits else f"{name} is out of range"
        case float() if name in TIMES:
            # So that what is no number at all is a fault, too.
            return "" if _FIRST <= value < _LAST else f"{name} is not within the calendar"
    return ""


def _fault_of_text(name: str, text: str) -> str:
    if "\0" in text:
        return f"{name} holds a NUL"
    try:
        text.encode()
    except UnicodeEncodeError:
        return f"{name} holds half a character"
    return ""
