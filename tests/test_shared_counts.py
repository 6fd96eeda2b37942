"""Sharing and merging, without I/O: whatever is killed, split, wiped or lost, boards show the open tabs.

`FOOTFALL_TEST_SEQUENCES` says how many sequences of faults are tried (10,000 before a release).
"""

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from analytics.live.edges import STALE_SECONDS, Edges
from analytics.live.merged import Merged
from tracker.across import messages
from tracker.across.messages import LEASE_SECONDS, VERSION, WHOLE, Share, Statement
from tracker.across.publisher import RENEW_SECONDS
from tracker.across.redis_client import RETRY_SECONDS
from tracker.contract.attention import Attention
from tracker.live.counters import ATTENTION, LETTERS, MINUTES, VISITORS, Counters, Field, read_field
from tracker.live.counters import field as field_of
from tracker.live.dimensions import NONE_IS_NO_NAME
from tracker.live.filters import NO_FILTERS, Filters
from tracker.live.presence import SitePresence, Tab

SEQUENCES = int(os.environ.get("FOOTFALL_TEST_SEQUENCES", "100"))
SITE = 7
PRICING = Filters.of(pages=frozenset({"/pricing", "/a"}))
SCOPES = (NO_FILTERS, PRICING)
START = 1_795_000_000.0

names = st.tuples(st.sampled_from(["/", "/a", "/b", "/pricing"]), *[st.sampled_from(["", "x"])] * 7)
visitors = st.sampled_from([b"1" * 16, b"2" * 16, b"3" * 16])
index = st.integers(0, 9)


@dataclass
class RedisStore:
    """What Redis keeps and passes on, as `Publisher` and `Collector` use it."""

    now: float = START
    leases: dict[str, float] = field(default_factory=dict)  # until when
    registry: dict[str, float] = field(default_factory=dict)
    hashes: dict[str, dict[bytes, bytes]] = field(default_factory=dict)
    published: list[Statement | str] = field(default_factory=list)

    def leased(self, incarnation: str) -> bool:
        return self.leases.get(incarnation, 0) > self.now

    def wipe(self) -> None:
        self.leases, self.registry, self.hashes, self.published = {}, {}, {}, []

    def write(self, said: Statement) -> bool:
        """Whether the hash had what the writer thinks it had."""
        key = messages.share_key(SITE, said.incarnation, said.filters_key)
        if said.whole:
            self.hashes[key] = {VERSION: b"%d" % (said.version - 1), WHOLE: messages.encode(said.fields)}
        else:
            raw = self.hashes.setdefault(key, {})
            raw.update((name, b"%d" % value) for name, value in said.fields)
        version = int(self.hashes[key].get(VERSION, 0)) + 1
        self.hashes[key][VERSION] = b"%d" % version
        self.published.append(said)
        return version == said.version


@dataclass
class EdgeEnd:
    """One edge process: its open tabs, and what it last said."""

    name: str
    presence: SitePresence
    open: list[Tab] = field(default_factory=list)
    incarnation: str = ""
    split: bool = False
    alive: bool = True
    births: int = 0
    shares: dict[Filters, Share] = field(default_factory=dict)
    said: dict[Filters, Counter[bytes]] = field(default_factory=dict)

    def tick(self, store: RedisStore) -> None:
        """What `Publisher` does four times a second."""
        if self.split or not self.alive:
            return
        kept = all(self._key(filters) in store.hashes for filters in self.said)
        if not (store.leased(self.incarnation) and kept):
            self._begin(store)
        store.leases[self.incarnation] = store.now + LEASE_SECONDS
        store.registry[self.incarnation] = store.now
        for filters, share in self.shares.items():
            said = share.next()
            if said and not store.write(said):
                self._begin(store)
                return self.tick(store)
            self.said[filters] = counted(share._counters)
        return None

    def leave(self, store: RedisStore) -> None:
        self.alive = False
        if not self.split:
            store.registry.pop(self.incarnation, None)
            store.leases.pop(self.incarnation, None)
            store.published.append(self.incarnation)

    def _key(self, filters: Filters) -> str:
        return messages.share_key(SITE, self.incarnation, filters.key())

    def _begin(self, store: RedisStore) -> None:
        store.registry.pop(self.incarnation, None)
        store.leases.pop(self.incarnation, None)
        self.births += 1
        self.incarnation = f"{self.name}.{self.births}"
        self.said.clear()
        for filters in SCOPES:
            counters: Counters = self.presence.filtered(filters) if filters else self.presence
            self.shares[filters] = Share(self.incarnation, filters.key(), counters, self.births * 1000)


