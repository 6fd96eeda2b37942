"""The background work: page views that nobody ended, purges, partitions; alone, and clean to stop."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from django.contrib.sessions.models import Session

from tests.page_views import HOUR, MINUTE, START, at, begin, folded, progress, rows
from tracker.liveness.activity import Activity
from tracker.models import OpenVisit, Recent, Salt, Site
from tracker.postgres import partitions
from tracker.postgres.connect import connect
from tracker.storing.store import Store
from tracker.upkeep import abandoned, clock_doubt, jobs, purges

pytestmark = pytest.mark.django_db(transaction=True)

DAY = 24 * HOUR


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    with connect() as connection:
        connection.autocommit = True
        yield connection


@pytest.fixture
def store() -> Iterator[Store]:
    with connect() as connection:
        yield Store(connection)


def beat(connection: psycopg.Connection, edge: int, seconds: float, silent: float) -> None:
    """An edge beat at `seconds` by its clock, `silent` seconds ago by the database's."""
    connection.execute(
        "INSERT INTO tracker_edge (id, beat_at, seen_at)"
        " VALUES (%s, %s, clock_timestamp() - make_interval(secs => %s))",
        [edge, at(seconds), silent],
    )


def test_page_views_of_a_dead_edge_end_at_its_last_beat(connection: psycopg.Connection, store: Store) -> None:
    visitor = uuid4()
    lost, busy, late = begin(0, edge=1, visitor=visitor), begin(10, edge=1), begin(105, edge=1)
    alive, ended = begin(20, edge=2), begin(30, edge=1)
    store.write(folded(lost, busy, late, alive, ended))
    store.write(folded(progress(busy, 103, engaged_ms=92_500), progress(ended, 40, ended=True)))
    beat(connection, 1, seconds=100, silent=61)
    beat(connection, 2, seconds=100, silent=59)

    abandoned.end_of_dead_edges(connection)
    ends = {view["id"]: view["ended_at"] for view in rows(connection, "tracker_pageview")}
    assert ends == {
        lost.id: at(100),
        busy.id: at(102.5),  # it was engaged until then, so it lived
        late.id: at(105),
        alive.id: None,
        ended.id: at(40),
    }
    for visit in rows(connection, "tracker_visit"):
        heard = at(103) if visit["id"] == busy.id else visit["began_at"]
        assert visit["ended_at"] == max(ends[visit["id"]] or heard, heard)
        assert visit["engaged_ms"] == (92_500 if visit["id"] == busy.id else 0)
    assert connection.execute("SELECT id FROM tracker_edge").fetchall() == [(2,)]

    late_return = begin(100 + 30 * MINUTE, visitor=visitor, edge=2)
    store.write(folded(late_return))
    assert late_return.id in {visit["id"] for visit in rows(connection, "tracker_visit")}


def test_a_page_view_that_another_edge_claimed_is_left_alone(
    connection: psycopg.Connection, store: Store
) -> None:
    page = begin(0, edge=1)
    store.write(folded(page))
    store.write(folded(begin(50, page=page.id, edge=2)))
    beat(connection, 1, seconds=60, silent=100)
    abandoned.end_of_dead_edges(connection)
    assert [view["ended_at"] for view in rows(connection, "tracker_pageview")] == [None]


def test_an_edge_that_was_only_silent_goes_on(connection: psycopg.Connection, store: Store) -> None:
    page, quiet = begin(0, edge=1), begin(0, edge=1)
    store.write(folded(page, quiet))
    beat(connection, 1, seconds=60, silent=100)
    abandoned.end_of_dead_edges(connection)
    store.write(folded(progress(page, 300, engaged_ms=1000)))
    store.write(folded(progress(quiet, 400, ended=True)))
    ends = {view["id"]: view["ended_at"] for view in rows(connection, "tracker_pageview")}
    assert ends == {page.id: None, quiet.id: at(400)}


