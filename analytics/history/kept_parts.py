"""Keeps the parts of days that were asked for, in tables of DuckDB: a sealed day never changes.

What a question needs of days that nobody asked about is made in one statement for each run of days, and kept
with what was made before. Parts of an open day are of one copy of it, and thrown away with that. For several
threads.
"""

import itertools
import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple, Protocol

import duckdb

from analytics.history.day_format import EVENTS, VIEWS
from analytics.history.day_store import Found, day_before
from analytics.history.file_cache import OPEN
from analytics.history.kept_rows import FilteredDay, KeptRows
from analytics.history.local_days import DAY, LocalDay
from analytics.history.measures import Of
from analytics.history.parts import PARTS
from analytics.history.parts_sql import PartsSql, plain, within
from analytics.history.question import HistoryFilter, HistoryGoal, HistoryQuestion
from analytics.history.question_sql import DayPaths, QuestionStatement

# What a row takes, roughly: its name, and numbers; and a table besides, of thirteen columns, be it empty.
ROW_BYTES, TABLE_BYTES = 100, 2**16
# How many days are made at once; fewer, where visitors at once are swept, which takes ten times as long.
MOST_DAYS, MOST_DAYS_SWEPT = 31, 8
# More tables of a kind become one.
MOST_TABLES = 12
# For how long parts that pass are kept after they were asked for: a period, and what it is compared with, are
# asked in turns.
PASSING_SECONDS = 30.0
# Answers that are kept, and how many rows one of them has.
MOST_TOLD, LONGEST_TOLD = 500, 200

ToldKey = tuple[str, tuple[tuple[str, Any], ...]]


class PartsKind(NamedTuple):
    """What tables hold the same parts, and can be put together."""

    site_id: int
    within: str
    plain: tuple[str, ...]
    parts: tuple[str, ...]
    filters: tuple[HistoryFilter, ...]
    # As they are defined: what was made for a goal is of no use to one that is defined anew.
    goals: tuple[HistoryGoal, ...]
    conversion: str


class DaySource(NamedTuple):
    """What a day's parts are made of: equal ones have equal parts. Its files, those before, and its end."""

    day: LocalDay
    files: tuple[str, ...]
    before: tuple[str, ...]
    until: str

    @property
    def passes(self) -> bool:
        """Whether it will not be asked for much longer."""
        return bool(self.until) or any(f"/{OPEN}" in path for path in (*self.files, *self.before))


@dataclass
class PartsTable:
    """Parts of some days."""

    name: str
    slots: dict[DaySource, int]
    size: int  # bytes, about
    passes: bool
    used: float = field(default_factory=time.monotonic)

    @property
    def is_over(self) -> bool:
        """Whether what passes was asked for too long ago to be asked for again."""
        return self.passes and time.monotonic() - self.used > PASSING_SECONDS


@dataclass
class KeptKind:
    """The tables of a kind; whoever reads or changes them holds its lock."""

    tables: list[PartsTable] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Merging(Protocol):
    """What puts parts of days together."""

    def merged(
        self,
        dimensions: Sequence[str],
        parts: Sequence[str],
        tables: Sequence[str],
        slots: Mapping[LocalDay, int],
        names: Sequence[str] | None = None,
        whole: bool = False,
    ) -> QuestionStatement:
        """`tables`: where the parts are, `slots`: which rows of them are of which day."""