@dataclass
class WebEnd:
    """One web process: its roster, and what it has merged."""

    roster: Edges = field(default_factory=Edges)
    merged: dict[Filters, Merged] = field(
        default_factory=lambda: {filters: Merged(START) for filters in SCOPES}
    )
    heard: int = 0  # of what was published

    def hear(self, store: RedisStore, count: int) -> None:
        for said in store.published[self.heard : self.heard + count]:
            if isinstance(said, str):
                self.roster.left(said)
                continue
            filters = next(each for each in SCOPES if each.key() == said.filters_key)
            if not self.merged[filters].apply(said, self.roster.living):
                self._read(store, filters, said.incarnation)
        self.heard = min(len(store.published), self.heard + count)

    def look(self, store: RedisStore) -> None:
        leased = {each for each in store.registry if store.leased(each)}
        self.roster.look(store.registry, leased, store.now)
        for filters, merged in self.merged.items():
            merged.keep(self.roster.counted())
            for incarnation in merged.missing(self.roster.living):
                self._read(store, filters, incarnation)
            merged.tell_stale(self.roster.stale() + len(merged.missing(self.roster.living)))

    def compare(self, store: RedisStore) -> None:
        for filters, merged in self.merged.items():
            for incarnation in self.roster.living.values():
                raw = store.hashes.get(messages.share_key(SITE, incarnation, filters.key()), {})
                if VERSION not in raw:
                    merged.doubt(incarnation)
                elif merged.behind(incarnation, int(raw[VERSION])):
                    self._read(store, filters, incarnation)

    def _read(self, store: RedisStore, filters: Filters, incarnation: str) -> None:
        raw = store.hashes.get(messages.share_key(SITE, incarnation, filters.key()), {})
        if (share := messages.read_hash(dict(raw))) is not None:
            self.merged[filters].read(incarnation, *share)


def counted(counters: Counters) -> Counter[bytes]:
    """Everything that is open, without the minutes, which are history."""
    return Counter({name: value for name, value in counters._fields() if name[:1] != LETTERS[MINUTES:]})


