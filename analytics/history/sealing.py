"""Sealing a day: read once, made into files, kept together with what that settles, in one transaction.

It may be killed at any moment: then nothing happened. Only one process seals at a time.
"""

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import psycopg

from analytics.history import day_files, day_rows, day_tables, sealed_days
from analytics.history.day_files import DayFile
from analytics.history.day_format import EVENTS, VIEWS
from analytics.history.duck import open_duck
from analytics.history.due_days import DueDay, due_days
from analytics.history.file_cache import make_folder
from tracker.liveness.error_report import kind_of

logger = logging.getLogger(__name__)

LOCK = 0x0F007FA12  # any number that no other program on this database takes
TOUCHED = "SELECT id FROM tracker_touched WHERE site_id = %s AND at >= %s AND at < %s"
SETTLE = "DELETE FROM tracker_touched WHERE id = ANY(%s)"


@dataclass(frozen=True)
class Sealing:
    """Where and how days are sealed: a folder for what is on its way, and what DuckDB may take."""

    folder: Path
    memory: int
    # Called before each step, with its name: where tests kill it.
    step: Callable[[str], None] = lambda name: None

    def seal(self, connection: psycopg.Connection, due: DueDay) -> int:
        """Seal one day; how many page views it has. The connection is in autocommit.

        Raises psycopg.Error, duckdb.Error, OSError with nothing changed.
        """
        with self._work() as work, connection.transaction():
            # What was touched and the rows themselves as of one moment.
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            span = [due.site_id, due.day.begins, due.day.ends]
            touched = [number for (number,) in connection.execute(TOUCHED, span).fetchall()]
            self.step("read")
            day_files.read_raw(connection, due.site_id, due.day, work)
            self.step("make")
            files = self._make(connection, due, work)
            self.step("keep")
            if due.whole:
                sealed_days.replace(connection, due.site_id, due.day, files)
            elif files:
                sealed_days.append(connection, due.site_id, due.day, files)
                # They have gone into the sealed day, and would be added to it again.
                day_rows.take(connection, due.site_id, due.day.begins, due.day.ends)
            self.step("settle")
            connection.execute(SETTLE, [touched])
            self.step("commit")
        self.step("done")
        return sum(file.rows for file in files if file.kind == VIEWS)

    def _make(self, connection: psycopg.Connection, due: DueDay, work: Path) -> list[DayFile]:
        after = day_files.NONE_YET
        if not due.whole:
            there = sealed_days.sealed_files(connection, due.site_id, due.day.day, due.day.day)
            after = sealed_days.numbers_of(there)
        return day_files.make_files(work, due.day, self.memory, after=after)

    def differences(self, connection: psycopg.Connection, due: DueDay) -> tuple[int, int]:
        """How many rows of a sealed day are not in Postgres, and of Postgres not in the sealed day.

        Raises psycopg.Error, duckdb.Error, OSError, sealed_days.Damaged.
        """
        with self._work() as work, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            day_files.read_raw(connection, due.site_id, due.day, work)
            made = day_files.make_files(work, due.day, self.memory)
            kept = work / "kept"
            kept.mkdir()
            for sealed in sealed_days.sealed_files(connection, due.site_id, due.day.day, due.day.day):
                content = sealed_days.fetch(connection, sealed)
                if content is not None:
                    (kept / f"{sealed.kind}-{sealed.part}.parquet").write_bytes(content)
            return _compared(work, made, self.memory)

    @contextmanager
    def _work(self) -> Iterator[Path]:
        make_folder(self.folder)
        work = Path(tempfile.mkdtemp(prefix="sealing-", dir=self.folder))
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def clear(self) -> None:
        """Delete what sealing left that was killed; nobody else may be sealing."""
        for left in self.folder.glob("sealing-*"):
            shutil.rmtree(left, ignore_errors=True)


def _compared(work: Path, made: list[DayFile], memory: int) -> tuple[int, int]:
    missing = surplus = 0
    with open_duck([work], work, memory, 1) as duck:
        for kind in (VIEWS, EVENTS):
            kept = sorted(map(str, (work / "kept").glob(f"{kind}-*.parquet")))
            fresh = [str(file.path) for file in made if file.kind == kind]
            table = day_tables.views if kind == VIEWS else day_tables.files
            surplus += _rows_beyond(duck, table, kept, fresh)
            missing += _rows_beyond(duck, table, fresh, kept)
    return surplus, missing


def _rows_beyond(
    duck: duckdb.DuckDBPyConnection, table: Callable[[list[str]], str], these: list[str], those: list[str]
) -> int:
    """How many rows of these files are not in those."""
    if not these:
        return 0
    question = f"SELECT * FROM {table(these)}"
    if those:
        question += f" EXCEPT ALL SELECT * FROM {table(those)}"
    (count,) = duck.execute(f"SELECT count(*) FROM ({question})").fetchone() or (0,)
    return int(count)


def seal_all(
    connection: psycopg.Connection,
    sealing: Sealing,
    now: datetime,
    site_id: int | None = None,
    again: bool = False,
    progress: Callable[[int, int, DueDay, int], None] = lambda done, of, due, rows: None,
) -> tuple[int, int]:
    """Seal what is due, the newest days first; how many were, and how many could not be.

    What fails is logged, and keeps no other day from its turn; a lost connection ends it.
    """
    due = due_days(connection, now, site_id, again)
    failed = 0
    for number, each in enumerate(due, 1):
        try:
            rows = sealing.seal(connection, each)
        except (psycopg.Error, duckdb.Error, OSError) as error:
            if connection.closed:
                raise
            failed += 1
            logger.error("seal: %s of site %s failed (%s)", each.day.day, each.site_id, kind_of(error))
        else:
            progress(number, len(due), each, rows)
    return len(due) - failed, failed


def is_alone(connection: psycopg.Connection, wait: bool = False) -> bool:
    """Whether this connection is the one that seals, until it is closed; `wait`: until it is."""
    if wait:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        return True
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
    return bool(row and row[0])
