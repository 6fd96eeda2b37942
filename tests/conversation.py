"""A conversation without any I/O: the far end, and services that keep what they are asked to store."""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from uuid import UUID

from tracker.contract.drops import Drop, Drops
from tracker.contract.pace import Pace
from tracker.contract.records import Begin, EventRecord, Owner, Progress
from tracker.conversation.services import Caller, Outcome
from tracker.conversation.session import Session
from tracker.live.presence import Presence, SitePresence
from tracker.pages.naming import Naming
from tracker.visitors.address_limits import AddressUse
from tracker.visitors.agents import Agent

VISITOR = UUID(int=99)
PAGES = [UUID(int=n) for n in range(1, 6)]
WALL = 1_800_000_000.0
UNHURRIED = Pace(1000, 1000)
NAMING = Naming(frozenset({"lang"}))


@dataclass(frozen=True)
class Example:
    """A site, as far as a session asks."""

    id: int = 7
    naming: Naming = NAMING
    ref_parameters: bool = True
    excluded: Collection[str] = ("/admin",)

    def allows(self, host: str) -> bool:
        return host == "example.com"

    def excludes_path(self, path: str) -> bool:
        return path in self.excluded


@dataclass
class RecordingServices:
    """Keeps what a session asks to be stored; the test says when it is committed."""

    full: bool = False
    begun: list[tuple[Begin, Callable[[bool], None]]] = field(default_factory=list)
    progressed: list[Progress] = field(default_factory=list)
    events: list[tuple[EventRecord, Callable[[bool], None]]] = field(default_factory=list)
    drops: Drops = field(default_factory=Drops)
    refusals: list[tuple[int, Drop, str]] = field(default_factory=list)
    claims: dict[UUID, Session] = field(default_factory=dict)
    presence: Presence = field(default_factory=lambda: Presence(100, 0.0))
    salted: bool = True
    messages: int = 0

    def presence_of(self, site_id: int) -> SitePresence:
        return self.presence.site(site_id)

    def visitor(self, caller: Caller, wall: float) -> UUID | None:
        return VISITOR if self.salted else None

    def wall(self, now: float) -> float:
        return WALL + now

    def claim(self, session: Session, page_view_id: UUID) -> bool:
        holder = self.claims.get(page_view_id)
        self.claims[page_view_id] = session
        if holder is None or holder is session:
            return False
        holder.renounce()
        return True

    def release(self, session: Session, page_view_id: UUID) -> None:
        if self.claims.get(page_view_id) is session:
            del self.claims[page_view_id]

    def begin(self, record: Begin, done: Callable[[bool], None]) -> bool:
        if not self.full:
            self.begun.append((record, done))
        return not self.full

    def progress(self, record: Progress) -> None:
        self.progressed.append(record)

    def event(self, record: EventRecord, done: Callable[[bool], None]) -> bool:
        if not self.full:
            self.events.append((record, done))
        return not self.full

    def refused(self, site_id: int, reason: Drop, of: str = "") -> None:
        self.refusals.append((site_id, reason, of))

    def drop(self, reason: Drop) -> None:
        self.drops.count(reason)

    def count_message(self) -> None:
        self.messages += 1

    def commit(self, stored: bool = True) -> None:
        waiting = [done for _, done in self.begun + self.events]
        self.begun.clear()
        self.events.clear()
        for done in waiting:
            done(stored)


def example_caller(address_use: AddressUse | None = None) -> Caller:
    """Somebody in Germany with Firefox."""
    return Caller(
        Example(),
        "example.com",
        "192.0.2.1",
        "UA",
        Agent("Firefox", "Linux", "desktop"),
        "DE",
        b"k" * 16,
        address_use or AddressUse("", 1_000_000, 1_000_000),
    )


class SpokenPage:
    """The far end: what it was answered."""

    def __init__(
        self,
        desk: RecordingServices,
        connection: int = 1,
        pace: Pace = UNHURRIED,
        address_use: AddressUse | None = None,
    ) -> None:
        self.replies: list[tuple[UUID, Outcome]] = []
        self.closed: list[int] = []
        self.session = Session(
            desk,
            example_caller(address_use),
            Owner(1, connection),
            pace,
            lambda said, outcome: self.replies.append((said, outcome)),
            self.closed.append,
        )

    def says(self, now: float = 1.0, **message: object) -> None:
        self.session.receive(json.dumps(message), now)

    def opens(self, page: UUID = PAGES[0], now: float = 1.0, path: str = "/", **more: object) -> None:
        said = {"r": "", "ti": "T", "w": 800, **more}
        self.says(now, t="page", id=str(page), u=f"https://example.com{path}", **said)
