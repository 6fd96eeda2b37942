"""The days of a span as files to be asked: sealed ones from the cache, open ones made of Postgres' rows."""

import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

import duckdb
import psycopg

from analytics.history.day_files import make_files, read_raw
from analytics.history.due_days import settled_before
from analytics.history.file_cache import FileCache
from analytics.history.local_days import DAY, LocalDay, day_at
from analytics.history.question import LONGEST_WAIT
from analytics.history.question_sql import day_list
from analytics.history.sealed_days import Damaged, SealedFile, sealed_files
from tracker.postgres.connect import connect

T = TypeVar("T")

logger = logging.getLogger(__name__)

# A copy of an open day serves for so many times what it took to make: never more than a tenth of a core.
REST = 10
# One that took longer is made anew behind the backs of those who ask, who are answered from the last one.
QUICK_SECONDS = 0.3
# But never from one that is older.
OLDEST_SECONDS = 60.0
# Days that are made for one question; what is not sealed beyond that is waited for: `missing` says so.
MOST_OPEN = 8
# How often files are looked for that belong to no day any more.
TIDY_SECONDS = 600.0
# For how long is believed which days have rows.
SEEN_SECONDS = 30.0

TOUCHED = "SELECT DISTINCT at FROM tracker_touched WHERE site_id = %s"
SEEN = """
SELECT d.number FROM unnest(%s::timestamptz[], %s::timestamptz[]) WITH ORDINALITY d (begins, ends, number)
WHERE EXISTS (SELECT FROM tracker_pageview p
              WHERE p.site_id = %s AND p.began_at >= d.begins AND p.began_at < d.ends)
"""
SEAL_AGAIN = "INSERT INTO tracker_touched (site_id, at) VALUES (%s, %s)"


class OpenDay(NamedTuple):
    """An open day's files, as of a moment."""

    paths: list[tuple[str, str]]  # kind and path
    as_of: datetime
    made: float  # by the steady clock
    cost: float  # seconds

    @property
    def age(self) -> float:
        return time.monotonic() - self.made


@dataclass
class Found:
    """What there is of a span of days."""

    days: list[LocalDay] = field(default_factory=list)
    paths: dict[date, list[tuple[str, str]]] = field(default_factory=dict)
    as_of: datetime | None = None  # of the oldest copy of an open day
    missing: list[date] = field(default_factory=list)
    damaged: list[date] = field(default_factory=list)

    def of(self, kind: str, days: Sequence[LocalDay]) -> list[str]:
        """The paths of one kind of files of these days."""
        return [path for day in days for this, path in self.paths.get(day.day, ()) if this == kind]


class SealedAndOpen(NamedTuple):
    """Files of sealed days, and the days whose rows Postgres has."""

    found: Found
    open: list[LocalDay]


