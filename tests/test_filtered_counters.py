"""Views of live filters: equal to a look at every open tab, whatever happened since they were built."""

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from analytics.live.filtered_cache import LIMIT, FilteredCache
from tracker.contract.attention import Attention
from tracker.live.filters import NO_FILTERS, Filters
from tracker.live.presence import SitePresence, Tab

names = st.tuples(*[st.sampled_from("abc")] * 8)
EITHER = Filters.of(pages=frozenset("ab"), countries=frozenset("c"))
INDEX = st.integers(0, 20)


class Watched(RuleBasedStateMachine):
    """Tabs come, move and go under a filter that is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.site = SitePresence(2, 0.0)
        self.view = self.site.filtered(EITHER)
        self.open: list[Tab] = []

    @rule(visitor=st.sampled_from([b"one", b"two"]), said=names)
    def join(self, visitor: bytes, said: tuple[str, ...]) -> None:
        self.open.append(self.site.join(visitor, said))

    @rule(at=INDEX, said=names)
    def move(self, at: int, said: tuple[str, ...]) -> None:
        if self.open:
            self.site.move(self.open[at % len(self.open)], said)

    @rule(at=INDEX, attention=st.sampled_from(Attention))
    def attend(self, at: int, attention: Attention) -> None:
        if self.open:
            self.site.attend(self.open[at % len(self.open)], attention)

    @rule(at=INDEX)
    def leave(self, at: int) -> None:
        if self.open:
            self.site.leave(self.open.pop(at % len(self.open)))

    @invariant()
    def the_view_equals_a_look_at_every_tab(self) -> None:
        self.site.forget(EITHER)
        looked = self.site.look(EITHER)
        assert looked is not self.view
        assert dict(looked.everything()) == dict(self.view.everything())
        self.site._filtered[EITHER] = self.view


Watched.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestWatched = Watched.TestCase


def test_equal_filters_have_one_name_in_every_process_and_others_another() -> None:
    pages = [f"/{number}" for number in range(50)]
    assert Filters.of(pages=frozenset(pages)).key() == Filters.of(pages=frozenset(reversed(pages))).key()
    assert Filters.of(pages=frozenset("a")).key() != Filters.of(referrers=frozenset("a")).key()
    assert NO_FILTERS.key() == ""


async def test_a_filter_that_is_asked_for_again_is_kept_and_one_asked_for_once_is_not() -> None:
    site, views = SitePresence(10, 0.0), FilteredCache()
    first, second = views.look(site, EITHER), views.look(site, EITHER)
    assert first is not second
    tab = site.join(b"v", ("a", "", "", "", "", "c", "", ""))
    assert views.look(site, EITHER) is second
    assert (second.tabs, first.tabs) == (1, 0)
    site.leave(tab)
    views._forget((site, EITHER))
    assert site.look(EITHER) is not second


async def test_only_so_many_filters_are_kept() -> None:
    site, views = SitePresence(10, 0.0), FilteredCache()
    for number in range(LIMIT + 5):
        for _ in range(2):
            views.look(site, Filters.of(pages=frozenset({f"/{number}"})))
        await asyncio.sleep(0)
    assert len(site._filtered) == LIMIT
