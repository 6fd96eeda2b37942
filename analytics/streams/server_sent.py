"""The text of server-sent events.

Source: the WHATWG's HTML standard, section 9.2, server-sent events.
"""

from datetime import UTC, datetime

COMMENT = ":\n\n"


def event(name: str, data: str, last: str = "") -> str:
    """One event. `data`: JSON in one line. `last`: what a client that comes back says it had last."""
    numbered = f"id: {last}\n" if last else ""
    return f"event: {name}\n{numbered}data: {data}\n\n"


def mark(last: str) -> str:
    """What a client says that it had last when it comes back, though nothing has happened."""
    return f"id: {last}\n\n"


def retry(milliseconds: int) -> str:
    """After how long a client comes back that lost its stream."""
    return f"retry: {milliseconds}\n\n"


def moment(had: str) -> datetime | None:
    """The moment that an id of ours stands for, if it is one: seconds since 1970."""
    try:
        return datetime.fromtimestamp(float(had), UTC) if had.replace(".", "", 1).isdecimal() else None
    except (ValueError, OverflowError, OSError):
        return None
