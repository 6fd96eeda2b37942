"""What a process forecasts of visits: who goes on under which source, and what is forgotten."""

from uuid import UUID

from tests.conversation import PAGES, RecordingServices, SpokenPage
from tracker.contract.records import Placed, VisitSource
from tracker.live.filters import NO_FILTERS
from tracker.live.visits import GAP_SECONDS, LiveVisits

GOOGLE, DIRECT = VisitSource("Google", "search"), VisitSource("", "direct")
ANNA, BERT, CARL = UUID(int=1), UUID(int=2), UUID(int=3)
FROM_GOOGLE = "https://www.google.com/"


def test_a_visit_goes_on_while_a_tab_is_open_and_for_half_an_hour_after() -> None:
    visits = LiveVisits()
    visit = visits.enter(ANNA, GOOGLE, 0.0)
    assert visits.enter(ANNA, DIRECT, 10 * GAP_SECONDS) is visit
    visits.leave(visit, 10 * GAP_SECONDS)
    visits.leave(visit, 11 * GAP_SECONDS)
    assert visits.enter(ANNA, DIRECT, 12 * GAP_SECONDS - 1) is visit
    visits.leave(visit, 12 * GAP_SECONDS)
    assert visits.enter(ANNA, DIRECT, 13 * GAP_SECONDS).source == DIRECT
    assert visits.enter(BERT, DIRECT, 0.0).source == DIRECT


def test_visits_that_are_over_are_forgotten_and_the_oldest_where_there_are_many() -> None:
    visits = LiveVisits(left_limit=2)
    there = [visits.enter(visitor, GOOGLE, 0.0) for visitor in (ANNA, BERT, CARL)]
    for at, visit in enumerate(there):
        visits.leave(visit, float(at))
    assert len(visits) == 2
    assert visits.enter(ANNA, DIRECT, 3.0).source == DIRECT
    visits.forget(GAP_SECONDS + 1.5)
    assert len(visits) == 2
    visits.forget(GAP_SECONDS + 2)
    assert len(visits) == 1


def names(desk: RecordingServices) -> tuple[dict[str, int], dict[str, int]]:
    counted = desk.presence.site(7).names
    return counted["referrers"], counted["channels"]


def test_a_visitor_keeps_the_source_of_the_visit_over_pages_tabs_and_reconnects() -> None:
    desk = RecordingServices()
    page, tab = SpokenPage(desk), SpokenPage(desk, connection=2)
    page.opens(PAGES[0], 1.0, "/", r=FROM_GOOGLE)
    page.opens(PAGES[1], 2.0, "/next", r="https://example.com/")
    tab.opens(PAGES[2], 3.0, "/tab", r="https://other.example/")
    assert names(desk) == ({"Google": 2}, {"search": 2})
    page.session.lost(4.0)
    back = SpokenPage(desk, connection=3)
    back.opens(PAGES[1], 5.0, "/next", r="https://example.com/", e=1)
    assert names(desk) == ({"Google": 2}, {"search": 2})
    for each in (tab, back):
        each.session.lost(6.0)
    SpokenPage(desk, connection=4).opens(PAGES[3], 6.0 + GAP_SECONDS - 1, "/", r="https://other.example/")
    assert names(desk) == ({"Google": 1}, {"search": 1})


def test_what_storing_says_of_the_visit_corrects_the_forecast() -> None:
    desk = RecordingServices()
    page = SpokenPage(desk)
    page.opens(PAGES[1], 2.0, "/next", r="https://example.com/", e=1)
    assert names(desk) == ({"": 1}, {"direct": 1})
    page.session.placed(Placed(7, PAGES[0].int, GOOGLE, begins=False))  # of a page view that is not open
    assert names(desk) == ({"": 1}, {"direct": 1})
    page.session.placed(Placed(7, PAGES[1].int, GOOGLE, begins=False))
    assert names(desk) == ({"Google": 1}, {"search": 1})
    page.opens(PAGES[2], 3.0, "/third", r="https://example.com/next")
    assert names(desk) == ({"Google": 1}, {"search": 1})
    page.session.lost(4.0)
    assert names(desk) == ({}, {})


def test_the_stream_says_where_each_page_view_came_from() -> None:
    desk = RecordingServices()
    stream = desk.presence.site(7).streams.follow(NO_FILTERS)
    page, tab = SpokenPage(desk), SpokenPage(desk, connection=2)
    page.opens(PAGES[0], 1.0, "/", r=FROM_GOOGLE)
    page.opens(PAGES[1], 2.0, "/next", r="https://example.com/")
    tab.opens(PAGES[2], 3.0, "/tab", r="https://example.com/?q=1")
    tab.opens(PAGES[3], 4.0, "/typed", r="https://other.example/")
    desk.commit()
    referrer = list(desk.presence.site(7).names).index("referrers")
    _, told = stream.after(0, 10)
    assert [(each.names[0], each.names[referrer], each.page_before) for each in reversed(told)] == [
        ("/", "Google", None),
        ("/next", "Google", "/"),
        ("/tab", "Google", "/"),
        ("/typed", "Google", "/tab"),
    ]


def test_a_page_view_that_began_a_visit_after_all_is_told_so() -> None:
    desk = RecordingServices()
    page = SpokenPage(desk)
    page.opens(PAGES[0], 1.0, "/", r=FROM_GOOGLE)
    stream = desk.presence.site(7).streams.follow(NO_FILTERS)
    page.opens(PAGES[1], 2.0, "/next", r="https://example.com/")
    page.session.placed(Placed(7, PAGES[1].int, DIRECT, begins=True))
    desk.commit()
    _, (told,) = stream.after(0, 10)
    assert told.page_before is None
    assert "Google" not in told.names