class KeptParts:
    """Makes parts of days, and keeps as many as fit; `most`: in bytes, about."""

    def __init__(self, most: int, rows: KeptRows | None = None) -> None:
        """`rows`: where what filters keep is kept; without it, each kind of parts looks at all rows."""
        self._most = most
        self._filtered = rows or KeptRows(0)
        self._told: OrderedDict[ToldKey, list[tuple[Any, ...]]] = OrderedDict()
        self._kinds: dict[PartsKind, KeptKind] = {}
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)

    def rows(
        self,
        duck: duckdb.DuckDBPyConnection,
        sql: Merging,
        asked: "AskedDays",
        names: Sequence[str] | None = None,
        whole: bool = False,
    ) -> list[tuple[Any, ...]]:
        """The rows of an answer. Raises duckdb.Error."""
        try:
            rows = self._rows(duck, sql, asked, names, whole)
        except duckdb.OutOfMemoryException:
            # Of what is kept, nothing is needed: it is made again when it is asked for.
            self._forget(duck, 0)
            rows = self._rows(duck, sql, asked, names, whole)
        self._forget(duck, self._most)
        return rows

    def _rows(
        self,
        duck: duckdb.DuckDBPyConnection,
        sql: Merging,
        asked: "AskedDays",
        names: Sequence[str] | None,
        whole: bool,
    ) -> list[tuple[Any, ...]]:
        kind = asked.kind
        with self._held(kind) as kept:
            self._make(duck, kept, asked)
            slots: dict[LocalDay, int] = {}
            tables = []
            for table in kept.tables:
                found = {each.day: slot for each, slot in table.slots.items() if each in asked.wanted}
                if found:
                    table.used = time.monotonic()
                    tables.append(table.name)
                    slots |= found
            if not tables:
                return []
            statement = sql.merged(asked.dimensions, kind.parts, tables, slots, names, whole)
            return self._merged(duck, statement)

    def _merged(self, duck: duckdb.DuckDBPyConnection, statement: QuestionStatement) -> list[tuple[Any, ...]]:
        """What a statement says. Tables never change, nor does any name come again: so it says the same."""
        key = statement.text, tuple(statement.values.items())
        with self._lock:
            if (told := self._told.get(key)) is not None:
                self._told.move_to_end(key)
                return told
        told = duck.execute(statement.text, statement.values).fetchall()
        if len(told) <= LONGEST_TOLD:
            with self._lock:
                self._told[key] = told
                while len(self._told) > MOST_TOLD:
                    self._told.popitem(last=False)
        return told

    @contextmanager
    def _held(self, kind: PartsKind) -> Iterator[KeptKind]:
        """The tables of a kind, for nobody else meanwhile."""
        while True:
            with self._lock:
                kept = self._kinds.setdefault(kind, KeptKind())
            with kept.lock:
                # It may have been forgotten just then.
                if self._kinds.get(kind) is kept:
                    yield kept
                    return

    def _make(self, duck: duckdb.DuckDBPyConnection, kept: KeptKind, asked: "AskedDays") -> None:
        """Make what is missing of these days."""
        for table in [each for each in kept.tables if each.is_over]:
            kept.tables.remove(table)
            duck.execute(f"DROP TABLE IF EXISTS {table.name}")
        there = {source for table in kept.tables for source in table.slots}
        missing = [source for source in asked.sources if source not in there]
        # What is asked in vain, for the time that it takes, has the more days the next time.
        for run in _runs(missing, MOST_DAYS_SWEPT if asked.sweeps else MOST_DAYS):
            slots = {source: next(self._numbers) for source in run}
            name = f"parts_{next(self._numbers)}"
            with self._rows_of(duck, asked, run) as paths:
                statement = asked.made(paths, run, list(slots.values()))
                made = f"CREATE TABLE {name} AS {statement.text}"
                (rows,) = duck.execute(made, statement.values).fetchone() or (0,)
            size = TABLE_BYTES + int(rows) * asked.row_bytes
            kept.tables.append(PartsTable(name, slots, size, run[0].passes))
        lasting = [table for table in kept.tables if not table.passes]
        if len(lasting) > MOST_TABLES:
            name = f"parts_{next(self._numbers)}"
            together = " UNION ALL ".join(f"SELECT * FROM {table.name}" for table in lasting)
            duck.execute(f"CREATE TABLE {name} AS {together}")
            slots = {source: slot for table in lasting for source, slot in table.slots.items()}
            kept.tables = [table for table in kept.tables if table.passes]
            size = sum(table.size for table in lasting) - TABLE_BYTES * (len(lasting) - 1)
            kept.tables.append(PartsTable(name, slots, size, passes=False))
            for table in lasting:
                duck.execute(f"DROP TABLE {table.name}")

    @contextmanager
    def _rows_of(
        self, duck: duckdb.DuckDBPyConnection, asked: "AskedDays", run: Sequence[DaySource]
    ) -> Iterator[DayPaths]:
        paths = asked.paths_of(run)
        if asked.sweeps:
            # Also of the day before, which is not of these days.
            yield paths
            return
        days = [FilteredDay(source.day.day, source.files) for source in run]
        with self._filtered.under(
            duck, asked.question, asked.dimensions, asked.kind.parts, paths, days
        ) as filtered:
            yield filtered

    def _forget(self, duck: duckdb.DuckDBPyConnection, most: int) -> None:
        """Drop what passed, and the least used tables beyond `most` bytes."""
        with self._lock:
            kinds = dict(self._kinds)
        tables = sorted(
            ((table.used, kind, table) for kind, kept in kinds.items() for table in list(kept.tables)),
            key=lambda each: each[0],
        )
        size = sum(table.size for _, _, table in tables)
        for _, kind, table in tables:
            if size > most or table.is_over:
                size -= self._drop(duck, kind, kinds[kind], table)

    def _drop(
        self, duck: duckdb.DuckDBPyConnection, kind: PartsKind, kept: KeptKind, table: PartsTable
    ) -> int:
        """Drop a table, unless it is being used; how much is free then, in bytes."""
        # Whoever holds it uses it now.
        if not kept.lock.acquire(blocking=False):
            return 0
        try:
            there = table in kept.tables
            if there:
                kept.tables.remove(table)
                duck.execute(f"DROP TABLE IF EXISTS {table.name}")
            if not kept.tables:
                with self._lock:
                    self._kinds.pop(kind, None)
        finally:
            kept.lock.release()
        return table.size if there else 0


