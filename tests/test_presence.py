"""Presence: counters equal to what a count over the open tabs would give, whatever happened."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tracker.contract.attention import Attention
from tracker.live.counters import WAITING_LIMIT
from tracker.live.dimensions import DIMENSIONS
from tracker.live.filters import Filters
from tracker.live.presence import OTHER, Presence, SitePresence, Tab

LIMIT = 3
names = st.tuples(*[st.sampled_from("abcdef")] * len(DIMENSIONS))
visitors = st.sampled_from([b"one", b"two", b"three"])


class OpenTabs(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.site = SitePresence(LIMIT, 0.0)
        self.open: list[Tab] = []

    @rule(visitor=visitors, said=names)
    def join(self, visitor: bytes, said: tuple[str, ...]) -> None:
        self.open.append(self.site.join(visitor, said))

    @rule(index=st.integers(0, 50))
    def leave(self, index: int) -> None:
        if self.open:
            self.site.leave(self.open.pop(index % len(self.open)))

    @rule(index=st.integers(0, 50), said=names)
    def move(self, index: int, said: tuple[str, ...]) -> None:
        if self.open:
            self.site.move(self.open[index % len(self.open)], said)

    @rule(index=st.integers(0, 50), attention=st.sampled_from(Attention))
    def attend(self, index: int, attention: Attention) -> None:
        if self.open:
            self.site.attend(self.open[index % len(self.open)], attention)

    @invariant()
    def counters_equal_a_recount(self) -> None:
        assert self.site.tabs == len(self.open)
        assert self.site.visitors == len({tab.visitor for tab in self.open})
        assert +Counter(self.site.attention) == Counter(tab.attention for tab in self.open)

    # No invariant, since each look adds up what has come and gone until then.
    @rule()
    def look(self) -> None:
        for index, dimension in enumerate(DIMENSIONS):
            assert self.site.names[dimension] == Counter(tab.counted[index] for tab in self.open)
            assert sum(self.site.names[dimension].values()) == len(self.open)

        for counter in self.site.names.values():
            assert len([name for name in counter if name != OTHER]) <= LIMIT

    def teardown(self) -> None:
        self.look()


OpenTabs.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestOpenTabs = OpenTabs.TestCase


def test_a_site_nobody_visited_is_empty() -> None:
    site = Presence(10, 5.0).site(1)
    assert (site.tabs, site.visitors, site.version, site.started_at) == (0, 0, 0, 5.0)


def test_what_has_no_name_takes_no_room_and_no_campaign_is_no_campaign() -> None:
    site = SitePresence(2, 0.0)
    tabs = [site.join(b"v", (f"/{at}", name, *[""] * 5, name)) for at, name in enumerate(["a", "b", "c", ""])]
    assert site.names["referrers"] == {"a": 1, "b": 1, OTHER: 1, "": 1}
    assert site.names["campaigns"] == {"a": 1, "b": 1, OTHER: 1}
    assert site.look(Filters.of(campaigns=frozenset({""}))).names["pages"] == {"/3": 1}
    assert site.look(Filters.of(pages=frozenset({"/3"}))).names["campaigns"] == {}
    for tab in tabs:
        site.leave(tab)
    assert not any(site.names.values())


def test_a_tab_that_comes_and_goes_between_two_looks_changes_no_counter() -> None:
    site = SitePresence(10, 0.0)
    stays = site.join(b"v", ("/a", *[""] * 7))
    site.follow()
    assert len(site.everything()) == 9  # seven names (no campaign is none), the visitor, attention
    site.leave(site.join(b"v", ("/b", *[""] * 7)))
    assert {name for name, _ in site.changes()} == {b"aactive", b"vv"}
    site.leave(stays)
    assert dict(site.changes())[b"p/a"] == 0


def test_tabs_that_nobody_looks_at_wait_to_be_added_up_in_small_numbers() -> None:
    site = SitePresence(100_000, 0.0)
    for number in range(WAITING_LIMIT * 2):
        site.join(b"v", (f"/{number}", *[""] * 7))
        assert len(site._waiting) <= WAITING_LIMIT
    assert len(site.names["pages"]) == WAITING_LIMIT * 2


def test_every_change_raises_the_version() -> None:
    site = SitePresence(10, 0.0)
    seen = [site.version]
    tab = site.join(b"v", ("/", *[""] * 7))
    seen.append(site.version)
    site.move(tab, ("/b", *[""] * 7))
    seen.append(site.version)
    site.attend(tab, Attention.HIDDEN)
    seen.append(site.version)
    site.leave(tab)
    seen.append(site.version)
    assert seen == sorted(set(seen))


@given(st.lists(st.integers(0, 10_000), max_size=60))
def test_minutes_keep_the_last_hour_and_no_more(seconds: list[int]) -> None:
    site = SitePresence(10, 0.0)
    for at in sorted(seconds):
        site.began(float(at))
    last = max(seconds, default=0) // 60
    expected = Counter(at // 60 for at in seconds if at // 60 > last - 61)
    assert {minute: count for minute, count in site.minutes.items() if minute > last - 61} == expected
    assert len(site.minutes) <= 61


def test_totals_over_sites() -> None:
    presence = Presence(10, 0.0)
    for site_id in (1, 2):
        presence.site(site_id).join(b"same", ("/", *[""] * 7))
    assert (presence.tabs(), presence.visitors()) == (2, 2)