def test_an_edge_that_beats_while_it_is_being_buried_lives(
    connection: psycopg.Connection, store: Store
) -> None:
    store.write(folded(begin(0, edge=1)))
    beat(connection, 1, seconds=60, silent=100)
    pages = abandoned._open(connection, abandoned.OPEN_OF_EDGE, [1, START - timedelta(days=1)])
    connection.execute("UPDATE tracker_edge SET seen_at = clock_timestamp()")
    assert not abandoned._end(pages, {page.id: at(60) for page in pages}, dead_edge=1)
    assert [view["ended_at"] for view in rows(connection, "tracker_pageview")] == [None]


def test_many_page_views_end_in_portions(connection: psycopg.Connection, store: Store) -> None:
    store.write(folded(*(begin(n / 100, edge=1) for n in range(abandoned.PORTION + 500))))
    beat(connection, 1, seconds=60, silent=100)
    abandoned.end_of_dead_edges(connection)
    assert {view["ended_at"] for view in rows(connection, "tracker_pageview")} == {at(60)}


def test_after_a_clock_that_was_ahead_page_views_are_cut_at_24_hours_again(
    connection: psycopg.Connection, store: Store
) -> None:
    abandoned.end_of_the_day(connection, at(DAY + 6 * HOUR))
    abandoned.end_of_the_day(connection, at(DAY))
    store.write(folded(begin(HOUR)))
    abandoned.end_of_the_day(connection, at(DAY + 2 * HOUR))
    assert [view["ended_at"] for view in rows(connection, "tracker_pageview")] == [at(DAY + HOUR)]


def test_page_views_are_cut_at_24_hours_once(connection: psycopg.Connection, store: Store) -> None:
    old, young = begin(0), begin(2 * HOUR)
    store.write(folded(old, young))
    abandoned.end_of_the_day(connection, at(DAY + HOUR))
    assert [view["ended_at"] for view in rows(connection, "tracker_pageview")] == [at(DAY), None]
    abandoned.end_of_the_day(connection, at(DAY + 3 * HOUR))
    assert [view["ended_at"] for view in rows(connection, "tracker_pageview")] == [
        at(DAY),
        at(DAY + 2 * HOUR),
    ]
    store.write(folded(progress(old, DAY + 4 * HOUR, engaged_ms=5)))
    assert rows(connection, "tracker_pageview")[0]["ended_at"] == at(DAY)


def test_salts_go_48_hours_after_their_day_began_where_the_site_is(connection: psycopg.Connection) -> None:
    east = Site.objects.create(domain="east.example", hosts=[], timezone="Pacific/Kiritimati")  # UTC+14
    west = Site.objects.create(domain="west.example", hosts=[], timezone="Pacific/Pago_Pago")  # UTC-11
    Salt.objects.bulk_create(
        Salt(site=site, day=date(2026, 11, day), salt=b"salt") for site in (east, west) for day in (17, 18)
    )
    now = datetime(2026, 11, 18, 10, tzinfo=UTC)  # 48 h after midnight of the 17th at UTC+14
    purges.salts(connection, now - timedelta(seconds=1))
    assert Salt.objects.count() == 4
    purges.salts(connection, now)
    assert sorted(Salt.objects.values_list("site__domain", "day__day")) == [
        ("east.example", 18),
        ("west.example", 17),
        ("west.example", 18),
    ]
    purges.salts(connection, now + timedelta(hours=25))
    assert list(Salt.objects.values_list("site__domain", "day__day")) == [("west.example", 18)]


def test_what_two_days_need_is_kept_for_two_days(connection: psycopg.Connection, store: Store) -> None:
    old, young = [begin(n / 100) for n in range(3000)], begin(HOUR)
    store.write(folded(*old, young))
    now = at(48 * HOUR + MINUTE)
    purges.recent_ids(connection, now)
    purges.open_visits(connection, now)
    assert list(Recent.objects.values_list("id", flat=True)) == [young.id]
    assert list(OpenVisit.objects.values_list("visit_id", flat=True)) == [young.id]


