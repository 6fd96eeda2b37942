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

from analytics.history.day_files import NONE_YET, Numbers, make_files, read_raw
from analytics.history.due_days import raw_since, settled_before
from analytics.history.file_cache import OPEN, SPARED_SECONDS, FileCache, work_prefix
from analytics.history.local_days import DAY, LocalDay, day_at
from analytics.history.question import LONGEST_WAIT
from analytics.history.question_sql import day_list
from analytics.history.sealed_days import Damaged, SealedFile, numbers_of, sealed_files
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
# How often a day's files are looked for that is sealed anew just then.
LOOKS = 3
# For how long is believed which days have rows.
SEEN_SECONDS = 30.0

TOUCHED = "SELECT DISTINCT at FROM tracker_touched WHERE site_id = %s"
SEEN = """
SELECT d.number FROM unnest(%s::timestamptz[], %s::timestamptz[]) WITH ORDINALITY d (begins, ends, number)
WHERE EXISTS (SELECT FROM tracker_pageview p
              WHERE p.site_id = %s AND p.began_at >= d.begins AND p.began_at < d.ends)
"""
SEAL_AGAIN = "INSERT INTO tracker_touched (site_id, at) VALUES (%s, %s)"


class CopiedDay(NamedTuple):
    """What a copy is of: the rows that Postgres has of a day, numbered after those that are sealed."""

    site_id: int
    day: LocalDay
    after: Numbers


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
    copied: dict[date, datetime] = field(default_factory=dict)  # of open days: when they were
    missing: list[date] = field(default_factory=list)
    damaged: list[date] = field(default_factory=list)

    @property
    def as_of(self) -> datetime | None:
        """Of when the oldest copy of an open day is."""
        return min(self.copied.values(), default=None)

    def until(self, days: Sequence[LocalDay], now: datetime) -> datetime:
        """To when what was found of these days reaches: to their end, or to when the last copy was made."""
        copied = [self.copied[day.day] for day in days if day.day in self.copied]
        return min(days[-1].ends, max(copied[-1] if copied else now, days[0].begins))

    def of(self, kind: str, days: Sequence[LocalDay]) -> list[str]:
        """The paths of one kind of files of these days."""
        return [path for day in days for this, path in self.paths.get(day.day, ()) if this == kind]


class SealedAndOpen(NamedTuple):
    """Files of sealed days, and the days of which Postgres has rows beyond these."""

    found: Found
    open: list[LocalDay]


