"""Which visit a page view belongs to. Pure.

Page views are spans of time, and so is the visit that a visitor has open; spans less than 30 minutes apart
are one visit, which keeps its name if it had one, and else is named after its first page view. A page view
that is still open reaches to its 24th hour. Ids and times are as on the wire (`tracker.postgres.binary`):
bytes, which compare as Postgres compares them, and µs.
"""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import timedelta

import msgspec

from tracker.contract.records import Begin
from tracker.contract.spans import LONGEST_PAGE_VIEW, VISIT_GAP
from tracker.postgres.binary import moment
from tracker.storing.entries import PageEntry

MICROSECOND = timedelta(microseconds=1)
GAP, LONGEST = VISIT_GAP // MICROSECOND, LONGEST_PAGE_VIEW // MICROSECOND


class VisitName(msgspec.Struct, frozen=True, gc=False):
    """A visit's name: its first page view and when that began."""

    id: bytes
    began: int


class StoredVisit(msgspec.Struct, frozen=True, gc=False):
    """A visit as it is stored, and until when it reaches at least."""

    visit: VisitName
    until: int


class Growth(msgspec.Struct, frozen=True, gc=False):
    """How much a visit that exists grows."""

    site_id: int
    visit: VisitName
    last: int | None = None
    engaged_ms: int = 0
    events: int = 0
    views: int = 0
    page_began: int | None = None
    path: str | None = None


class NewPage(msgspec.Struct, eq=False, gc=False):
    """A page view that is not stored yet."""

    id: bytes
    visitor: bytes
    entry: PageEntry
    begin: Begin
    began: int
    ended: int | None
    last: int  # the last sign of life
    engaged_ms: int
    visit: VisitName

    @classmethod
    def of(cls, page_id: bytes, entry: PageEntry, begin: Begin) -> "NewPage":
        """A visit of its own, until it is placed. Raises ValueError or OverflowError for no time."""
        began = moment(begin.began_at)
        ended = None if entry.ended_at is None else ended_within(entry.ended_at, began)
        last = max(began, moment(entry.sign_at)) if ended is None else ended
        engaged = max(0, min(entry.engaged_ms, (last - began) // 1000, LONGEST // 1000))
        visitor = begin.attribution.visitor.bytes
        return cls(page_id, visitor, entry, begin, began, ended, last, engaged, VisitName(page_id, began))

    @property
    def seen_until(self) -> int:
        """The last moment at which the page view was there for sure."""
        return self.began if self.ended is None else self.ended

    @property
    def reach(self) -> int:
        """The moment until which the page view holds its visit open."""
        return self.began + LONGEST if self.ended is None else self.ended

    @property
    def order(self) -> tuple[int, bytes]:
        """Sorts page views by when they began."""
        return self.began, self.id


class VisitorPages(msgspec.Struct, frozen=True, gc=False):
    """The new page views of one visitor of a site, in their order, and the visit that is open already."""

    site_id: int
    id: bytes
    pages: list[NewPage]
    stored: StoredVisit | None = None

    @property
    def back_late(self) -> bool:
        """Whether it takes a closer look to say that the open visit goes on."""
        return self.stored is not None and self.pages[-1].began >= self.stored.until + GAP


def ended_within(at: float, began: int) -> int:
    """An end that is neither before the begin nor a day after it."""
    return min(max(moment(at), began), began + LONGEST)


def visitors(pages: Iterable[NewPage]) -> list[VisitorPages]:
    """Whose page views these are, by (site, visitor)."""
    by_visitor: dict[tuple[int, bytes], list[NewPage]] = {}
    for page in pages:
        by_visitor.setdefault((page.entry.site_id, page.visitor), []).append(page)
    for views in by_visitor.values():
        if len(views) > 1:
            views.sort(key=lambda page: page.order)
    return [VisitorPages(*key, views) for key, views in sorted(by_visitor.items())]


def place(visitor: VisitorPages) -> None:
    """Say of a visitor's page views which visits they belong to."""
    stored = visitor.stored
    spans: list[tuple[tuple[int, bytes], int, NewPage | None]]
    spans = [(page.order, page.reach, page) for page in visitor.pages]
    if stored:
        first = bisect_left(visitor.pages, (stored.visit.began, b""), key=lambda page: page.order)
        spans.insert(first, ((stored.visit.began, b""), stored.until, None))
    chain: list[NewPage] = []
    visit: VisitName | None = None
    until = spans[0][1]
    for (began, _), reach, page in spans:
        if began >= until + GAP:
            chain, visit = [], None
        until = max(until, reach)
        if page is None and stored:
            visit = stored.visit
            for earlier in chain:
                earlier.visit = visit
        elif page:
            chain.append(page)
            visit = visit or page.visit
            page.visit = visit


def latest(visitor: VisitorPages) -> StoredVisit:
    """The latest of a visitor's visits, once page views are placed, and what is known of its reach."""
    stored = visitor.stored
    until = {stored.visit: stored.until} if stored else {}
    for page in visitor.pages:
        until[page.visit] = max(page.seen_until, until.get(page.visit, page.seen_until))
    visit = min(until, key=lambda visit: (-visit.began, visit.id))
    return StoredVisit(visit, until[visit])


def by_visit(pages: Iterable[NewPage]) -> tuple[list[list[NewPage]], list[NewPage]]:
    """The placed page views, in their order, of each visit that begins with one of them; and all others."""
    visits: dict[tuple[int, bytes], list[NewPage]] = {}
    for page in pages:
        visits.setdefault((page.entry.site_id, page.visit.id), []).append(page)
    new, others = [], []
    for views in visits.values():
        if views[0].id == views[0].visit.id:
            new.append(views)
        else:
            others += views
    return new, others


def growth(page: NewPage) -> Growth:
    """What a visit that exists grows by with this page view."""
    return Growth(
        page.entry.site_id,
        page.visit,
        last=page.last,
        engaged_ms=page.engaged_ms,
        views=1,
        page_began=page.began,
        path=page.begin.path,
    )