def test_an_open_visit_that_somebody_stores_is_not_waited_for(
    connection: psycopg.Connection, store: Store
) -> None:
    """Waiting in the order of rows would be a deadlock with who waits in that of visitors."""
    back, gone = begin(0), begin(1)
    store.write(folded(back, gone))
    with connect() as other:
        other.execute("SELECT FROM tracker_open_visit WHERE visit_id = %s FOR UPDATE", [back.id])
        connection.execute("SET lock_timeout = '5s'")
        purges.open_visits(connection, at(48 * HOUR + MINUTE))
    assert list(OpenVisit.objects.values_list("visit_id", flat=True)) == [back.id]


SAID = "what a visitor said"


def test_one_failing_job_is_told_and_keeps_no_other_from_its_turn(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    done = threading.Event()

    def fails(connection: psycopg.Connection, now: datetime) -> None:
        connection.execute("SELECT %s::integer", [SAID])

    monkeypatch.setattr(
        jobs, "JOBS", (jobs.Job("bad", fails, 3600), jobs.Job("good", lambda c, n: done.set(), 3600))
    )
    with _running():
        assert done.wait(10)
    assert "jobs: bad failed (InvalidTextRepresentation 22P02)" in caplog.text
    reports = "".join(each.report for each in caplog.records if hasattr(each, "report"))
    assert "in fails" in reports, "the log says where"
    assert SAID not in reports
    assert SAID not in caplog.text


def test_what_is_done_is_noted_and_what_fails_is_not(
    monkeypatch: pytest.MonkeyPatch, connection: psycopg.Connection
) -> None:
    done = threading.Event()

    def fails(connection: psycopg.Connection, now: datetime) -> None:
        raise ValueError(SAID)

    monkeypatch.setattr(jobs, "JOBS", (jobs.Job("bad", fails, 3600), jobs.Job("good", _nothing, 3600)))
    with _running(more=[jobs.Job("another's", lambda c, n: done.set(), 3600)]):
        assert done.wait(10)
        assert _within(10, lambda: len(_noted(connection)) == 2)
    assert _noted(connection).keys() == {"done: good", "done: another's"}
    assert all(
        timedelta() <= datetime.now(UTC) - at < timedelta(minutes=1) for at in _noted(connection).values()
    )


def test_a_clock_that_is_suddenly_weeks_ahead_is_believed_after_a_day(
    connection: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    done, now, weeks = "done: weeks", datetime.now(UTC), timedelta(weeks=6)

    def doubted(at: datetime) -> bool:
        said = clock_doubt.doubted(connection, "weeks", done, at)
        connection.execute(jobs.NOTE, [done, at])
        return said

    hour = timedelta(hours=1)
    assert not doubted(now), "it was never done before"
    assert not doubted(now + hour)
    assert doubted(now + weeks)
    assert doubted(now + weeks + hour)
    # It is set right.
    assert not doubted(now + 2 * hour)
    assert not doubted(now + 3 * hour)
    # The machine was off.
    assert doubted(now + weeks)
    assert doubted(now + weeks + 23 * hour)
    assert not doubted(now + weeks + 25 * hour)
    assert not doubted(now + weeks + 26 * hour)
    assert caplog.text.count("for a day nothing is deleted there") == 2


def test_what_cannot_come_back_is_not_deleted_by_a_clock_that_is_doubted(
    monkeypatch: pytest.MonkeyPatch, connection: psycopg.Connection
) -> None:
    done: list[str] = []
    for name in ("final", "other"):
        connection.execute(jobs.NOTE, [f"done: {name}", datetime.now(UTC) - timedelta(days=3)])
    final = jobs.Job("final", lambda c, n: done.append("final"), 3600, final=True)
    monkeypatch.setattr(jobs, "JOBS", (final, jobs.Job("other", lambda c, n: done.append("other"), 3600)))
    with _running():
        assert _within(60, lambda: bool(done))
    assert done == ["other"]


def test_two_processes_work_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    at_work: list[str] = []
    monkeypatch.setattr(jobs, "STANDBY_SECONDS", 0.1)
    monkeypatch.setattr(
        jobs, "JOBS", (jobs.Job("who", lambda c, n: at_work.append(threading.current_thread().name), 0),)
    )
    with _running("first"):
        assert _within(10, lambda: "first" in at_work)
        with _running("second"):
            number = len(at_work)
            assert _within(10, lambda: len(at_work) >= number + 2)
            assert set(at_work) == {"first"}
    with _running("third"):
        assert _within(10, lambda: "third" in at_work)


def test_a_lost_connection_is_made_again(
    monkeypatch: pytest.MonkeyPatch, connection: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    pids: list[int] = []

    def pid(connection: psycopg.Connection, now: datetime) -> None:
        pids.extend(row[0] for row in connection.execute("SELECT pg_backend_pid()"))

    monkeypatch.setattr(jobs, "STANDBY_SECONDS", 0.1)
    monkeypatch.setattr(jobs, "JOBS", (jobs.Job("pid", pid, 0),))
    with _running():
        assert _within(10, lambda: bool(pids))
        connection.execute("SELECT pg_terminate_backend(%s)", [pids[0]])
        assert _within(20, lambda: len(set(pids)) == 2)


def test_whatever_breaks_the_work_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    done, tries = threading.Event(), iter([OSError("no file " + "left")])

    def connects() -> psycopg.Connection:
        for error in tries:
            raise error
        return connect()

    monkeypatch.setattr(jobs, "STANDBY_SECONDS", 0.05)
    monkeypatch.setattr(jobs, "JOBS", (jobs.Job("good", lambda c, n: done.set(), 3600),))
    stop = threading.Event()
    thread = threading.Thread(target=jobs.run, args=[stop, connects, Activity("Jobs")])
    thread.start()
    assert done.wait(30)
    stop.set()
    thread.join(10)
    assert "Jobs: OSError, which nobody foresaw" in caplog.text
    assert "no file left" not in caplog.text


def test_the_command_makes_partitions_and_leaves_when_told(connection: psycopg.Connection) -> None:
    name = partitions.name_of("tracker_event", partitions.week_of(datetime.now(UTC) + timedelta(weeks=4)))
    Session.objects.create(session_key="old", session_data="", expire_date=datetime.now(UTC))
    connection.execute(psycopg.sql.SQL("DROP TABLE {}").format(psycopg.sql.Identifier(name)))
    address = os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + connection.info.dbname
    root = Path(__file__).resolve().parent.parent
    process = subprocess.Popen(
        [sys.executable, "manage.py", "jobs"], cwd=root, env={**os.environ, "DATABASE_URL": address}
    )
    try:
        assert _within(30, lambda: name in _partitions(connection))
        assert _within(30, lambda: not Session.objects.exists()), "the read side's jobs are done, too"
        # One while another is being heard, as the kernel sends them when a parent of many threads is killed.
        until = time.monotonic() + 10
        while process.poll() is None and time.monotonic() < until:
            process.send_signal(signal.SIGTERM)
        assert process.poll() == 0
    finally:
        process.kill()
        process.wait()


def _partitions(connection: psycopg.Connection) -> set[str]:
    with connection.cursor() as cursor:
        return partitions.partitions(cursor, "tracker_event")


def _nothing(connection: psycopg.Connection, now: datetime) -> None:
    """There is nothing to do."""


def _noted(connection: psycopg.Connection) -> dict[str, datetime]:
    return dict(connection.execute("SELECT job, at FROM tracker_watermark").fetchall())


class _running:  # noqa: N801 (reads as a phrase)
    """`jobs.run` in a thread, stopped in the end."""

    def __init__(self, name: str = "jobs", more: Sequence[jobs.Job] = ()) -> None:
        self.stop = threading.Event()
        self.thread = threading.Thread(
            target=jobs.run, args=[self.stop, connect, Activity("Jobs"), more], name=name
        )

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(10)
        assert not self.thread.is_alive()


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
