"""What waits to be stored: an entry per page view, into which all that is said of it folds; one per event.

Folding is what bounds the buffer by open sockets, and what makes begin and end of a short page view
one insert. It follows the same rules of ownership as `tracker.storing.store` does for what is stored already.
"""

from collections.abc import Callable
from uuid import UUID

import msgspec

from tracker.contract.records import Begin, EventRecord, Owner, Progress
from tracker.contract.spans import LONGEST_PAGE_VIEW, VISIT_GAP

Done = Callable[[bool], None]
# What it is, its site, and its id as a number: a UUID's hash is Python, 0.25 µs each of eight times a load.
Key = tuple[str, int, int]
PAGE_VIEW, EVENT = "page view", "event"

REOPEN_SECONDS = VISIT_GAP.total_seconds()
LONGEST_SECONDS = LONGEST_PAGE_VIEW.total_seconds()


class PageEntry(msgspec.Struct):
    """What is to be stored of one page view."""

    site_id: int
    id: UUID
    owner: Owner
    sign_at: float  # the owner's last sign of life, seconds since the epoch
    engaged_ms: int
    depth: int
    begin: Begin | None = None  # the first: what began, or the claim that reopened it
    ended_at: float | None = None
    done: list[Done] = []
    late: tuple[Owner, ...] = ()  # whose claims came too late: they own nothing, newer or not
    claimed_at: float | None = None  # since when the owner has it, where `begin` is not its own
    # Where it followed the begin; else not spooled either, as before there were any.
    title: str | msgspec.UnsetType = msgspec.UNSET

    @property
    def key(self) -> Key:
        """What it is one entry of."""
        return PAGE_VIEW, self.site_id, self.id.int

    @classmethod
    def of_begin(cls, begin: Begin, done: Done) -> "PageEntry":
        """The entry of a page view that begins, or is claimed."""
        return cls(
            site_id=begin.site_id,
            id=begin.id,
            owner=begin.owner,
            sign_at=begin.began_at,
            engaged_ms=begin.engaged_ms,
            depth=begin.depth,
            begin=begin,
            done=[done],
        )

    @classmethod
    def of_progress(cls, progress: Progress) -> "PageEntry":
        """The entry of a page view whose begin is stored, or on its way."""
        return cls(
            site_id=progress.site_id,
            id=progress.id,
            owner=progress.owner,
            sign_at=progress.at,
            engaged_ms=progress.engaged_ms,
            depth=progress.depth,
            ended_at=progress.at if progress.ended else None,
            title=progress.title or msgspec.UNSET,
        )

    @classmethod
    def of_told(cls, begin: Begin, done: Done) -> "PageEntry":
        """The entry of a page view of which a server tells: it is over as it begins, and so never open."""
        entry = cls.of_begin(begin, done)
        entry.ended_at = begin.began_at
        return entry

    def join(self, other: "PageEntry") -> None:
        """What another entry of this page view says, after all that was said here."""
        if other.begin:
            for done in other.done:
                self.claim(other.begin, done)
        ended = other.ended_at is not None
        at = other.sign_at if other.ended_at is None else other.ended_at
        self.progress(
            Progress(self.site_id, self.id, other.owner, at, other.engaged_ms, other.depth, ended=ended)
        )

    def claim(self, begin: Begin, done: Done) -> None:
        """A begin of a page view that waits already: its connection owns it now, if it comes in time."""
        self.done.append(done)
        if self._too_late(begin.began_at):
            self.late += (begin.owner,)
            return
        self._count(begin.engaged_ms, begin.depth)
        if self.begin:
            self.claimed_at = begin.began_at
        else:
            self.begin = begin
        self.owner = begin.owner
        self.sign_at = begin.began_at
        self.ended_at = None

    def progress(self, progress: Progress) -> None:
        """A sign of life; nothing that a connection says counts once another owns the page view."""
        # Without a claim here, the later connection of this edge is the one that owns the page view.
        newer = self.begin is None and progress.owner.connection > self.owner.connection
        if progress.owner in self.late or (progress.owner != self.owner and not newer):
            return
        self._count(progress.engaged_ms, progress.depth)
        self.title = progress.title or self.title
        self.owner = progress.owner
        self.sign_at = progress.at
        if progress.ended:
            self.ended_at = progress.at
        elif newer or (self.ended_at is not None and progress.at > self.ended_at):
            self.ended_at = None

    def _count(self, engaged_ms: int, depth: int) -> None:
        self.engaged_ms = max(self.engaged_ms, engaged_ms)
        self.depth = max(self.depth, depth)

    def _too_late(self, at: float) -> bool:
        return (self.ended_at is not None and at >= self.ended_at + REOPEN_SECONDS) or (
            self.begin is not None and at >= self.begin.began_at + LONGEST_SECONDS
        )


class EventEntry(msgspec.Struct):
    """A custom event to be stored."""

    record: EventRecord = msgspec.field(name="said")  # in spools since the first release
    done: list[Done]

    @property
    def key(self) -> Key:
        """What it is one entry of."""
        return EVENT, self.record.site_id, self.record.id.int


Entry = PageEntry | EventEntry
