"""The spool: what waits on disk while Postgres is away, through torn ends, kills, full disks and restarts."""

import asyncio
import errno
import logging
import os
import resource
import stat
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.backups import spool_store
from scripts.stands.checkout import ROOT
from tests.page_views import begin, folded, progress, rows, said
from tests.road import Answers, Road, until
from tests.spooling import EDGE, OTHER, ROOM, buffer_of, drained, files
from tracker.contract.drops import Drop, Drops
from tracker.postgres.connect import connect
from tracker.storing import buffer as buffer_module
from tracker.storing import unreadable, writer
from tracker.storing.entries import Entry, EventEntry, PageEntry
from tracker.storing.spool import Spool
from tracker.storing.spool_file import SpoolFile
from tracker.storing.spool_records import HEAD, record_of

database = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def road() -> Road:
    return Road()


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    with connect() as connection:
        yield connection


@database
async def test_after_a_second_pages_are_told_from_the_disk(
    road: Road, folder: Path, answers: Answers, connection: psycopg.Connection
) -> None:
    async with buffer_of(road, folder) as buffer:
        road.close()
        page = begin()
        began = time.monotonic()
        buffer.begin(page, answers.to("page"))
        buffer.event(said(page, 1), answers.to("event"))
        await answers.come(2)
        assert time.monotonic() - began > 1
        assert all(stored for _, stored in answers.given)
        assert rows(connection, "tracker_pageview") == []
        (file,) = files(folder)
        assert [stat.S_IMODE(os.stat(path).st_mode) for path in (folder, file)] == [0o700, 0o600]
        assert buffer.spool.size == os.stat(file).st_size
        road.open.set()
        await until(lambda: buffer.spool.size == 0)
        assert [view["id"] for view in rows(connection, "tracker_pageview")] == [page.id]
        assert len(rows(connection, "tracker_event")) == 1
        assert files(folder) == []


@database
async def test_an_end_never_overtakes_its_begin(
    road: Road, folder: Path, answers: Answers, connection: psycopg.Connection
) -> None:
    async with buffer_of(road, folder) as buffer:
        road.close()
        pages = [begin(n / 100) for n in range(1500)]
        for page in pages:
            assert buffer.begin(page, answers.to(page.id))
        await answers.come(1500)
        for page in pages[:500]:
            buffer.progress(progress(page, 20, ended=True))
        road.open.set()
        # Some ends are spooled by now, some are not, and begins are being stored.
        for page in pages[500:]:
            buffer.progress(progress(page, 20, ended=True, engaged_ms=1000))
            await asyncio.sleep(0)
        assert await buffer.drain(10)
        await until(lambda: buffer.spool.size == 0)
    views = rows(connection, "tracker_pageview")
    assert len(views) == 1500
    assert all(view["ended_at"] for view in views)
    assert sum(visit["engaged_ms"] for visit in rows(connection, "tracker_visit")) == 1000 * 1000


KILLED = """
import asyncio, sys
from pathlib import Path
import django, psycopg
django.setup()
from tests.page_views import begin
from tracker.storing.buffer import WriteBuffer
from tracker.contract.drops import Drops
from tracker.storing.spool import Spool

def away():
    raise psycopg.OperationalError("away")

async def main():
    buffer = WriteBuffer(away, 77, 100_000, Spool(Path(sys.argv[1]), 77, 10_000_000), Drops())
    buffer.start(asyncio.get_running_loop())
    while True:
        page = begin()
        buffer.begin(page, lambda stored, page=page: print(page.id, flush=True))
        await asyncio.sleep(0.0002)

asyncio.run(main())
"""


def told_until_killed(folder: Path, number: int) -> set[UUID]:
    """What a process that spools without end was told, until it was killed in the middle of it."""
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, folder], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    try:
        lines = [process.stdout.readline() for _ in range(number)]
    finally:
        process.kill()
        lines += process.stdout.read().splitlines(keepends=True)
        process.stdout.close()
        process.wait()
    return {UUID(line.strip()) for line in lines if line.endswith("\n")}


@database
async def test_kill_9_loses_nothing_that_was_told(
    road: Road, folder: Path, connection: psycopg.Connection
) -> None:
    told = told_until_killed(folder, 1000)
    assert len(told) >= 1000
    async with buffer_of(road, folder, OTHER):
        await until(lambda: files(folder) == [])
    stored = [view["id"] for view in rows(connection, "tracker_pageview")]
    assert len(stored) == len(set(stored))
    assert told <= set(stored)
    dead = connection.execute("SELECT beat_at, seen_at FROM tracker_edge WHERE id = %s", [EDGE]).fetchone()
    assert dead, "jobs must be able to end its page views"
    assert dead[0] <= dead[1]


