"""Edges that spool have no order among them: whatever comes first, the latest claim owns the page view."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.page_views import Record, at, begin, folded, progress, rows
from tracker.contract.records import Begin
from tracker.postgres.connect import connect
from tracker.storing.spool_file import SUFFIX, SpoolFile
from tracker.storing.spool_records import record_of
from tracker.storing.store import Store

pytestmark = pytest.mark.django_db(transaction=True)

SITES = count(2000)


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    with connect() as connection:
        yield connection


@pytest.fixture
def store(connection: psycopg.Connection) -> Store:
    return Store(connection)


def test_a_claim_from_the_middle_that_comes_last_takes_nothing(
    store: Store, connection: psycopg.Connection
) -> None:
    first = begin(0, edge=1, connection=1)
    middle = begin(5, page=first.id, edge=2)
    last = begin(9, page=first.id, edge=1, connection=2)
    store.write(folded(first, last, progress(last, 60, ended=True, engaged_ms=30_000)))
    store.write(folded(middle, progress(middle, 8, ended=True)))
    (view,) = rows(connection, "tracker_pageview")
    assert (view["edge"], view["connection"], view["claimed_at"]) == (1, 2, at(9))
    assert (view["began_at"], view["ended_at"], view["engaged_ms"]) == (at(0), at(60), 30_000)


def test_a_claim_is_known_again_when_its_spool_is_stored_again(
    store: Store, connection: psycopg.Connection
) -> None:
    first = begin(0, edge=1, connection=1)
    claim = begin(5, page=first.id, edge=1, connection=2)
    taken = begin(9, page=first.id, edge=2)
    for batch in (first, claim, taken, first, claim):
        store.write(folded(batch))
    (view,) = rows(connection, "tracker_pageview")
    assert (view["edge"], view["claimed_at"], view["ended_at"]) == (2, at(9), None)


def test_a_server_clock_that_was_set_back_keeps_no_page_from_coming_back(
    store: Store, connection: psycopg.Connection
) -> None:
    first = begin(0, edge=1, connection=1)
    claim = begin(200, page=first.id, edge=1, connection=2)
    back = begin(100, page=first.id, edge=1, connection=3)
    for batch in (first, claim, back):
        store.write(folded(batch))
    store.write(folded(progress(back, 300, ended=True)))
    (view,) = rows(connection, "tracker_pageview")
    assert (view["connection"], view["ended_at"]) == (3, at(300))


# The edge a page comes to, whether the socket that it left says its end, whether a batch ends with it.
hops = st.lists(st.tuples(st.integers(1, 3), st.booleans(), st.booleans()), min_size=1, max_size=8)


@given(hops, st.booleans(), st.data())
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_in_any_order_and_twice_the_latest_claim_owns_and_ends(
    connection: psycopg.Connection,
    store: Store,
    path: list[tuple[int, bool, bool]],
    ends: bool,
    data: st.DataObject,
) -> None:
    site, page = next(SITES), uuid4()
    batches: dict[int, list[list[Record]]] = {edge: [[]] for edge in (1, 2, 3)}
    last: Begin | None = None
    for step, (edge, says_end, flushes) in enumerate(path):
        came = begin(step * 10, site=site, page=page, edge=edge, connection=step + 1)
        # The old socket is noticed dead a moment after the page is back, or its edge is told of the claim.
        if last and says_end:
            batches[last.owner.edge][-1].append(progress(last, step * 10 + 1, ended=True))
        batches[edge][-1].append(came)
        if flushes:
            batches[edge].append([])
        last = came
    assert last
    if ends:
        batches[last.owner.edge][-1].append(progress(last, 100, ended=True))
    order = data.draw(st.permutations([edge for edge, of in batches.items() for _ in of]))
    with TemporaryDirectory() as name:
        spool(Path(name), batches)
        for _ in range(data.draw(st.integers(1, 2))):
            drain(Path(name), order, store)
    (view,) = rows(connection, "tracker_pageview", site)
    assert (view["edge"], view["connection"]) == (last.owner.edge, last.owner.connection)
    assert view["ended_at"] == (at(100) if ends else None)


def spool(folder: Path, batches: dict[int, list[list[Record]]]) -> None:
    """Each edge's batches in a file of its own."""
    for edge, of in batches.items():
        file = SpoolFile.make(folder / f"{edge:016x}{SUFFIX}")
        file.append(b"".join(record_of(entry) for batch in of for entry in folded(*batch)))
        file.close()


def drain(folder: Path, order: list[int], store: Store) -> None:
    """Store batches of the files in this order of edges, as whoever found them would; keep the files."""
    files = {edge: SpoolFile.take(folder / f"{edge:016x}{SUFFIX}") for edge in set(order)}
    for edge in order:
        file = files[edge]
        assert file
        store.write(file.peek(1000))
        file.skip()
    for file in files.values():
        assert file
        assert file.drained
        file.close()
