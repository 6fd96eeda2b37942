"""Errors of our own: they drop nothing, end no thread, tell their place and not what visitors said."""

import asyncio
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from tests.page_views import begin, folded, rows
from tests.road import Answers, Road, until
from tests.spooling import buffer_of, files
from tracker.contract.drops import Drop, Drops
from tracker.liveness.activity import Activities, Activity, go_on
from tracker.liveness.error_report import kind_of, report
from tracker.postgres.connect import connect
from tracker.storing import postgres_thread
from tracker.storing.spool import Spool
from tracker.storing.store import Store
from tracker.storing.writer import Writer

database = pytest.mark.django_db(transaction=True)
SECRET = "what a visitor said"

OURS: list[BaseException] = [
    AttributeError("'Store' object has no attribute 'x'"),
    ValueError(SECRET),
    TypeError(SECRET),
    KeyError(SECRET),
    AssertionError(SECRET),
    RecursionError(SECRET),
    MemoryError(),
    OSError(5, SECRET),
    struct.error(SECRET),
    OverflowError(SECRET),
    UnicodeEncodeError("utf-8", SECRET, 0, 1, SECRET),
    SystemExit(1),
    psycopg.DataError(SECRET),
    psycopg.ProgrammingError(SECRET),
    errors.UndefinedColumn(SECRET),
    errors.NotNullViolation(SECRET),
    errors.InvalidBinaryRepresentation(SECRET),
    errors.InsufficientPrivilege(SECRET),
    errors.StatementTooComplex(SECRET),
]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds in the product takes a tenth of that here."""
    monkeypatch.setattr("tracker.storing.writer.SPOOL_AFTER_SECONDS", 0.1)
    monkeypatch.setattr("tracker.storing.edge_connection.LONGEST_PAUSE", 0.1)
    monkeypatch.setattr("tracker.storing.edge_connection.BEAT_SECONDS", 0.3)
    monkeypatch.setattr("tracker.liveness.activity.LONGEST_PAUSE", 0.1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    with connect() as connection:
        yield connection


class Broken:
    """Something of ours that fails until it is mended."""

    def __init__(self, patch: pytest.MonkeyPatch, owner: type, name: str, error: BaseException) -> None:
        self.calls = 0
        self.mended = False
        whole = getattr(owner, name)

        def call(*arguments: Any) -> Any:
            self.calls += 1
            if not self.mended:
                raise error.with_traceback(None)
            return whole(*arguments)

        patch.setattr(owner, name, call)


@pytest.mark.parametrize("error", OURS, ids=lambda error: type(error).__name__)
@database
async def test_no_error_of_ours_drops_an_entry(
    error: BaseException,
    folder: Path,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = Broken(monkeypatch, Store, "write", error)
    answers, drops, activities = Answers(), Drops(), Activities()
    pages = [begin(n, title=SECRET) for n in range(4)]
    async with buffer_of(Road(), folder, drops=drops, activities=activities) as buffer:
        for page in pages:
            assert buffer.begin(page, answers.to(page.id))
        await answers.come(4)
        # Told from the disk, and kept there for as long as it lasts.
        assert all(stored for _, stored in answers.given)
        calls = broken.calls
        await until(lambda: broken.calls > calls + 1)
        assert len(files(folder)) == 1
        assert {type(error).__name__, "RuntimeError"} & set(re.findall(r"\w+", buffer.problem))
        assert dict(activities.failures())["Storing"] > 0
        broken.mended = True
        await until(lambda: buffer.spool.size == 0)
        await until(lambda: not buffer.problem)
    assert [view["id"] for view in rows(connection, "tracker_pageview")] == [page.id for page in pages]
    assert drops.total(Drop.REFUSED) == 0
    assert files(folder) == []
    reports = [each.report for each in caplog.records if hasattr(each, "report")]
    assert "test_unforeseen.py" in "".join(reports), "the log says where"
    assert SECRET not in "".join(reports)
    assert SECRET not in caplog.text


@database
async def test_a_spool_of_a_dead_process_survives_errors_of_ours(
    folder: Path, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(folder, 99, 10_000_000)
    spool.append(folded(*(begin(n) for n in range(4))))
    spool.close()
    broken = Broken(monkeypatch, Store, "write", AttributeError("x"))
    async with buffer_of(Road(), folder) as buffer:
        await until(lambda: broken.calls > 2)
        assert len(files(folder)) == 1
        assert "AttributeError" in buffer.problem
        broken.mended = True
        await until(lambda: files(folder) == [])
    assert len(rows(connection, "tracker_pageview")) == 4


@database
async def test_only_what_no_row_can_hold_is_dropped_whatever_fails(
    folder: Path, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch with a fault of its own and an error of ours: the one is dropped, the others wait."""
    broken = Broken(monkeypatch, Store, "write", ValueError(SECRET))
    answers, drops = Answers(), Drops()
    async with buffer_of(Road(), folder, drops=drops) as buffer:
        buffer.begin(begin(title="half a character \ud800"), answers.to("poison"))
        buffer.begin(begin(1), answers.to("page"))
        assert sorted(await answers.come(2)) == [("page", True), ("poison", False)]
        broken.mended = True
        await until(lambda: buffer.spool.size == 0)
    assert drops.total(Drop.REFUSED) == 1
    assert len(rows(connection, "tracker_pageview")) == 1