def in_order(count: int) -> list[Entry]:
    return folded(*(begin(n) for n in range(count)))


@given(
    batches=st.lists(st.integers(1, 20), min_size=1, max_size=5),
    cut=st.integers(1, 20_000),
    torn=st.binary(max_size=30),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_torn_end_takes_nothing_whole_with_it(
    tmp_path: Path, batches: list[int], cut: int, torn: bytes
) -> None:
    path = tmp_path / f"{EDGE:016x}.spool"
    entries, file = in_order(sum(batches)), SpoolFile.make(path)
    ends, start = [], 0
    for count in batches:
        file.append(b"".join(map(record_of, entries[start : start + count])))
        start += count
        ends.append((file.size, start))
    file.close()
    cut = min(cut, ends[-1][0])
    os.truncate(path, cut)
    with path.open("ab") as end:
        end.write(torn)
    left = SpoolFile.take(path)
    assert left
    read = drained(left)
    left.remove()
    assert read == [entry.key for entry in entries[: len(read)]]
    # Whatever was fsynced before the cut is there.
    assert len(read) >= max((count for end, count in ends if end <= cut), default=0)


@database
async def test_a_full_spool_tells_nobody_and_drops_nothing(
    road: Road,
    folder: Path,
    answers: Answers,
    connection: psycopg.Connection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with buffer_of(road, folder, room=5000) as buffer:
        road.close()
        first, *more = (begin(n) for n in range(100))
        buffer.begin(first, answers.to(first.id))
        await answers.come(1)
        for page in more:
            buffer.begin(page, answers.to(page.id))
        await until(lambda: buffer.stuck)
        assert answers.given == [(first.id, True)]
        assert files(folder)[0].stat().st_size <= 5000
        buffer.progress(progress(first, 200, ended=True))
        road.open.set()
        await answers.come(100)
        await until(lambda: buffer.spool.size == 0 and buffer.depth == 0)
        assert not buffer.stuck
    assert sorted(answers.given) == sorted((page.id, True) for page in (first, *more))
    views = rows(connection, "tracker_pageview")
    assert [view["id"] for view in views] == [page.id for page in (first, *more)]
    assert views[0]["ended_at"]
    assert "the spool takes nothing (EDQUOT)" in caplog.text


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The kernel refuses to let any file of this process grow beyond; it is told so as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@database
async def test_a_full_disk_tells_nobody_and_recovers_alone(
    road: Road, folder: Path, answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    async with buffer_of(road, folder) as buffer:
        road.close()
        pages = [begin(n) for n in range(50)]
        with caplog.at_level(logging.WARNING), largest_file(2000):
            for page in pages:
                buffer.begin(page, answers.to(page.id))
            await until(lambda: buffer.stuck)
            assert answers.given == []
        await answers.come(50)
        assert not buffer.stuck
        assert all(stored for _, stored in answers.given)
        road.open.set()
        await until(lambda: buffer.spool.size == 0)
    assert "the spool takes nothing (EFBIG)" in caplog.text
    assert str(pages[0].id) not in caplog.text


@database
async def test_a_living_edge_keeps_its_spool_and_a_gone_one_leaves_it(
    road: Road, folder: Path, answers: Answers, connection: psycopg.Connection
) -> None:
    away = Road()
    async with buffer_of(road, folder, OTHER) as living:
        async with buffer_of(away, folder) as buffer:
            away.close()
            page = begin()
            buffer.begin(page, answers.to("page"))
            await answers.come(1)
            living.spool.adopt()
            assert not living.spool.pending
            assert rows(connection, "tracker_pageview") == []
        await until(lambda: files(folder) == [])
        assert [view["id"] for view in rows(connection, "tracker_pageview")] == [page.id]


@database
async def test_what_makes_no_sense_is_kept_aside_and_stops_nothing(
    road: Road, folder: Path, answers: Answers, connection: psycopg.Connection
) -> None:
    whole, nonsense = record_of(folded(begin())[0]), b"p\x93\x01"
    os.mkdir(folder)
    file = SpoolFile.make(folder / f"{EDGE:016x}.spool")
    file.append(whole + HEAD.pack(len(nonsense), zlib.crc32(nonsense)) + nonsense + whole)
    file.close()
    async with buffer_of(road, folder, OTHER) as buffer:
        buffer.begin(begin(5), answers.to("mine"))
        await answers.come(1)
        await until(lambda: buffer.spool.unreadable == (1, HEAD.size + len(nonsense)))
    (aside,) = files(folder)
    assert aside.name.endswith(".unreadable")
    assert len(rows(connection, "tracker_pageview")) == 2


@database
async def test_what_cannot_be_written_down_is_refused_alone(
    road: Road, folder: Path, answers: Answers
) -> None:
    drops = Drops()
    async with buffer_of(road, folder, drops=drops) as buffer:
        road.close()
        buffer.begin(begin(title="surrogate \ud800"), answers.to("poison"))
        buffer.begin(begin(), answers.to("page"))
        assert sorted(await answers.come(2)) == [("page", True), ("poison", False)]
    assert drops.total(Drop.REFUSED) == 1


def test_what_the_disk_lost_of_the_own_file_is_kept_aside_and_not_deleted(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(folder, EDGE, ROOM)
    spool.append(in_order(3))
    (file,) = files(folder)
    with file.open("r+b") as disk:
        disk.seek(HEAD.size + 5)
        disk.write(b"\0\0\0\0")
    first = spool.first()
    assert first
    assert len(first.entries) == 2
    spool.drop_first()
    assert not spool.pending
    assert [path.suffix for path in files(folder)] == [".unreadable"]
    (aside,) = files(folder)
    assert f"{spool.unreadable.bytes} of {aside.stat().st_size} bytes cannot be read" in caplog.text
    spool.append(in_order(1))
    assert spool.first()
    spool.close()


def test_a_file_that_is_kept_aside_is_in_use_no_more_whatever_fails_then(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(folder, EDGE, ROOM)
    spool.append(in_order(1))
    (file,) = files(folder)
    with file.open("r+b") as disk:
        disk.write(bytes(HEAD.size))

    def no_more_files(_: Path) -> None:
        raise OSError(errno.EMFILE, "")

    monkeypatch.setattr(unreadable, "waiting", no_more_files)
    assert spool.first() is None
    assert not spool.pending
    assert [path.suffix for path in files(folder)] == [".unreadable"]


def test_an_empty_file_that_cannot_be_deleted_is_let_go(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    file = SpoolFile.make(folder / f"{EDGE:016x}.spool")
    monkeypatch.setattr(Path, "unlink", Mock(side_effect=OSError(errno.EROFS, "")))
    with pytest.raises(OSError, match="30"):
        file.remove()
    with pytest.raises(OSError, match=str(errno.EBADF)):
        file.written_at()


@database
async def test_a_postgres_that_hangs_keeps_nobody_waiting(
    road: Road, folder: Path, answers: Answers, connection: psycopg.Connection
) -> None:
    pages = [begin(n) for n in range(3)]
    async with buffer_of(road, folder) as buffer:
        with connection.transaction():
            # As good as hung for whoever writes.
            connection.execute("LOCK TABLE tracker_pageview")
            for page in pages:
                assert buffer.begin(page, answers.to(page.id))
                await until(lambda: (page.id, True) in answers.given)  # noqa: B023 (waited for here)
            assert buffer.spool.size > 0
            await until(lambda: bool(buffer.problem))
        await until(lambda: buffer.spool.size == 0)
        assert [view["id"] for view in rows(connection, "tracker_pageview")] == [page.id for page in pages]
        await until(lambda: not buffer.problem)
    assert len(answers.given) == 3


@database
async def test_the_spool_gets_shorter_though_the_disk_is_slow_and_more_is_always_due(
    road: Road,
    folder: Path,
    answers: Answers,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(buffer_module, "FLUSH_SECONDS", 0.0)
    fsync, more = os.fsync, iter([begin(n / 100) for n in range(1, 20_000)])
    came: list[UUID] = []
    async with buffer_of(road, folder) as buffer:

        def slow(descriptor: int) -> None:
            # Whoever comes meanwhile is due when it is over.
            fsync(descriptor)
            page = next(more)
            came.append(page.id)
            assert buffer.begin(page, answers.to(page.id))

        road.close()
        monkeypatch.setattr(os, "fsync", slow)
        buffer.begin(begin(), answers.to("first"))
        await until(lambda: len(came) > 20)
        road.open.set()
        await until(lambda: buffer.depth == 0 and buffer.spool.size == 0)
        assert not buffer.problem
    assert len(rows(connection, "tracker_pageview")) == len(came) + 1 == len(answers.given)


@database
def test_a_restore_waits_for_a_postgres_that_is_slow(
    folder: Path, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for patience in ("ANSWER_SECONDS", "SPOOL_AFTER_SECONDS"):
        monkeypatch.setattr(writer, patience, 0.1)
    spool = Spool(folder, OTHER, ROOM)
    spool.append(in_order(3))
    spool.close()
    with ThreadPoolExecutor(1) as pool:
        with connection.transaction():
            connection.execute("LOCK TABLE tracker_pageview")
            report = pool.submit(spool_store.store, folder, connect)
            with pytest.raises(TimeoutError):
                report.result(1.5)
        assert report.result(60) == (3, 0, 0)
    assert files(folder) == []


@database
async def test_stopping_does_not_wait_for_a_postgres_that_hangs(
    road: Road, folder: Path, answers: Answers, connection: psycopg.Connection
) -> None:
    page = begin()
    with connection.transaction():
        async with buffer_of(road, folder) as buffer:
            connection.execute("LOCK TABLE tracker_pageview")
            assert buffer.begin(page, answers.to(page.id))
        assert len(files(folder)) == 1
    async with buffer_of(road, folder, OTHER):
        await until(lambda: files(folder) == [])
    assert page.id in [view["id"] for view in rows(connection, "tracker_pageview")]


def test_what_the_first_release_spooled_is_read(tmp_path: Path) -> None:
    """Names of fields may change; on disk they are what they were, or an upgrade loses what waits there."""
    owner = {"edge": 7, "connection": 3}
    page = UUID(int=5).bytes
    begin_of_page = {
        "site_id": 1,
        "id": page,
        "owner": owner,
        "began_at": 1_790_000_000.25,
        "path": "/über",
        "origin": {"visitor": UUID(int=9).bytes, "referrer": "Google", "country": "DE", "width": 1440},
        "query": "a=b",
        "title": "T",
        "engaged_ms": 10,
        "depth": 4,
    }
    page_entry = {
        **{name: begin_of_page[name] for name in ("site_id", "id", "owner", "engaged_ms", "depth")},
        "sign_at": 1_790_000_000.25,
        "begin": begin_of_page,
        "ended_at": None,
        "done": [],
        "late": [],
        "claimed_at": None,
    }
    event = {
        "site_id": 1,
        "id": UUID(int=6).bytes,
        "page_view_id": page,
        "at": 1_790_000_001.5,
        "name": "signup",
        "properties": {"plan": "pro"},
        "value": 9.5,
    }
    path = tmp_path / f"{7:016x}.spool"
    path.write_bytes(_as_written(b"p", page_entry) + _as_written(b"e", {"said": event, "done": []}))
    file = SpoolFile.take(path)
    assert file
    first, second = file.peek(10)
    assert isinstance(first, PageEntry)
    assert first.begin
    assert (first.begin.attribution.referrer, first.begin.attribution.country) == ("Google", "DE")
    assert isinstance(second, EventEntry)
    assert (second.record.name, second.record.properties) == ("signup", {"plan": "pro"})
    file.close()
    # An older edge beside this one reads what this one spools: length, checksum, and fields it knows by name.
    again = _read_by_the_first_release(first)
    assert again["begin"].items() >= {**begin_of_page, "origin": again["begin"]["origin"]}.items()
    assert again["begin"]["origin"].items() >= {"referrer": "Google", "country": "DE", "width": 1440}.items()
    assert {**again, "begin": begin_of_page} == page_entry
    assert _read_by_the_first_release(second) == {"said": event, "done": []}


def _as_written(kind: bytes, entry: dict[str, object]) -> bytes:
    text = kind + msgspec.msgpack.encode(entry)
    return HEAD.pack(len(text), zlib.crc32(text)) + text


def _read_by_the_first_release(entry: Entry) -> dict[str, Any]:
    record = record_of(entry, b"the mark")
    body = record[HEAD.size :]
    assert HEAD.unpack(record[: HEAD.size]) == (len(body), zlib.crc32(body))
    fields: dict[str, Any] = msgspec.msgpack.decode(body[1:])
    del fields["mark"]
    return fields
