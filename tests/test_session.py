"""The conversation, without any I/O: what each message means, for the page, for presence and for storing."""

import json
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.conversation import PAGES, VISITOR, WALL, RecordingServices, SpokenPage
from tracker.contract.attention import Attention
from tracker.contract.close_codes import CLAIMED
from tracker.contract.drops import Drop
from tracker.contract.pace import Pace
from tracker.contract.records import Owner, Progress
from tracker.conversation.services import Outcome
from tracker.visitors.address_limits import AddressLimits


def test_a_page_is_present_at_once_and_acknowledged_after_the_commit() -> None:
    desk = RecordingServices()
    page = SpokenPage(desk)
    page.opens(path="/pricing?utm_source=x&secret=1&lang=de#top")
    site = desk.presence.site(7)
    assert (site.tabs, site.visitors, site.names["pages"]) == (1, 1, {"/pricing": 1})
    assert page.replies == []
    begin = desk.begun[0][0]
    assert (begin.path, begin.query, begin.attribution.utm_source) == (
        "/pricing",
        "utm_source=x&lang=de",
        "x",
    )
    assert (begin.began_at, begin.attribution.country, begin.attribution.visitor) == (
        WALL + 1.0,
        "DE",
        VISITOR,
    )
    desk.commit()
    assert page.replies == [(PAGES[0], Outcome.STORED)]


def test_closing_the_socket_ends_the_page_view() -> None:
    desk = RecordingServices()
    page = SpokenPage(desk)
    page.opens()
    desk.commit()
    page.says(9.0, t="state", id=str(PAGES[0]), s="idle", e=5000, d=60)
    page.session.lost(11.0)
    assert desk.presence.site(7).tabs == 0
    assert desk.progressed == [
        Progress(7, PAGES[0], Owner(1, 1), WALL + 11.0, engaged_ms=5000, depth=60, ended=True)
    ]


def test_a_title_that_follows_is_stored_at_once_and_once() -> None:
    desk = RecordingServices()
    page = SpokenPage(desk)
    page.opens()
    desk.commit()
    for now, title in ((1.5, "Prices"), (1.6, "Prices"), (1.7, ""), (1.8, None)):
        page.says(now, t="state", id=str(PAGES[0]), s="active", e=0, d=0, ti=title)
    assert [(record.title, record.ended) for record in desk.progressed] == [("Prices", False)]
    page.session.lost(3.0)
    assert (desk.progressed[-1].title, desk.progressed[-1].ended) == ("Prices", True)


def test_an_event_without_a_name_costs_itself_alone() -> None:
    desk = RecordingServices()
    page = SpokenPage(desk)
    page.opens()
    page.says(2.0, t="event", id=str(PAGES[0]), k=str(PAGES[1]), n=" \x00 ")
    page.says(2.1, t="event", id=str(PAGES[0]), k=str(PAGES[2]), n="signup")
    assert (page.closed, [record.name for record, _ in desk.events]) == ([], ["signup"])
    assert desk.drops.total(Drop.NAMELESS) == 1