BOUNDARIES = [
    (Spool, "adopt"),
    (Spool, "append"),
    (Spool, "first"),
    (Spool, "drop_first"),
    (Writer, "write"),
    (Writer, "turn"),
    (Writer, "due_in"),
    (postgres_thread.PostgresThread, "ask"),
    (postgres_thread.PostgresThread, "out_for"),
]


@pytest.mark.parametrize(("owner", "name"), BOUNDARIES, ids=lambda each: getattr(each, "__name__", each))
@database
async def test_the_thread_of_the_buffer_outlives_whatever_breaks_in_it(
    owner: type,
    name: str,
    folder: Path,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    road, answers, activities = Road(), Answers(), Activities()
    spool = Spool(folder, 99, 10_000_000)
    spool.append(folded(*(begin(n) for n in range(4))))
    spool.close()
    broken = Broken(monkeypatch, owner, name, RuntimeError(SECRET))
    async with buffer_of(road, folder, activities=activities) as buffer:
        if name == "append":
            road.close()
        page = begin(5)
        assert buffer.begin(page, answers.to(page.id))
        await until(lambda: broken.calls > 2 or bool(answers.given))
        broken.mended = True
        road.open.set()
        assert await answers.come(1) == [(page.id, True)]
        await until(lambda: files(folder) == [] and not buffer.problem and not activities.problem)
        assert sum(count for _, count in activities.failures()) > 0
    assert len(rows(connection, "tracker_pageview")) == 5
    assert SECRET not in caplog.text


@database
async def test_an_answer_that_fails_keeps_no_other_from_being_told(folder: Path) -> None:
    answers, activities = Answers(), Activities()

    def fail(stored: bool) -> None:
        raise KeyError(SECRET)

    async with buffer_of(Road(), folder, activities=activities) as buffer:
        buffer.begin(begin(0), fail)
        buffer.begin(begin(1), answers.to("page"))
        assert await answers.come(1) == [("page", True)]
        assert buffer.depth == 0
        # One page is no outage: it is told beside.
        assert not activities.problem
        assert "KeyError" in activities.notice


@database
async def test_stopping_in_the_middle_of_an_error_keeps_what_is_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Broken(monkeypatch, Store, "write", AttributeError("x"))
    answers = Answers()
    async with buffer_of(Road(), folder) as buffer:
        buffer.begin(begin(), answers.to("page"))
    await answers.come(1)
    assert answers.given == [("page", True)]
    assert len(files(folder)) == 1


class Clock:
    """A steady clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_activity_that_hangs_is_told() -> None:
    clock = Clock()
    activity = Activity("Pings", 10, clock)
    clock.now += 100
    assert activity.problem == "", "it has not begun"
    activity.began()
    clock.now += 10
    assert activity.problem == ""
    clock.now += 1
    assert activity.problem == "Pings: no progress for 11 s."
    activity.progressed()
    assert activity.problem == ""
    clock.now += 11
    activity.ended()
    assert activity.problem == ""


def test_an_activity_that_fails_is_told_until_it_gets_on() -> None:
    activity = Activity("Pings", 10, Clock())
    activity.began()
    pauses = [activity.failed(KeyError(SECRET)) for _ in range(12)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.02, 0.1)
    assert "KeyError" in activity.problem
    activity.began()
    assert "KeyError" in activity.problem, "it begins again, and nobody knows yet whether it gets on"
    activity.progressed()
    assert activity.problem == ""
    assert activity.failures == 12
    assert activity.failed(KeyError(SECRET)) == 0.02


def test_the_same_error_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    activity = Activity("Pings", 10, clock)

    def fail(error: Exception) -> None:
        try:
            raise error
        except Exception as raised:
            activity.failed(raised)

    for _ in range(50):
        fail(KeyError(SECRET))
    assert len(caplog.records) == 1
    fail(ValueError(SECRET))
    assert len(caplog.records) == 2
    clock.now += 61
    fail(ValueError(SECRET))
    assert len(caplog.records) == 3
    assert "52" in caplog.records[-1].getMessage()
    assert SECRET not in caplog.text


def test_a_report_names_places_and_causes_and_no_values() -> None:
    try:
        try:
            int(SECRET)
        except ValueError as error:
            raise errors.UndefinedColumn(SECRET) from error
    except psycopg.Error as error:
        said, kind = report(error), kind_of(error)
    assert kind == "UndefinedColumn 42703"
    assert said.index("ValueError") < said.index("UndefinedColumn 42703")
    assert said.count("test_unforeseen.py") == 2
    assert SECRET not in said


async def test_a_task_that_fails_begins_again() -> None:
    activity, begun = Activity("Task", 10), asyncio.Event()
    tries: list[int] = []

    async def work() -> None:
        tries.append(1)
        if len(tries) < 4:
            raise KeyError(SECRET)
        activity.progressed()
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(go_on(activity, work))
    await asyncio.wait_for(begun.wait(), 10)
    assert activity.failures == 3
    assert activity.problem == ""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