class Faults(RuleBasedStateMachine):
    """Visitors come and go on several edges while things break; two web processes watch."""

    @initialize()
    def begin(self) -> None:
        self.store = RedisStore()
        self.edges: list[EdgeEnd] = []
        self.webs = [WebEnd(), WebEnd()]
        self.start_edge()
        self.start_edge()

    @rule()
    def start_edge(self) -> None:
        if sum(edge.alive for edge in self.edges) < 4:
            self.edges.append(EdgeEnd(f"edge{len(self.edges)}", SitePresence(3, self.store.now)))

    @rule(at=index, visitor=visitors, said=names)
    def join(self, at: int, visitor: bytes, said: tuple[str, ...]) -> None:
        if edge := self.living(at):
            edge.open.append(edge.presence.join(visitor, said))
            edge.presence.began(self.store.now)

    @rule(at=index, tab=index, said=names)
    def move(self, at: int, tab: int, said: tuple[str, ...]) -> None:
        if (edge := self.living(at)) and edge.open:
            edge.presence.move(edge.open[tab % len(edge.open)], said)

    @rule(at=index, tab=index, attention=st.sampled_from(Attention))
    def attend(self, at: int, tab: int, attention: Attention) -> None:
        if (edge := self.living(at)) and edge.open:
            edge.presence.attend(edge.open[tab % len(edge.open)], attention)

    @rule(at=index, tab=index)
    def close(self, at: int, tab: int) -> None:
        if (edge := self.living(at)) and edge.open:
            edge.presence.leave(edge.open.pop(tab % len(edge.open)))

    @rule(at=index)
    def kill(self, at: int) -> None:
        if edge := self.living(at):
            edge.alive = False

    @rule(at=index)
    def stop(self, at: int) -> None:
        if edge := self.living(at):
            edge.leave(self.store)

    @rule(at=index)
    def split(self, at: int) -> None:
        if edge := self.living(at):
            edge.split = True

    @rule(at=index)
    def heal(self, at: int) -> None:
        if edge := self.living(at):
            edge.split = False

    @rule()
    def wipe(self) -> None:
        self.store.wipe()
        for web in self.webs:
            web.heard = 0

    @rule(at=index)
    def lose_a_share(self, at: int) -> None:
        """As a failover to a replica that lags, or an eviction."""
        if self.store.hashes:
            del self.store.hashes[sorted(self.store.hashes)[at % len(self.store.hashes)]]

    @rule(at=index)
    def lose_messages(self, at: int) -> None:
        self.webs[at % 2].heard = len(self.store.published)

    @rule(at=index)
    def restart_web(self, at: int) -> None:
        self.webs[at % 2] = WebEnd(heard=len(self.store.published))

    @rule(seconds=st.floats(0.1, 4.0))
    def wait(self, seconds: float) -> None:
        self.store.now += seconds

    @rule(at=index)
    def tick(self, at: int) -> None:
        if edge := self.living(at):
            edge.tick(self.store)

    @rule(at=index, count=st.integers(0, 5))
    def hear(self, at: int, count: int) -> None:
        self.webs[at % 2].hear(self.store, count)

    @rule(at=index)
    def look(self, at: int) -> None:
        self.webs[at % 2].look(self.store)

    @rule()
    def what_was_said_is_what_is_shown(self) -> None:
        """No silent difference: what a web process that is up to date shows, edges said, or it is stale."""
        for web in self.webs:
            web.look(self.store)
            web.hear(self.store, len(self.store.published))
            web.compare(self.store)
            web.look(self.store)
            said_by = {edge.incarnation: edge.said for edge in self.edges if edge.incarnation}
            for filters, merged in web.merged.items():
                if not merged.stale:
                    living = web.roster.living.values()
                    said = sum((said_by[each][filters] for each in living), Counter[bytes]())
                    assert counted(merged) == said

    @rule()
    def everything_heals(self) -> None:
        """Faults end: five seconds later every board shows what is open."""
        for edge in self.edges:
            edge.split = False
        for _ in range(20):
            self.store.now += 0.25
            for edge in self.edges:
                edge.tick(self.store)
            for web in self.webs:
                web.look(self.store)
                web.hear(self.store, len(self.store.published))
        for web in self.webs:
            web.compare(self.store)
            for filters, merged in web.merged.items():
                assert counted(merged) == self.truth(filters)
                assert merged.tabs == counted_tabs(merged)
        gone = {edge.name for edge in self.edges if not edge.alive}
        assert all(web.roster.stale() <= len(gone) for web in self.webs)

    def living(self, at: int) -> EdgeEnd | None:
        living = [edge for edge in self.edges if edge.alive]
        return living[at % len(living)] if living else None

    def truth(self, filters: Filters) -> Counter[bytes]:
        """A count over the open tabs of the living edges."""
        truth: Counter[bytes] = Counter()
        for edge in self.edges:
            for tab in edge.open if edge.alive else ():
                if filters.keeps(tab.names):
                    listed = tab.names if filters else tab.counted
                    named = (
                        (kind, name)
                        for kind, name in enumerate(listed)
                        if name or kind not in NONE_IS_NO_NAME
                    )
                    truth.update(field_of(kind, name) for kind, name in named)
                    truth.update([field_of(ATTENTION, tab.attention), field_of(VISITORS, tab.visitor)])
        return truth


def counted_tabs(merged: Merged) -> int:
    return sum(merged.names["devices"].values())