def test_in_a_single_page_app_the_next_page_ends_the_one_before() -> None:
    desk = RecordingServices()
    page = SpokenPage(desk)
    page.opens(PAGES[0], 1.0, "/a")
    page.opens(PAGES[1], 4.0, "/b")
    site = desk.presence.site(7)
    assert (site.tabs, site.names["pages"], site.minutes) == (1, {"/b": 1}, {int(WALL // 60): 2})
    assert [(record.id, record.ended) for record in desk.progressed] == [(PAGES[0], True)]
    assert list(desk.claims) == [PAGES[1]]


def test_said_again_while_waiting_it_is_stored_and_answered_once() -> None:
    desk = RecordingServices()
    page = SpokenPage(desk)
    page.opens()
    page.opens(now=11.0)
    assert len(desk.begun) == 1
    desk.commit()
    assert page.replies == [(PAGES[0], Outcome.STORED)]
    page.opens(now=12.0)
    assert page.replies == [(PAGES[0], Outcome.STORED)] * 2
    assert desk.begun == []


def test_without_room_nothing_is_acknowledged_until_said_again() -> None:
    desk = RecordingServices(full=True)
    page = SpokenPage(desk)
    page.opens()
    assert page.replies == [(PAGES[0], Outcome.FULL)]
    assert desk.drops.total(Drop.BUFFER_FULL) == 1
    desk.full = False
    page.opens(now=11.0)
    desk.commit()
    assert page.replies[-1] == (PAGES[0], Outcome.STORED)
    assert desk.presence.site(7).minutes == {int(WALL // 60): 1}


def test_a_page_that_found_no_room_ends_without_a_record() -> None:
    desk = RecordingServices(full=True)
    page = SpokenPage(desk)
    page.opens()
    page.session.lost(2.0)
    assert desk.progressed == []


def test_a_claimed_page_is_counted_once_and_the_old_connection_ends_nothing() -> None:
    desk = RecordingServices()
    first, second = SpokenPage(desk, 1), SpokenPage(desk, 2)
    first.opens()
    second.opens(now=3.0, e=1500, d=10)
    site = desk.presence.site(7)
    assert (site.tabs, site.minutes) == (1, {int(WALL // 60): 1})
    assert first.closed == [CLAIMED]
    first.session.lost(4.0)
    assert (site.tabs, desk.progressed) == (1, [])
    assert desk.begun[-1][0].owner == Owner(1, 2)


def test_a_page_that_comes_back_brings_its_engaged_time() -> None:
    desk = RecordingServices()
    page = SpokenPage(desk)
    page.opens(e=20_000, d=40)
    page.says(6.0, t="state", id=str(PAGES[0]), s="hidden", e=99_000, d=20)
    page.session.lost(6.0)
    assert desk.presence.site(7).minutes == {}
    assert (desk.progressed[0].engaged_ms, desk.progressed[0].depth) == (25_000, 40)


def test_attention_is_counted_and_stored_at_most_once_a_minute() -> None:
    desk = RecordingServices()
    page = SpokenPage(desk)
    page.opens()
    desk.commit()
    for second in range(2, 130):
        page.says(
            float(second), t="state", id=str(PAGES[0]), s="hidden" if second % 2 else "active", e=1, d=1
        )
    assert len(desk.progressed) == 2
    assert desk.presence.site(7).attention[Attention.HIDDEN] == 1


def test_the_clock_may_step_while_a_page_is_open() -> None:
    desk = RecordingServices()
    page = SpokenPage(desk)
    page.opens(now=1.0)
    desk.commit()
    desk.wall = lambda now: WALL + now - 300  # type: ignore[method-assign]
    page.session.lost(5.0)
    assert desk.progressed[0].at == WALL + 5.0


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "https://example.com.evil.example/",
        "https://example.com@evil.example/",
        "http://[2001:db8::1]/",
    ],
)
def test_a_page_says_no_url_of_another_site(url: str) -> None:
    desk = RecordingServices()
    page = SpokenPage(desk)
    page.says(t="page", id=str(PAGES[0]), u=url)
    assert page.closed == [4403]
    assert (desk.begun, desk.drops.total(Drop.FOREIGN_PAGE)) == ([], 1)
    assert not desk.presence.site(7).tabs


def test_a_page_that_goes_on_to_another_site_ends() -> None:
    desk = RecordingServices()
    page = SpokenPage(desk)
    page.opens()
    desk.commit()
    page.says(t="page", id=str(PAGES[1]), u="https://evil.example/")
    assert page.closed == [4403]
    assert [each.ended for each in desk.progressed] == [True]


def test_an_excluded_path_is_neither_counted_nor_stored() -> None:
    desk = RecordingServices()
    page = SpokenPage(desk)
    page.opens(PAGES[0], 1.0, "/a")
    page.opens(PAGES[1], 2.0, "/admin")
    assert (desk.presence.site(7).tabs, len(desk.begun)) == (0, 1)
    assert page.replies == [(PAGES[1], Outcome.IGNORED)]
    assert page.closed == []


def test_events_wait_for_their_commit_and_count_once() -> None:
    desk = RecordingServices()
    page = SpokenPage(desk)
    page.opens()
    event = {"t": "event", "id": str(PAGES[0]), "k": str(PAGES[4]), "n": "signup", "p": {"plan": "pro"}}
    page.says(2.0, **event)
    page.says(2.1, **event)
    assert [(said.name, said.properties) for said, _ in desk.events] == [("signup", {"plan": "pro"})]
    desk.commit()
    assert (PAGES[4], Outcome.STORED) in page.replies


def test_what_breaks_the_protocol_closes_and_leaves_nobody_behind() -> None:
    end = json.dumps({"t": "end", "id": str(PAGES[0])})
    frames: list[tuple[str | bytes, int]] = [("{", 4400), (end, 4400), ("x" * 9000, 4413), (b"\0", 4400)]
    for frame, code in frames:
        desk = RecordingServices()
        page = SpokenPage(desk)
        page.opens()
        page.session.receive(frame, 2.0)
        assert page.closed == [code]
        assert desk.presence.site(7).tabs == 0
        assert sum(desk.drops.as_dict().values()) == 1


def test_too_many_messages_close_4429_and_a_steady_page_never() -> None:
    desk = RecordingServices()
    steady, flood = SpokenPage(desk, 1, Pace(5, 2)), SpokenPage(desk, 2, Pace(5, 2))
    steady.opens(PAGES[0])
    flood.opens(PAGES[1])
    for second in range(2, 100):
        steady.says(second / 2, t="state", id=str(PAGES[0]), s="idle", e=0, d=0)
        flood.says(1.001, t="state", id=str(PAGES[1]), s="idle", e=0, d=0)
    assert (steady.closed, flood.closed) == ([], [4429])


def test_without_a_salt_a_page_is_told_to_come_later() -> None:
    page = SpokenPage(RecordingServices(salted=False))
    page.opens()
    assert page.closed == [4503]


def test_what_postgres_refuses_is_told() -> None:
    desk = RecordingServices()
    page = SpokenPage(desk)
    page.opens()
    desk.commit(stored=False)
    assert page.replies == [(PAGES[0], Outcome.REFUSED)]


class Conversations(RuleBasedStateMachine):
    """Three connections say anything in any order; what they share must stay true."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = RecordingServices()
        self.now = 1.0
        self.connections = 0
        self.pages: list[SpokenPage] = []
        self.rule_connect()

    def rule_connect(self) -> None:
        self.connections += 1
        self.pages.append(SpokenPage(self.desk, self.connections))

    @precondition(lambda self: len(self.pages) < 3)
    @rule()
    def connect(self) -> None:
        self.rule_connect()

    @precondition(lambda self: self.pages)
    @rule(who=st.integers(0, 2), page=st.sampled_from(PAGES), path=st.sampled_from(["/a", "/b", "/admin"]))
    def say_page(self, who: int, page: UUID, path: str) -> None:
        self.pages[who % len(self.pages)].opens(page, self.now, path)

    @precondition(lambda self: self.pages)
    @rule(who=st.integers(0, 2), page=st.sampled_from(PAGES), engaged=st.integers(0, 10**9))
    def say_state(self, who: int, page: UUID, engaged: int) -> None:
        self.pages[who % len(self.pages)].says(self.now, t="state", id=str(page), s="idle", e=engaged, d=50)

    @precondition(lambda self: self.pages)
    @rule(who=st.integers(0, 2))
    def lose(self, who: int) -> None:
        self.pages.pop(who % len(self.pages)).session.lost(self.now)

    @rule(stored=st.booleans())
    def commit(self, stored: bool) -> None:
        self.desk.commit(stored)

    @rule(full=st.booleans(), seconds=st.floats(0.01, 90))
    def pass_time(self, full: bool, seconds: float) -> None:
        self.desk.full = full
        self.now += seconds

    @invariant()
    def presence_equals_the_open_pages(self) -> None:
        holding = [page.session for page in self.pages if page.session.page]
        assert self.desk.presence.site(7).tabs == len(holding)
        assert self.desk.claims == {session.page.id: session for session in holding if session.page}

    @invariant()
    def durations_are_possible(self) -> None:
        for record in self.desk.progressed:
            assert 0 <= record.engaged_ms <= (self.now - 1.0) * 1000 + 1
            assert record.at <= WALL + self.now

    @invariant()
    def the_closed_hold_nothing(self) -> None:
        assert all(page.session.page is None for page in self.pages if page.session.closed)


Conversations.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestConversations = Conversations.TestCase


def test_neighbours_who_say_too_much_are_told_to_come_back_later() -> None:
    desk, limits = RecordingServices(), AddressLimits(sockets=10, burst=3, rate=1)
    pages = [SpokenPage(desk, n, address_use=limits.use_of("192.0.2.1", 0.0)) for n in (1, 2)]
    for page, number in ((pages[0], 0), (pages[1], 1), (pages[0], 0)):
        page.opens(PAGES[number])
    pages[1].opens(PAGES[1])
    assert (pages[0].closed, pages[1].closed) == ([], [4503])
