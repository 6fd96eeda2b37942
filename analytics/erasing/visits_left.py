"""What is left of a visit when some of its page views were never there. Pure.

It is what `tracker.storing.visits` would have made of the others: spans less than 30 minutes apart are one
visit, named after its first page view.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from tracker.contract.spans import LONGEST_PAGE_VIEW, VISIT_GAP


class StoredView(NamedTuple):
    """A page view as it is stored."""

    id: UUID
    visit: UUID
    began: datetime
    ended: datetime | None
    engaged_ms: int
    path: str
    events: int

    @property
    def reaches(self) -> datetime:
        """Until when it may have lasted."""
        return self.ended or self.began + LONGEST_PAGE_VIEW

    @property
    def last_sign(self) -> datetime:
        """When it was heard of last, as far as is stored."""
        return self.ended or self.began + timedelta(milliseconds=self.engaged_ms)


class VisitLeft(NamedTuple):
    """A visit of those page views that are left."""

    was: UUID  # the visit that it was part of
    views: Sequence[StoredView]

    @property
    def id(self) -> UUID:
        """Its name."""
        return self.views[0].id

    @property
    def began(self) -> datetime:
        """When its first page view began."""
        return self.views[0].began

    @property
    def ended(self) -> datetime:
        """The last sign of any of them."""
        return max(view.last_sign for view in self.views)


def visits_left(views: Iterable[StoredView]) -> list[VisitLeft]:
    """The visits that these page views are, which were of some visits before."""
    by_visit: dict[UUID, list[StoredView]] = {}
    for view in sorted(views, key=lambda view: (view.began, view.id.bytes)):
        by_visit.setdefault(view.visit, []).append(view)
    return [VisitLeft(was, group) for was, own in by_visit.items() for group in _apart(own)]


def _apart(views: Sequence[StoredView]) -> list[list[StoredView]]:
    groups: list[list[StoredView]] = []
    until: datetime | None = None
    for view in views:
        if until is None or view.began - until >= VISIT_GAP:
            groups.append([])
        groups[-1].append(view)
        until = max(until, view.reaches) if until else view.reaches
    return groups