Faults.TestCase.settings = settings(
    max_examples=SEQUENCES,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestFaults = Faults.TestCase


def share_of(presence: SitePresence, incarnation: str = "a.1") -> Share:
    return Share(incarnation, "", presence, 100)


def one_tab(presence: SitePresence, visitor: bytes = b"v" * 16) -> Tab:
    return presence.join(visitor, ("/", "", "Chrome", "Linux", "desktop", "DE", "direct", ""))


def test_a_share_says_everything_first_and_then_only_what_changed() -> None:
    presence = SitePresence(10, START)
    tab = one_tab(presence)
    share = share_of(presence)
    first = share.next()
    assert first
    assert (first.whole, len(first.fields)) == (True, 9)
    assert share.next() is None
    presence.attend(tab, Attention.HIDDEN)
    second = share.next()
    assert second
    assert (second.whole, second.version) == (False, first.version + 1)
    assert sorted(second.fields) == [(b"aactive", 0), (b"ahidden", 1)]


def test_a_share_is_packed_anew_before_its_loose_changes_outgrow_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "LOOSE", 20)
    presence = SitePresence(1000, START)
    share = share_of(presence)
    kinds = []
    for number in range(60):
        presence.join(bytes([number]) * 16, (f"/{number}", *[""] * 7))
        said = share.next()
        assert said
        kinds.append(said.whole)
    assert kinds[0]
    assert 1 < sum(kinds) < 10


def test_one_visitor_on_two_edges_is_one() -> None:
    merged = Merged(START)
    living = {"a": "a.1", "b": "b.1"}
    for incarnation in living.values():
        presence = SitePresence(10, START)
        one_tab(presence)
        said = share_of(presence, incarnation).next()
        assert said
        assert merged.apply(said, living)
    assert (merged.tabs, merged.visitors) == (2, 1)
    merged.keep({"a"})
    assert (merged.tabs, merged.visitors) == (1, 1)


def test_page_views_that_began_stay_begun_when_their_edge_goes() -> None:
    presence = SitePresence(10, START)
    presence.began(START + 1)
    presence.began(START - 300)  # before anybody watched: Postgres tells
    said = share_of(presence).next()
    assert said
    merged = Merged(START)
    for again in ("a.1", "a.2"):
        said.incarnation = again
        assert merged.apply(said, {"a": again})
        merged.keep(set())
        assert merged.minutes == {int(START // 60): 1}


def test_an_edge_that_vanished_is_stale_for_a_minute_and_one_that_left_is_not() -> None:
    roster = Edges()
    roster.look({"a.1": START, "b.1": START}, {"a.1", "b.1"}, START)
    roster.left("b.1")
    roster.look({"a.1": START}, set(), START + 3.1)
    assert (roster.counted(), roster.stale()) == (set(), 1)
    roster.look({"a.1": START}, set(), START + LEASE_SECONDS + STALE_SECONDS - 0.1)
    assert roster.stale() == 1
    roster.look({"a.1": START}, set(), START + LEASE_SECONDS + STALE_SECONDS + 0.1)
    assert roster.stale() == 0


def test_an_emptied_redis_holds_the_counts_until_the_edges_have_said_them_again() -> None:
    roster = Edges()
    roster.look({"a.1": START}, {"a.1"}, START)
    roster.look({}, set(), START + 1)
    assert (roster.counted(), roster.stale()) == ({"a"}, 1)
    roster.look({"a.2": START + 1.5}, {"a.2"}, START + 1.5)
    assert (roster.counted(), roster.stale(), roster.living) == ({"a"}, 0, {"a": "a.2"})
    roster.look({}, set(), START + 2)
    roster.look({}, set(), START + 2 + RENEW_SECONDS + RETRY_SECONDS)
    assert (roster.counted(), roster.stale()) == ({"a"}, 1)
    # One that died together with Redis: its pages are with others, and must not count twice for long.
    roster.look({}, set(), START + 4.1)
    assert (roster.counted(), roster.stale()) == (set(), 1)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(0, "/é?"), (1, ""), (ATTENTION, Attention.IDLE), (VISITORS, bytes(range(16))), (MINUTES, 29_900_000)],
)
def test_a_counters_name_survives_the_journey(kind: int, name: Any) -> None:
    assert read_field(field_of(kind, name)) == (kind, name)


def test_a_name_that_is_no_text_does_not_stop_the_sharing() -> None:
    presence = SitePresence(10, START)
    presence.join(b"v" * 16, ("/\ud800", *[""] * 7))
    fields: list[Field] = presence.everything()
    assert messages.encode(fields)