@dataclass
class KeptDays:
    """What is kept of a span: `found` has what is sealed and told as it is, `open` is what is to be copied.

    `sealed`: all that is sealed, by day. `late`: those of the open days whose rows were dropped after they
    were sealed: what Postgres has of them came late, and is no part of what is sealed.
    """

    found: Found
    open: list[LocalDay] = field(default_factory=list)
    sealed: dict[date, list[SealedFile]] = field(default_factory=dict)
    late: set[date] = field(default_factory=set)

    def numbers(self, day: LocalDay) -> Numbers:
        """After which a copy of an open day is numbered."""
        return numbers_of(self.sealed[day.day]) if day.day in self.late else NONE_YET


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
        self._open: dict[CopiedDay, Future[OpenDay]] = {}
        self._before: dict[CopiedDay, OpenDay] = {}
        self._seen: dict[tuple[int, LocalDay], tuple[float, bool]] = {}
        self._lock = threading.Lock()
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
        kept = self._kept(connection, site_id, zone, first, last, now)
        there = self._with_rows(connection, site_id, kept.open, now)
        for day in kept.open:
            if day not in there and day.day not in kept.late:
                self._take_as_sealed(connection, kept, day)
        return SealedAndOpen(kept.found, there)

    def _look(self, site_id: int, zone: str, first: date, last: date, now: datetime, wait: float) -> Found:
        connection = self.connection()
        kept = self._kept(connection, site_id, zone, first, last, now)
        found = kept.found
        there = self._with_rows(connection, site_id, kept.open, now)
        missing = there[:-MOST_OPEN]
        until = time.monotonic() + wait
        # The newest first, all asked for before any is waited for.
        copies = [CopiedDay(site_id, day, kept.numbers(day)) for day in reversed(there[-MOST_OPEN:])]
        for copy, asked in [(copy, self._open_day(copy)) for copy in copies]:
            day = copy.day
            made = self._made(copy, asked, until - time.monotonic())
            if made is None:
                missing.append(day)
                continue
            found.paths[day.day] = [*found.paths.get(day.day, ()), *made.paths]
            found.copied[day.day] = made.as_of
        for day in kept.open:
            # Touched: as it was sealed, until it is sealed again.
            if day.day not in kept.late and (day not in there or day in missing):
                self._take_as_sealed(connection, kept, day)
        found.missing = sorted(day.day for day in missing)
        return found

    def _kept(
        self, connection: psycopg.Connection, site_id: int, zone: str, first: date, last: date, now: datetime
    ) -> KeptDays:
        """Sealed days, and those that are open."""
        kept = KeptDays(Found())
        for file in sealed_files(connection, site_id, first, last):
            kept.sealed.setdefault(file.day, []).append(file)
        touched = {day_at(at, zone).day for (at,) in connection.execute(TOUCHED, [site_id]).fetchall()}
        dropped = raw_since(connection, site_id)
        for day in day_list(first, last, zone):
            files = kept.sealed.get(day.day)
            then = LocalDay(day.day, files[0].zone) if files else day
            whole = dropped is None or then.begins >= dropped
            if files and (day.day not in touched or not whole):
                kept.found.days.append(then)
                taken = self._take_sealed(connection, kept, then, whole)
                if not whole and day.day in touched:
                    kept.late.add(day.day)
                if day.day in kept.late or (whole and not taken):
                    kept.open.append(then)
                continue
            kept.found.days.append(day)
            if day.begins <= now:
                kept.open.append(day)
        return kept

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

    def tidy(self) -> None:
        """Let go of files of days that were erased or sealed anew, and of copies that nobody asks any more.

        Raises psycopg.Error, OSError.
        """
        self._cache.forget_unlisted(self.connection())
        with self._lock:
            for copy, being_made in list(self._open.items()):
                if being_made.done():
                    del self._open[copy]
                    if not being_made.cancelled() and not being_made.exception():
                        self._before[copy] = being_made.result()
            self._before = {
                copy: made
                for copy, made in self._before.items()
                if made.age < max(SPARED_SECONDS, REST * made.cost)
            }
            young = {path for made in self._before.values() for _, path in made.paths}
            until = time.monotonic()
            self._seen = {day: seen for day, seen in self._seen.items() if seen[0] > until}
        self._cache.forget_copies(f"{OPEN}{os.getpid()}-", young)

    def _take_as_sealed(self, connection: psycopg.Connection, kept: KeptDays, day: LocalDay) -> None:
        if day.day in kept.sealed:
            self._take_sealed(connection, kept, day, whole=False)

    def _take_sealed(
        self, connection: psycopg.Connection, kept: KeptDays, day: LocalDay, whole: bool
    ) -> bool:
        """Have a day's sealed files; whether they are there. `whole`: whether Postgres has its rows."""
        for _ in range(LOOKS):
            files = kept.sealed[day.day]
            try:
                paths = [(file.kind, self._cache.path_of(connection, file)) for file in files]
            except Damaged as problem:
                self._tell_damaged(connection, files[0].site_id, day, problem, whole)
                kept.found.damaged.append(day.day)
                return False
            if all(path for _, path in paths):
                kept.found.paths[day.day] = [(kind, str(path)) for kind, path in paths]
                return True
            # Sealed anew between two looks.
            kept.sealed[day.day] = sealed_files(connection, files[0].site_id, day.day, day.day)
            if not kept.sealed[day.day]:
                return True
        return False

    def _tell_damaged(
        self, connection: psycopg.Connection, site_id: int, day: LocalDay, problem: Damaged, whole: bool
    ) -> None:
        if whole:
            logger.error("history: site %s: %s; it is sealed again", site_id, problem)
            connection.execute(SEAL_AGAIN, [site_id, day.begins])
        else:
            # Nothing is touched: that would keep everybody's old rows from going, and mend nothing.
            logger.error("history: site %s: %s; its rows are gone", site_id, problem)

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

    def _open_day(self, copy: CopiedDay) -> "OpenDay | Future[OpenDay]":
        """A copy of an open day that is young enough, or what becomes one."""
        with self._lock:
            being_made = self._open.get(copy)
            last = self._before.get(copy)
            if being_made and being_made.done() and not being_made.exception():
                last = self._before[copy] = being_made.result()
                being_made = None
            if last and last.age < REST * last.cost:
                return last
            if being_made is None or being_made.done():
                being_made = self._open[copy] = self._makers.submit(self._make, copy)
        if last and last.cost > QUICK_SECONDS and last.age < OLDEST_SECONDS:
            return last
        return being_made

    def _made(self, copy: CopiedDay, asked: "OpenDay | Future[OpenDay]", wait: float) -> OpenDay | None:
        """The copy, once it is made; None where it takes longer than `wait` seconds."""
        if isinstance(asked, OpenDay):
            return asked
        try:
            if not asked.done():
                with self._resting():
                    asked.result(max(wait, 0))
            made = asked.result()
        except TimeoutError:
            return None
        with self._lock:
            self._before[copy] = made
        return made

    def _make(self, copy: CopiedDay) -> OpenDay:
        began = time.monotonic()
        as_of = datetime.now(UTC)
        day = copy.day
        work = Path(tempfile.mkdtemp(prefix=work_prefix(), dir=self._cache.folder))
        try:
            with connect() as connection:
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                read_raw(connection, copy.site_id, day, work)
            paths = []
            for file in make_files(work, day, self._memory, after=copy.after, lasting=False):
                name = f"{OPEN}{os.getpid()}-{copy.site_id}-{day.day}-{time.monotonic_ns()}-{file.path.name}"
                kept = file.path.rename(self._cache.folder / name)
                paths.append((file.kind, str(kept)))
        finally:
            shutil.rmtree(work, ignore_errors=True)
        made = time.monotonic()
        self._forget_older(copy, paths)
        return OpenDay(paths, as_of, made, made - began)

    def _forget_older(self, copy: CopiedDay, paths: Sequence[tuple[str, str]]) -> None:
        """Delete copies before the last one, which may still be being asked."""
        last = self._before.get(copy)
        spared = {path for _, path in (*paths, *(last.paths if last else ()))}
        for path in self._cache.folder.glob(f"{OPEN}{os.getpid()}-{copy.site_id}-{copy.day.day}-*"):
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
