"""One page view, one holder: over several edges the latest claim wins, whatever was not heard in between."""

import json
from dataclasses import dataclass, field
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.conversation import RecordingServices, SpokenPage
from tracker.conversation.claims import Claims
from tracker.conversation.session import Session

IDS = [UUID(int=number) for number in range(1, 4)]
SITE = 7
ids = st.sampled_from(IDS)
index = st.integers(0, 2)


@dataclass
class EdgeServices(RecordingServices):
    """A desk whose claims are the real ones."""

    name: str = ""
    held: Claims = field(init=False)

    def __post_init__(self) -> None:
        self.held = Claims(self.name, lambda session: None)

    def claim(self, session: Session, page_id: UUID) -> bool:
        return self.held.take((SITE, page_id.int), session)

    def release(self, session: Session, page_id: UUID) -> None:
        self.held.release((SITE, page_id.int), session)

    def holds(self, page_id: UUID) -> bool:
        return self.held.holder((SITE, page_id.int)) is not None


def say(desk: RecordingServices, page_id: UUID, now: float) -> SpokenPage:
    """A page that comes (back) to this edge."""
    page = SpokenPage(desk)
    said = {"t": "page", "id": str(page_id), "u": "https://example.com/", "e": 0, "d": 0}
    page.session.receive(json.dumps(said), now)
    return page


def tell(source: EdgeServices, target: EdgeServices) -> None:
    """What the one says, the other hears; and the other way round, if it must be said again."""
    if target.held.apply(source.held.news(), source.name):
        source.held.apply(target.held.news(), target.name)


class Wanderers(RuleBasedStateMachine):
    """Pages that change edges while their old sockets linger."""

    def __init__(self) -> None:
        super().__init__()
        self.edges = [EdgeServices(name=name) for name in "abc"]
        self.now = 1.0
        self.last: dict[UUID, tuple[EdgeServices, SpokenPage]] = {}

    @rule(at=index, page_id=ids)
    def come(self, at: int, page_id: UUID) -> None:
        self.now += 0.5
        edge = self.edges[at]
        self.last[page_id] = (edge, say(edge, page_id, self.now))

    @rule(page_id=ids)
    def close(self, page_id: UUID) -> None:
        if page_id in self.last:
            self.last.pop(page_id)[1].session.lost(self.now)

    @rule(one=index, other=index)
    def hear(self, one: int, other: int) -> None:
        """One hears; the third does not."""
        if one != other:
            tell(self.edges[one], self.edges[other])

    @rule(at=index)
    def lose_the_news(self, at: int) -> None:
        self.edges[at].held.news()

    @rule()
    def heal(self) -> None:
        """All edges begin anew and say everything."""
        for source in self.edges:
            for target in self.edges:
                if source is not target:
                    source.held.say_all()
                    tell(source, target)
        for page_id in IDS:
            holders = [edge for edge in self.edges if edge.holds(page_id)]
            assert len(holders) <= 1
            if page_id in self.last:
                assert holders == [self.last[page_id][0]]
        open_tabs = sum(edge.presence.site(SITE).tabs for edge in self.edges)
        assert open_tabs == sum(edge.holds(page_id) for edge in self.edges for page_id in IDS)


Wanderers.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestWanderers = Wanderers.TestCase


def test_of_two_claims_at_the_same_time_exactly_one_stands() -> None:
    one, other = EdgeServices(name="a"), EdgeServices(name="b")
    for desk in (one, other):
        say(desk, IDS[0], 5.0)
    from_one, from_other = one.held.news(), other.held.news()
    other.held.apply(from_one, "a")
    one.held.apply(from_other, "b")
    assert [one.holds(IDS[0]), other.holds(IDS[0])] == [False, True]


def test_nothing_piles_up_while_nobody_asks_for_news() -> None:
    desk = EdgeServices(name="a")
    for number in range(100):
        say(desk, UUID(int=number), float(number)).session.lost(float(number))
    say(desk, IDS[0], 200.0)
    assert [page for _, page, _ in desk.held.news()] == [IDS[0]]
    assert desk.held.news() == []
