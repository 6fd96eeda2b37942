"""What a server may say of page views and events: one object each, bounded as what pages say is.

Pure; the clock is an argument. Unknown fields are ignored.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from tracker.contract import messages
from tracker.contract.messages import EventMessage, Identifier, Number, PageMessage, Refused, Text

ITEMS_LIMIT: Final = 1000
# As long as a server may hold back what it has to say.
OLDEST: Final = timedelta(hours=72)
# Clocks of servers differ; beyond that something is wrong.
AHEAD: Final = timedelta(minutes=1)
SERVER_LIMIT: Final = 64
# What else a second is counted in; and the seconds until 1973, before which nothing was.
SECONDS_LEAST: Final = 1e8
UNITS: Final = (1e9, 1e6, 1e3)


class ItemReason(StrEnum):
    """Why an item was refused, beside the reasons of `Drop`."""

    MALFORMED = "malformed"
    BAD_AT = "bad_at"
    """No time, more than 72 hours ago, or still to come."""
    BAD_URL = "bad_url"
    BAD_ADDRESS = "bad_address"
    NO_PAGE_VIEW = "no_page_view"
    """No page view is known to which the event belongs."""
    UNDER_WAY = "under_way"
    """The same id is being stored just now; say it again."""


class ItemRefused(Exception):
    """An item that is not taken."""

    def __init__(self, reason: StrEnum) -> None:
        super().__init__(reason.value)
        self.reason = reason.value


class ServerItem(msgspec.Struct):
    """A page view or an event; `id` makes it count once."""

    id: Identifier
    type: Literal["view", "event"]
    at: str | float | None = None
    url: Text = None
    referrer: Text = None
    title: Text = None
    user_agent: Text = None
    address: Text = None
    server: Text = None
    name: Text = None
    properties: dict[str, Any] | None = None
    value: Number = None
    page_view: Identifier | None = None

    def key(self) -> UUID:
        """Its id; raises ItemRefused."""
        try:
            return messages.identify(self.id)
        except Refused:
            raise ItemRefused(ItemReason.MALFORMED) from None

    def of_page_view(self) -> UUID | None:
        """The page view that an event says it is of. Raises ItemRefused."""
        if not self.page_view:
            return None
        try:
            return messages.identify(self.page_view)
        except Refused:
            raise ItemRefused(ItemReason.MALFORMED) from None

    def moment(self, now: float) -> float:
        """When it was, in seconds since 1970; `now` where it does not say. Raises ItemRefused."""
        if self.at is None:
            return now
        try:
            at = _epoch(self.at)
            if not now - OLDEST.total_seconds() <= at <= now + AHEAD.total_seconds():
                raise ValueError
        except (ValueError, OverflowError):
            raise ItemRefused(ItemReason.BAD_AT) from None
        return min(at, now)

    @property
    def server_name(self) -> str:
        """The server that it names, as it is stored."""
        return messages.trim(self.server, SERVER_LIMIT)

    def page(self, own: UUID) -> PageMessage:
        """The page view as a page says it; `own`: its `key`. Raises ItemRefused."""
        try:
            return messages.told_page(own, self.url, self.referrer, self.title)
        except Refused:
            raise ItemRefused(ItemReason.BAD_URL) from None

    def event(self, page_view: UUID) -> EventMessage:
        """The event as a page says it, of this page view; its server is a property. Raises ItemRefused."""
        said = {key: value for key, value in (self.properties or {}).items() if _is_scalar(value)}
        if self.server_name:
            said = {"server": self.server_name, **said}
        kept = dict(list(said.items())[: messages.PROPERTIES_LIMIT])
        try:
            return messages.WireEvent(str(page_view), self.id, self.name or "", kept, self.value).message()
        except Refused:
            raise ItemRefused(ItemReason.MALFORMED) from None


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _epoch(at: str | float) -> float:
    if isinstance(at, str):
        try:
            return _epoch(float(at))
        except ValueError:
            return _read_moment(at)
    # Milliseconds, as JavaScript and Java count, and finer: in seconds these would be thousands of years on.
    for unit in UNITS:
        if abs(at) >= unit * SECONDS_LEAST:
            return at / unit
    return float(at)


def _read_moment(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