class AskedDays(ABC):
    """The days of a question, as what their parts are made of."""

    row_bytes = ROW_BYTES

    def __init__(
        self,
        question: HistoryQuestion,
        dimensions: Sequence[str],
        parts: tuple[str, ...],
        found: Found,
        paths: DayPaths,
    ) -> None:
        self.question = question
        self.dimensions = dimensions
        self.kind = PartsKind(
            site_id=question.site_id,
            within=within(dimensions),
            plain=plain(dimensions),
            parts=parts,
            filters=tuple(question.filters),
            goals=tuple(question.goals),
            conversion=question.conversion,
        )
        self._found = found
        self._paths = paths
        # Of days to come there is nothing, though the day before them has files.
        begun = [day for day in paths.days if day.begins < paths.until]
        self.sources = [source for day in begun if (source := self._source(day)).files or source.before]
        self.wanted = set(self.sources)

    @property
    def sweeps(self) -> bool:
        """Whether parts are of who was there at once, also since the day before."""
        return False

    @abstractmethod
    def made(self, paths: DayPaths, run: Sequence[DaySource], slots: Sequence[int]) -> QuestionStatement:
        """The parts of a run of days, each under its slot."""

    def _source(self, day: LocalDay) -> DaySource:
        cut = self._paths.cut if day == self._paths.days[-1] else None
        return DaySource(day, self._files(day.day), (), cut.isoformat() if cut else "")

    def _files(self, day: date) -> tuple[str, ...]:
        return tuple(path for _, path in self._found.paths.get(day, ()))

    def paths_of(self, run: Sequence[DaySource]) -> DayPaths:
        """The files of these days, one after another."""
        days = [source.day for source in run]
        before = [each for each in self._found.days if each.day == day_before(days[0].day)]
        if not self.sweeps:
            before = []
        return DayPaths(
            days=days,
            views=self._found.of(VIEWS, days),
            events=self._found.of(EVENTS, days),
            before_views=self._found.of(VIEWS, before),
            before_events=self._found.of(EVENTS, before),
            until=max(min(days[-1].ends, self._paths.until), days[0].begins),
            cut=self._paths.cut if days[-1] == self._paths.days[-1] else None,
        )


class AskedParts(AskedDays):
    """Days of which measures are asked."""

    @property
    def sweeps(self) -> bool:
        return any(PARTS[name].of is Of.PRESENCE for name in self.kind.parts)

    def made(self, paths: DayPaths, run: Sequence[DaySource], slots: Sequence[int]) -> QuestionStatement:
        return PartsSql(self.question, self.dimensions, paths).parts(self.kind.parts, slots)

    def _source(self, day: LocalDay) -> DaySource:
        source = super()._source(day)
        if not self.sweeps:
            return source
        # Of a day that is on, what is open reaches to now.
        until = self._paths.until.isoformat() if self._paths.until < day.ends else source.until
        return source._replace(before=self._files(day.day - DAY), until=until)


def _runs(sources: Sequence[DaySource], most: int) -> list[list[DaySource]]:
    """These, in runs of at most so many days that follow each other, and pass or do not."""
    runs: list[list[DaySource]] = []
    for source in sources:
        last = runs[-1][-1] if runs else None
        follows = last and last.passes == source.passes and last.day.day == day_before(source.day.day)
        if follows and len(runs[-1]) < most:
            runs[-1].append(source)
        else:
            runs.append([source])
    return runs