class DayStore:
    """Finds days; for several threads."""

    def __init__(
        self,
        cache: FileCache,
        memory: int,
        fresh: float = 0.0,
        resting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """`memory`: bytes to make an open day with; `fresh`: for how many seconds what is found is.

        `resting` is entered while a day is waited for: others may work meanwhile.
        """
        self._fresh = fresh
        self._resting = resting
        self._found: dict[tuple[int, str, date, date], tuple[float, Found]] = {}
        self._cache = cache
        self._memory = memory
        self._open: dict[tuple[int, LocalDay], Future[OpenDay]] = {}
        self._before: dict[tuple[int, LocalDay], OpenDay] = {}
        self._seen: dict[tuple[int, LocalDay], tuple[float, bool]] = {}
        self._lock = threading.Lock()
        self._tidy_at = 0.0
        self._makers = ThreadPoolExecutor(1, thread_name_prefix="open days")
        self._connections: dict[int, psycopg.Connection] = {}  # by thread

    def find(
        self, site_id: int, zone: str, first: date, last: date, now: datetime, wait: float = LONGEST_WAIT
    ) -> Found:
        """The days from `first` to `last`; those that are wholly to come have nothing.

        Open days that take longer than `wait` seconds to make are missing, and made meanwhile.
        Raises psycopg.Error, duckdb.Error, OSError.
        """
        key = site_id, zone, first, last
        with self._lock:
            until, found = self._found.get(key, (0.0, Found()))
        began = time.monotonic()
        if began < until:
            return found
        found = self._look(site_id, zone, first, last, now, wait)
        if not found.missing and not found.damaged:
            with self._lock:
                self._found = {each: kept for each, kept in self._found.items() if kept[0] > began}
                self._found[key] = (time.monotonic() + self._fresh, found)
        return found

    def sealed_and_open(
        self, site_id: int, zone: str, first: date, last: date, now: datetime
    ) -> SealedAndOpen:
        """The days from `first` to `last` as they are kept: nothing is made of open ones.

        Raises psycopg.Error, OSError.
        """
        connection = self.connection()
        self._tidy(connection)
        found, open_days, sealed = self._kept(connection, site_id, zone, first, last, now)
        there = self._with_rows(connection, site_id, open_days, now)
        for day in open_days:
            if day not in there and (files := sealed.get(day.day)):
                self._take_sealed(connection, found, day, files, [])
        return SealedAndOpen(found, there)

    def _look(self, site_id: int, zone: str, first: date, last: date, now: datetime, wait: float) -> Found:
        connection = self.connection()
        self._tidy(connection)
        found, open_days, sealed = self._kept(connection, site_id, zone, first, last, now)
        there = self._with_rows(connection, site_id, open_days, now)
        missing = there[:-MOST_OPEN]
        until = time.monotonic() + wait
        # The newest first, all asked for before any is waited for.
        asked = [(day, self._open_day(site_id, day)) for day in reversed(there[-MOST_OPEN:])]
        for day, copy in asked:
            made = self._made(site_id, day, copy, until - time.monotonic())
            if made is None:
                missing.append(day)
                continue
            found.paths[day.day] = made.paths
            found.as_of = min(found.as_of or made.as_of, made.as_of)
        for day in missing:
            if files := sealed.get(day.day):
                # Touched: as it was sealed, until it is sealed again.
                self._take_sealed(connection, found, day, files, [])
        found.missing = sorted(day.day for day in missing)
        return found

    def _kept(
        self, connection: psycopg.Connection, site_id: int, zone: str, first: date, last: date, now: datetime
    ) -> tuple[Found, list[LocalDay], dict[date, list[SealedFile]]]:
        """Sealed days, and those that are open: what was sealed of days is told of these, too."""
        found = Found()
        sealed: dict[date, list[SealedFile]] = {}
        for file in sealed_files(connection, site_id, first, last):
            sealed.setdefault(file.day, []).append(file)
        touched = {day_at(at, zone).day for (at,) in connection.execute(TOUCHED, [site_id]).fetchall()}
        open_days: list[LocalDay] = []
        for day in day_list(first, last, zone):
            files = sealed.get(day.day)
            if files and day.day not in touched:
                zone_then = LocalDay(day.day, files[0].zone)
                found.days.append(zone_then)
                self._take_sealed(connection, found, day, files, open_days)
                continue
            found.days.append(day)
            if day.begins <= now:
                open_days.append(day)
        return found, open_days, sealed

    def answered(self, answer: Callable[[list[Found]], T]) -> T:
        """What `answer` answers; it notes what it found.

        Once more where a file of the cache was cut, or deleted, meanwhile: it is fetched again.
        Raises as `answer` does.
        """
        looked: list[Found] = []
        try:
            return answer(looked)
        except duckdb.Error:
            if not sum(self.forget_damaged(found) for found in looked):
                raise
            return answer([])

    def forget_damaged(self, found: Found) -> bool:
        """Have files fetched again that are not what they should be; whether any was."""
        with self._lock:
            self._found.clear()
        return bool(self._cache.forget_damaged([path for paths in found.paths.values() for _, path in paths]))

    def close(self) -> None:
        """Let go of Postgres."""
        self._makers.shutdown(cancel_futures=True)
        for connection in self._connections.values():
            connection.close()

    def _tidy(self, connection: psycopg.Connection) -> None:
        """Now and then, let go of files of days that were erased or sealed anew."""
        with self._lock:
            if time.monotonic() < self._tidy_at:
                return
            self._tidy_at = time.monotonic() + TIDY_SECONDS
        self._cache.forget_unlisted(connection)

    def _take_sealed(
        self,
        connection: psycopg.Connection,
        found: Found,
        day: LocalDay,
        files: Sequence[SealedFile],
        open_days: list[LocalDay],
    ) -> None:
        paths = []
        for file in files:
            try:
                path = self._cache.path_of(connection, file)
            except Damaged as problem:
                logger.error(
                    "history: site %s: %s; it is sealed again, if its rows are there", file.site_id, problem
                )
                connection.execute(SEAL_AGAIN, [file.site_id, day.begins])
                found.damaged.append(day.day)
                open_days.append(day)
                return
            if path is None:
                # Sealed anew between two looks: its rows are there.
                open_days.append(day)
                return
            paths.append((file.kind, str(path)))
        found.paths[day.day] = paths

    def _with_rows(
        self, connection: psycopg.Connection, site_id: int, days: Sequence[LocalDay], now: datetime
    ) -> list[LocalDay]:
        """Those days of which Postgres has rows, in their order; asked again after a while."""
        days = sorted(days, key=lambda day: day.day)
        until = time.monotonic()
        unknown = [day for day in days if not (kept := self._seen.get((site_id, day))) or kept[0] < until]
        # Of a day that is on, rows may come at any moment.
        unknown = [day for day in unknown if day.ends < settled_before(now)]
        if unknown:
            values = [[day.begins for day in unknown], [day.ends for day in unknown], site_id]
            numbers = {number for (number,) in connection.execute(SEEN, values).fetchall()}
            with self._lock:
                for number, day in enumerate(unknown, 1):
                    self._seen[site_id, day] = (until + SEEN_SECONDS, number in numbers)
        return [day for day in days if day.ends >= settled_before(now) or self._seen[site_id, day][1]]

    def _open_day(self, site_id: int, day: LocalDay) -> "OpenDay | Future[OpenDay]":
        """A copy of an open day that is young enough, or what becomes one."""
        key = site_id, day
        with self._lock:
            being_made = self._open.get(key)
            last = self._before.get(key)
            if being_made and being_made.done() and not being_made.exception():
                last = self._before[key] = being_made.result()
                being_made = None
            if last and last.age < REST * last.cost:
                return last
            if being_made is None or being_made.done():
                being_made = self._open[key] = self._makers.submit(self._make, site_id, day)
        if last and last.cost > QUICK_SECONDS and last.age < OLDEST_SECONDS:
            return last
        return being_made

    def _made(
        self, site_id: int, day: LocalDay, copy: "OpenDay | Future[OpenDay]", wait: float
    ) -> OpenDay | None:
        """The copy, once it is made; None where it takes longer than `wait` seconds."""
        if isinstance(copy, OpenDay):
            return copy
        try:
            if not copy.done():
                with self._resting():
                    copy.result(max(wait, 0))
            made = copy.result()
        except TimeoutError:
            return None
        with self._lock:
            self._before[site_id, day] = made
        return made

    def _make(self, site_id: int, day: LocalDay) -> OpenDay:
        began = time.monotonic()
        as_of = datetime.now(UTC)
        work = Path(tempfile.mkdtemp(prefix="opening-", dir=self._cache.folder))
        try:
            with connect() as connection:
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                read_raw(connection, site_id, day, work)
            paths = []
            for file in make_files(work, day, self._memory, lasting=False):
                name = f"open-{os.getpid()}-{site_id}-{day.day}-{time.monotonic_ns()}-{file.path.name}"
                kept = file.path.rename(self._cache.folder / name)
                paths.append((file.kind, str(kept)))
        finally:
            shutil.rmtree(work, ignore_errors=True)
        made = time.monotonic()
        self._forget_older(site_id, day, paths)
        return OpenDay(paths, as_of, made, made - began)

    def _forget_older(self, site_id: int, day: LocalDay, paths: Sequence[tuple[str, str]]) -> None:
        """Delete copies before the last one, which may still be being asked."""
        last = self._before.get((site_id, day))
        spared = {path for _, path in (*paths, *(last.paths if last else ()))}
        for path in self._cache.folder.glob(f"open-{os.getpid()}-{site_id}-{day.day}-*"):
            if str(path) not in spared:
                path.unlink(missing_ok=True)

    def connection(self) -> psycopg.Connection:
        """This thread's, in autocommit; a new one where the last was lost."""
        me = threading.get_ident()
        kept = self._connections.get(me)
        if kept is None or kept.closed:
            kept = self._connections[me] = connect()
            kept.autocommit = True
        return kept


def day_before(first: date) -> date:
    """The day whose page views may still be open when `first` begins."""
    return first - DAY
