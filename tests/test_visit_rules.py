"""Whatever is said, in whatever batches, however often: Postgres holds what a model of the rules holds."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.page_views import HOUR, MINUTE, START, at, begin, folded, progress, rows
from tracker.contract.records import Begin, Progress
from tracker.postgres.connect import connect
from tracker.storing.store import Store

pytestmark = pytest.mark.django_db(transaction=True)

GAP = 30 * MINUTE
# Never 0: of two that begin in the same microsecond, either may name the visit.
STEPS = [0.001, 1.0, MINUTE, 10 * MINUTE, GAP - 1, GAP, GAP + 1, HOUR]
SITES = count(1000)


@dataclass
class View:
    """A page view, as the rules want it."""

    began: float
    connection: int
    visit: UUID
    ended: float | None = None
    engaged: int = 0


@dataclass
class Rules:
    """The rules of ownership and visits, one sign after the other, without batches, folding or SQL."""

    views: dict[UUID, View] = field(default_factory=dict)
    open: dict[UUID, list[View]] = field(default_factory=dict)  # by visitor: the page views of the open visit

    def begin(self, record: Begin) -> None:
        time, view = record.began_at - START.timestamp(), self.views.get(record.id)
        if view is None:
            self._new(record, time)
        elif view.ended is None or time < view.ended + GAP:
            view.connection, view.ended = record.owner.connection, None

    def _new(self, record: Begin, time: float) -> None:
        visit = self.open.get(record.attribution.visitor, [])
        if not visit or all(view.ended is not None and time >= view.ended + GAP for view in visit):
            visit = self.open[record.attribution.visitor] = []
        name = visit[0].visit if visit else record.id
        view = View(time, record.owner.connection, name)
        visit.append(view)
        self.views[record.id] = view

    def progress(self, record: Progress) -> None:
        view = self.views[record.id]
        if view.connection == record.owner.connection:
            view.engaged = max(view.engaged, record.engaged_ms)
            if record.ended:
                view.ended = record.at - START.timestamp()


@dataclass
class Play:
    """Three people with two pages each; what their connections say, and when it leaves in a batch."""

    site: int
    time: float = 0.0
    pages: list[Begin] = field(default_factory=list)
    begun: dict[UUID, float] = field(default_factory=dict)
    live: dict[UUID, list[Begin]] = field(default_factory=dict)
    newest: dict[UUID, int] = field(default_factory=dict)  # the latest connection of each page view
    connections: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        people = [uuid4() for _ in range(3)]
        self.pages = [begin(site=self.site, visitor=people[n % 3], path=f"/{n}") for n in range(6)]

    def open(self, n: int) -> Begin:
        """A new page view, or one that comes back over another connection."""
        page = self.pages[n]
        self.begun.setdefault(page.id, self.time)
        said = begin(
            self.time,
            site=self.site,
            page=page.id,
            visitor=page.attribution.visitor,
            connection=next(self.connections),
            path=page.path,
        )
        self.live.setdefault(page.id, []).append(said)
        self.newest[page.id] = said.owner.connection
        return said

    def sign(self, n: int, first: bool, ended: bool) -> Progress | None:
        """A sign of one of the page's connections, the oldest (perhaps a dead socket's) or the newest."""
        live = self.live.get(self.pages[n].id)
        if not live:
            return None
        own = live[0 if first else -1]
        if ended:
            live.remove(own)
        engaged = int((self.time - self.begun[own.id]) * 800)
        return progress(own, self.time, ended=ended, engaged_ms=engaged)

    def is_last_word(self, record: Begin | Progress | None) -> bool:
        """Whether a dead socket said it, which its edge renounces as soon as another one claims the page."""
        return isinstance(record, Progress) and record.owner.connection != self.newest.get(record.id)


Moves = list[tuple[float, int, str, bool, str]]
moves = st.lists(
    st.tuples(
        st.sampled_from(STEPS),
        st.integers(0, 5),
        st.sampled_from(["open", "open", "sign", "end", "end"]),
        st.booleans(),
        st.sampled_from(["wait", "wait", "write", "write twice"]),
    ),
    min_size=1,
    max_size=14,
)


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    with connect() as connection:
        yield connection


@pytest.fixture
def store(connection: psycopg.Connection) -> Store:
    return Store(connection)


def stored(connection: psycopg.Connection, site: int) -> list[list[dict[str, Any]]]:
    return [rows(connection, table, site) for table in ("tracker_pageview", "tracker_visit")]


def write(store: Store, connection: psycopg.Connection, site: int, batch: list[Any], twice: bool) -> None:
    store.write(folded(*batch))
    if twice:
        before = stored(connection, site)
        store.write(folded(*batch))
        assert stored(connection, site) == before


@given(moves)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_batches_folding_and_replays_change_nothing_of_the_rules(
    connection: psycopg.Connection, store: Store, moves: Moves
) -> None:
    play, rules, batch = Play(next(SITES)), Rules(), []
    for step, n, kind, first, flush in moves:
        play.time += step
        record = play.open(n) if kind == "open" else play.sign(n, first, ended=kind == "end")
        if isinstance(record, Begin):
            rules.begin(record)
        elif record is not None:
            rules.progress(record)
        batch += [record] if record else []
        if flush != "wait" or play.is_last_word(record):
            write(store, connection, play.site, batch, twice=flush == "write twice")
            batch = []
    write(store, connection, play.site, batch, twice=True)
    check(connection, play.site, rules)


def check(connection: psycopg.Connection, site: int, rules: Rules) -> None:
    views, visits = stored(connection, site)
    assert {
        view["id"]: (
            view["began_at"],
            view["ended_at"],
            view["connection"],
            view["visit_id"],
            view["engaged_ms"],
        )
        for view in views
    } == {
        name: (
            at(view.began),
            None if view.ended is None else at(view.ended),
            view.connection,
            view.visit,
            view.engaged,
        )
        for name, view in rules.views.items()
    }
    expected: dict[UUID, list[View]] = {}
    for view in rules.views.values():
        expected.setdefault(view.visit, []).append(view)
    assert {visit["id"]: (visit["began_at"], visit["views"], visit["engaged_ms"]) for visit in visits} == {
        name: (at(min(v.began for v in of)), len(of), sum(v.engaged for v in of))
        for name, of in expected.items()
    }
    for visit in visits:
        ends = [view["ended_at"] or view["began_at"] for view in views if view["visit_id"] == visit["id"]]
        assert visit["ended_at"] >= max(ends)
