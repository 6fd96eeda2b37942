"""The page view that a conversation has open: how far it has come, and who waits to hear it is stored."""

from uuid import UUID

import msgspec

from tracker.contract.records import Begin, Owner, Progress, VisitSource
from tracker.conversation.services import Outcome, Reply
from tracker.live.presence import Tab
from tracker.live.visits import LiveVisit


class OpenPage(msgspec.Struct, eq=False):
    """One open page view; small, since ten thousands of them wait."""

    id: UUID
    opened: float  # steady clock
    shift: float  # wall clock minus steady clock when it opened
    tab: Tab
    begin: Begin | None  # until it is stored
    names: tuple[str, ...]  # the tab's, while this page view is the one that it shows
    visit: LiveVisit
    source: VisitSource  # that these names have: the visit's, as far as it was known
    visit_goes_on: bool  # it does not begin the visit
    page_before: str  # where a stream is told of it: the one before it in its visit
    engaged_ms: int
    depth: int
    said_ms: int = 0  # engaged time brought along from before a dropped connection
    queued: bool = False
    progress_at: float = 0.0
    waiting: tuple[Reply, ...] = ()
    title: str | None = None  # where it followed the begin
    untold: bool = False  # a stream is to be told of it as soon as it is stored

    @classmethod
    def of_begin(cls, begin: Begin, tab: Tab, visit: LiveVisit, page_before: str, now: float) -> "OpenPage":
        """A page view that begins, or goes on, at `now` of the steady clock."""
        return cls(
            id=begin.id,
            opened=now,
            shift=begin.began_at - now,
            tab=tab,
            begin=begin,
            names=tab.names,
            visit=visit,
            source=visit.source,
            visit_goes_on=bool(visit.page),
            page_before=page_before,
            engaged_ms=begin.engaged_ms,
            depth=begin.depth,
            said_ms=begin.engaged_ms,
            progress_at=now,
        )

    @property
    def began_at(self) -> float:
        """Seconds since the epoch, by the server's clock."""
        return self.opened + self.shift

    def attended(self, engaged_ms: int, depth: int, now: float) -> None:
        """The page says how long and how deep it was read by now."""
        # It cannot have been engaged for longer than it has been open, whatever it says.
        longest = self.said_ms + int((now - self.opened) * 1000)
        self.engaged_ms = max(self.engaged_ms, min(engaged_ms, longest))
        self.depth = max(self.depth, depth)

    def retitled(self, title: str | None) -> bool:
        """The page says its title; whether that is news. Single-page apps get theirs after they moved on."""
        if not title or title == (self.title or (self.begin.title if self.begin else None)):
            return False
        self.title = title
        return True

    def progress(self, site_id: int, owner: Owner, now: float, ended: bool) -> Progress:
        """The record that says how far the page view has come."""
        return Progress(
            site_id=site_id,
            id=self.id,
            owner=owner,
            at=now + self.shift,
            engaged_ms=self.engaged_ms,
            depth=self.depth,
            ended=ended,
            title=self.title,
        )

    def settled(self, stored: bool) -> None:
        """Its begin is stored, or refused for good: answer who waits."""
        self.queued = False
        if stored:
            self.begin = None
        self.answer(Outcome.STORED if stored else Outcome.REFUSED)

    def answer(self, outcome: Outcome) -> None:
        """Tell everybody who waits for this page view what became of it."""
        waiting, self.waiting = self.waiting, ()
        for reply in waiting:
            reply(self.id, outcome)
