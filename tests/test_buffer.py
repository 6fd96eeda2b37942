"""The write buffer with a real Postgres behind it: acks after COMMIT, outages, poison, limits, the end."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio

from tests.page_views import begin, progress, rows, said
from tests.road import Answers, Road, until
from tracker.contract.drops import Drop, Drops
from tracker.contract.records import NO_CONNECTION, Begin
from tracker.postgres.connect import connect
from tracker.storing import buffer as buffer_module
from tracker.storing import writer
from tracker.storing.buffer import WriteBuffer
from tracker.storing.entries import Entry, EventEntry, PageEntry
from tracker.storing.spool import Spool

pytestmark = pytest.mark.django_db(transaction=True)

EDGE = 77


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    with connect() as connection:
        yield connection


@pytest.fixture
def road() -> Road:
    return Road()


@pytest.fixture
def drops() -> Drops:
    return Drops()


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", EDGE, 10_000_000)


@pytest_asyncio.fixture
async def buffer(
    road: Road, spool: Spool, drops: Drops, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[WriteBuffer]:
    # A slow machine is no Postgres that hangs: here nothing is spooled for that.
    monkeypatch.setattr(writer, "ANSWER_SECONDS", 60.0)
    buffer = WriteBuffer(road.connect, EDGE, 2000, spool, drops)
    buffer.start(asyncio.get_running_loop())
    yield buffer
    await asyncio.to_thread(buffer.stop)


async def test_a_page_is_told_after_commit_on_the_loops_thread(
    buffer: WriteBuffer, connection: psycopg.Connection
) -> None:
    page, told = begin(), asyncio.get_running_loop().create_future()

    def done(stored: bool) -> None:
        told.set_result((stored, threading.current_thread(), len(rows(connection, "tracker_pageview"))))

    assert buffer.begin(page, done)
    assert buffer.depth == 1
    assert await asyncio.wait_for(told, 5) == (True, threading.current_thread(), 1)
    assert (buffer.depth, buffer.stored, buffer.oldest_age()) == (0, 1, 0.0)


async def test_one_page_view_is_one_entry_and_everybody_is_told(
    buffer: WriteBuffer, connection: psycopg.Connection, road: Road, answers: Answers
) -> None:
    road.close()
    first = begin(0, connection=1)
    again = begin(9, page=first.id, connection=2)
    buffer.begin(first, answers.to("first"))
    await until(lambda: buffer.depth == 1 and not buffer._waiting)  # on its way, and stuck there
    buffer.begin(again, answers.to("again"))
    buffer.progress(progress(first, 8, ended=True))
    buffer.progress(progress(again, 20, engaged_ms=5000, depth=40))
    buffer.begin(begin(30, page=first.id, connection=3), answers.to("third"))
    buffer.progress(progress(again, 31, ended=True))
    assert buffer.depth == 2
    road.open.set()
    assert sorted(await answers.come(3)) == [("again", True), ("first", True), ("third", True)]
    (view,) = rows(connection, "tracker_pageview")
    assert (view["connection"], view["ended_at"], view["engaged_ms"], view["depth"]) == (3, None, 5000, 40)


async def test_who_has_said_all_does_not_wait_for_others(
    buffer: WriteBuffer,
    connection: psycopg.Connection,
    answers: Answers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(buffer_module, "FLUSH_SECONDS", 3600.0)
    many = buffer_module.FLUSH_ENTRIES + 10
    for number in range(many):
        buffer.begin(begin(0), answers.to(number))
    # What is beyond one batch is hastened, too.
    buffer.hasten()
    assert len(await answers.come(many)) == many
    # What comes after that waits again.
    buffer.begin(begin(0), answers.to("late"))
    assert not buffer._due()
    buffer.hasten()
    assert (await answers.come(many + 1))[-1] == ("late", True)


async def test_an_outage_loses_nothing_and_stores_nothing_twice(
    buffer: WriteBuffer, connection: psycopg.Connection, road: Road, answers: Answers
) -> None:
    pages = [begin(n / 10) for n in range(300)]
    for page in pages[:100]:
        assert buffer.begin(page, answers.to(page.id))
    await answers.come(100)
    road.close()
    for page in pages[100:]:
        assert buffer.begin(page, answers.to(page.id))
    for page in pages:
        buffer.progress(progress(page, 60, ended=True, engaged_ms=1000))
    await until(lambda: buffer.oldest_age() > 0.2)
    assert len(answers.given) == 100
    road.open.set()
    await answers.come(300)
    assert await buffer.drain(10)
    assert sorted(answers.given) == sorted((page.id, True) for page in pages)
    views = rows(connection, "tracker_pageview")
    assert sorted(view["id"] for view in views) == sorted(page.id for page in pages)
    assert all(view["ended_at"] for view in views)
    assert sum(visit["engaged_ms"] for visit in rows(connection, "tracker_visit")) == 300 * 1000


async def test_backends_killed_in_the_middle_of_batches_lose_nothing(
    buffer: WriteBuffer, connection: psycopg.Connection, road: Road, answers: Answers
) -> None:
    pages = [begin(n / 100) for n in range(1500)]
    cutting = asyncio.create_task(_cut_often(road, 25))
    for start in range(0, len(pages), 50):
        for page in pages[start : start + 50]:
            assert buffer.begin(page, answers.to(page.id))
        await asyncio.sleep(0.01)
    await cutting
    await answers.come(1500)
    assert await buffer.drain(10)
    assert all(stored for _, stored in answers.given)
    await until(lambda: buffer.spool.size == 0)
    views = rows(connection, "tracker_pageview")
    assert sorted(view["id"] for view in views) == sorted(page.id for page in pages)
    assert sum(visit["views"] for visit in rows(connection, "tracker_visit")) == 1500


async def _cut_often(road: Road, times: int) -> None:
    for _ in range(times):
        await asyncio.to_thread(road.cut)
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "poison",
    [
        begin(title="nul \0"),
        begin(title="surrogate \ud800"),
        begin(10.0**13),
    ],
    ids=["nul", "surrogate", "time"],
)
async def test_a_poisoned_page_view_takes_no_other_with_it(
    buffer: WriteBuffer,
    connection: psycopg.Connection,
    answers: Answers,
    drops: Drops,
    poison: Begin,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pages = [begin(n / 10) for n in range(500)]
    pages[123] = poison
    with caplog.at_level(logging.INFO):
        for page in pages:
            assert buffer.begin(page, answers.to(page.id))
        await answers.come(500)
    assert [name for name, stored in answers.given if not stored] == [poison.id]
    assert len(rows(connection, "tracker_pageview")) == 499
    assert drops.total(Drop.REFUSED) == 1
    assert "surrogate" not in caplog.text
    assert poison.id.hex not in caplog.text.replace("-", "")


async def test_a_path_as_long_as_the_contract_allows_is_stored(
    buffer: WriteBuffer, connection: psycopg.Connection, answers: Answers
) -> None:
    path = "/" + "".join(uuid4().hex for _ in range(125))
    buffer.begin(begin(path=path), answers.to("page"))
    assert await answers.come(1) == [("page", True)]
    assert [visit["exit_path"] for visit in rows(connection, "tracker_visit")] == [path]


async def test_an_orphan_event_is_refused_and_counted(
    buffer: WriteBuffer, answers: Answers, drops: Drops, connection: psycopg.Connection
) -> None:
    page = begin()
    event = said(page, 1)
    buffer.begin(page, answers.to("page"))
    buffer.event(event, answers.to("event"))
    buffer.event(event, answers.to("event again"))
    buffer.event(said(begin(), 1), answers.to("orphan"))
    assert sorted(await answers.come(4)) == [
        ("event", True),
        ("event again", True),
        ("orphan", False),
        ("page", True),
    ]
    assert drops.total(Drop.ORPHAN_EVENT) == 1
    assert len(rows(connection, "tracker_event")) == 1


async def test_what_a_server_says_at_once_is_one_batch_and_over_as_it_begins(
    buffer: WriteBuffer,
    connection: psycopg.Connection,
    answers: Answers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(buffer_module, "FLUSH_SECONDS", 3600.0)
    there = begin(0)
    pages = [there, *(begin(number, connection=NO_CONNECTION) for number in range(1, 300))]
    event = said(pages[1], 5)
    # A page may have said itself what its server says of it, too: that is one page view.
    buffer.begin(there, answers.to("page"))
    entries: list[Entry] = [PageEntry.of_told(page, answers.to(page.id)) for page in pages]
    entries += [EventEntry(event, [answers.to(event.id)]), EventEntry(event, [answers.to("again")])]
    assert buffer.take(entries) == len(entries)
    assert buffer.depth == 301
    buffer.hasten()
    assert all(stored for _, stored in await answers.come(303))
    assert {name for name, _ in answers.given} == {page.id for page in pages} | {"page", event.id, "again"}
    views = rows(connection, "tracker_pageview")
    assert len(views) == 300
    assert all(view["ended_at"] == view["began_at"] for view in views)
    # One transaction wrote them all.
    writers = connection.execute("SELECT count(DISTINCT xmin::text) FROM tracker_recent").fetchone()
    assert writers == (1,)


async def test_of_what_is_said_at_once_there_is_room_for_the_first(
    road: Road, spool: Spool, answers: Answers, connection: psycopg.Connection
) -> None:
    road.close()
    buffer = WriteBuffer(road.connect, EDGE, 3, spool, Drops())
    buffer.start(asyncio.get_running_loop())
    pages = [begin(number) for number in range(5)]
    assert buffer.take([PageEntry.of_told(page, answers.to(page.id)) for page in pages]) == 3
    road.open.set()
    await answers.come(3)
    await asyncio.to_thread(buffer.stop)
    assert dict(answers.given) == {page.id: True for page in pages[:3]}
    assert {view["id"] for view in rows(connection, "tracker_pageview")} == {page.id for page in pages[:3]}


async def test_a_full_buffer_takes_nothing_new_but_still_folds(
    road: Road, spool: Spool, answers: Answers
) -> None:
    road.close()
    buffer = WriteBuffer(road.connect, EDGE, 3, spool, Drops())
    buffer.start(asyncio.get_running_loop())
    pages = [begin(n) for n in range(4)]
    assert [buffer.begin(page, answers.to(page.id)) for page in pages] == [True, True, True, False]
    assert not buffer.event(said(pages[0], 1), answers.to("event"))
    for page in pages[:3]:
        buffer.progress(progress(page, 5, ended=True))
    road.open.set()
    await answers.come(3)
    assert await buffer.drain(10)
    assert buffer.begin(pages[3], answers.to(pages[3].id))
    await answers.come(4)
    await asyncio.to_thread(buffer.stop)
    assert dict(answers.given) == {page.id: True for page in pages}


async def test_stopping_stores_what_is_there_and_says_goodbye(
    road: Road, spool: Spool, answers: Answers, connection: psycopg.Connection
) -> None:
    buffer = WriteBuffer(road.connect, EDGE, 100, spool, Drops())
    buffer.start(asyncio.get_running_loop())
    buffer.begin(begin(), answers.to("page"))
    await answers.come(1)
    assert _beats(connection) == 1
    buffer.begin(begin(), answers.to("last"))
    await asyncio.to_thread(buffer.stop)
    await answers.come(2)
    assert len(rows(connection, "tracker_pageview")) == 2
    assert _beats(connection) == 0


async def test_stopping_does_not_wait_for_a_postgres_that_is_away(
    road: Road, spool: Spool, answers: Answers, connection: psycopg.Connection
) -> None:
    buffer = WriteBuffer(road.connect, EDGE, 100, spool, Drops())
    buffer.start(asyncio.get_running_loop())
    buffer.begin(begin(), answers.to("page"))
    await answers.come(1)
    road.close()
    buffer.begin(begin(), answers.to("last"))
    assert not await buffer.drain(0.2)
    await asyncio.wait_for(asyncio.to_thread(buffer.stop), 5)
    assert await answers.come(2) == [("page", True), ("last", True)]
    assert _beats(connection) == 1, "jobs must be able to see that this edge went without goodbye"


async def test_an_idle_edge_beats(buffer: WriteBuffer, connection: psycopg.Connection) -> None:
    await until(lambda: _beats(connection) == 1)


def _beats(connection: psycopg.Connection) -> int:
    found = connection.execute("SELECT count(*) FROM tracker_edge WHERE id = %s", [EDGE]).fetchone()
    connection.commit()
    return found[0] if found else 0
