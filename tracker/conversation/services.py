"""What a conversation asks of the process that holds it, and what it knows of who is at the other end."""

from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol, TypeVar
from uuid import UUID

import msgspec

from tracker.contract.drops import Drop
from tracker.contract.records import Begin, EventRecord, Progress
from tracker.live.presence import SitePresence
from tracker.pages.naming import Naming
from tracker.visitors.address_limits import AddressUse
from tracker.visitors.agents import Agent

Holder = TypeVar("Holder", contravariant=True)


class Outcome(Enum):
    """What became of a page or an event that was said."""

    STORED = auto()
    REFUSED = auto()  # Postgres will never take it
    FULL = auto()  # no room to wait in; to be said again
    IGNORED = auto()  # not for storing


Reply = Callable[[UUID, Outcome], None]


class Tracked(Protocol):
    """What a conversation asks of its site (`tracker.sites.directory.TrackedSite`)."""

    @property
    def id(self) -> int: ...
    @property
    def naming(self) -> Naming: ...
    @property
    def ref_parameters(self) -> bool: ...
    def allows(self, host: str) -> bool: ...
    def excludes_path(self, path: str) -> bool: ...


class Caller(msgspec.Struct, frozen=True, gc=False):
    """Who holds the other end of a conversation. The address stays in memory for as long as it lasts."""

    site: Tracked
    host: str  # of the page that opened it, from the handshake's Origin
    address: str
    user_agent: str
    agent: Agent
    country: str
    live_key: bytes
    address_use: AddressUse


class Services(Protocol[Holder]):
    """What a session, the holder of a page view, needs of its process (`tracker.edge.edge.Edge`)."""

    def presence_of(self, site_id: int) -> SitePresence: ...
    def visitor(self, caller: Caller, wall: float) -> UUID | None: ...
    def wall(self, now: float) -> float: ...
    def claim(self, session: Holder, page_view_id: UUID) -> bool: ...
    def release(self, session: Holder, page_view_id: UUID) -> None: ...
    def begin(self, record: Begin, done: Callable[[bool], None]) -> bool: ...
    def progress(self, record: Progress) -> None: ...
    def event(self, record: EventRecord, done: Callable[[bool], None]) -> bool: ...
    def drop(self, reason: Drop) -> None: ...
    def refused(self, site_id: int, reason: Drop, of: str = "") -> None: ...
    def count_message(self) -> None: ...
