"""Which visit page views belong to, without a database: spans less than 30 minutes apart are one."""

from uuid import UUID, uuid4

import pytest

from tests.page_views import HOUR, MINUTE, START, begin, ignore, progress
from tracker.postgres.binary import moment
from tracker.storing.entries import PageEntry
from tracker.storing.visits import (
    NewPage,
    StoredVisit,
    VisitName,
    VisitorPages,
    by_visit,
    growth,
    latest,
    place,
    visitors,
)

VISITOR = uuid4()


def page(began: float, ended: float | None = None, *, visitor: UUID = VISITOR, path: str = "/") -> NewPage:
    """A page view of minutes."""
    said = begin(began * MINUTE, visitor=visitor, path=path)
    entry = PageEntry.of_begin(said, ignore)
    if ended is not None:
        entry.progress(progress(said, ended * MINUTE, ended=True, engaged_ms=10**9))
    return NewPage.of(said.id.bytes, entry, said)


def minute(at: float) -> int:
    return moment(START.timestamp() + at * MINUTE)


def stored(began: float, until: float) -> StoredVisit:
    return StoredVisit(VisitName(uuid4().bytes, minute(began)), minute(until))


def placed(pages: list[NewPage], open_visit: StoredVisit | None = None) -> list[bytes]:
    place(VisitorPages(1, VISITOR.bytes, pages, open_visit))
    return [each.visit.id for each in pages]


def test_page_views_less_than_30_minutes_apart_are_one_visit_named_after_the_first() -> None:
    first, second, third = page(0, 10), page(39.99, 41), page(71, 72)
    assert placed([first, second, third]) == [first.id, first.id, third.id]


def test_one_that_is_open_reaches_to_its_24th_hour() -> None:
    first, within, beyond = page(0), page(24 * 60 + 29, 24 * 60 + 29), page(24 * 60 + 30 + 29)
    assert placed([first, within, beyond]) == [first.id, first.id, beyond.id]


@pytest.mark.parametrize(
    ("began", "ended", "joins"),
    [
        (29, 30, True),
        (30, 31, False),
        (-5, -4, True),
        (-40, -31, False),
        (-40, -30, False),
        (-40, None, True),
    ],
)
def test_the_open_visit_keeps_its_name(began: float, ended: float | None, joins: bool) -> None:
    view, visit = page(began, ended), stored(0, 0)
    assert placed([view], visit) == [visit.visit.id if joins else view.id]


def test_two_spans_that_the_open_visit_bridges_are_all_of_it() -> None:
    early, late, visit = page(-20, -10), page(40, 41), stored(0, 20)
    assert placed([early, late], visit) == [visit.visit.id] * 2


def test_the_latest_visit_is_the_open_one() -> None:
    early, late, visit = page(-100, -90), page(100, 101), stored(0, 20)
    placed([early, late], visit)
    assert latest(VisitorPages(1, VISITOR.bytes, [early, late], visit)) == StoredVisit(
        late.visit, minute(101)
    )
    placed([early], visit)
    assert latest(VisitorPages(1, VISITOR.bytes, [early], visit)) == visit


def test_visitors_come_in_the_order_of_locks_and_their_page_views_in_that_of_time() -> None:
    people = sorted((uuid4() for _ in range(20)), key=lambda each: each.int)
    pages = [page(n % 7, visitor=people[n % 20]) for n in range(60)]
    found = visitors(pages)
    assert [each.id for each in found] == [each.bytes for each in people]
    assert all(
        [view.order for view in each.pages] == sorted(view.order for view in each.pages) for each in found
    )
    assert sum(len(each.pages) for each in found) == 60


def test_a_new_visit_is_its_page_views_and_an_old_one_grows_by_them() -> None:
    first, second, other = page(0, 1), page(2, 3), page(5, 6, path="/c")
    placed([first, second])
    placed([other], stored(0, 0))
    new, others = by_visit([first, second, other])
    assert (new, others) == ([[first, second]], [other])
    assert growth(other).views == 1
    assert (growth(other).last, growth(other).path) == (minute(6), "/c")


def test_durations_end_with_the_page_view_and_with_the_day() -> None:
    assert page(0, 1).engaged_ms == 60_000
    assert page(0, 30 * 60).engaged_ms == 24 * HOUR * 1000
    assert page(0, -1).ended == minute(0)
