"""Keeps the page views that a filter keeps, in tables of DuckDB: a page's tables all ask under the same one.

Filters are looked at once for each day, and what is asked then is asked of the rows that are left. To
read all of their columns takes four times as long as to find them, so first only those are taken that a
page asks first; who asks for more has them looked at once more. Rows of an open day are of one copy of
it. What keeps too many rows is not kept. For several threads.
"""

import itertools
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NamedTuple

import duckdb

from analytics.history.dimensions import DIMENSIONS, Level
from analytics.history.parts import PARTS
from analytics.history.question import HistoryFilter, HistoryQuestion, is_property, level_of
from analytics.history.question_sql import DayPaths, QuestionSql

# What may have been erased meanwhile is not kept for longer.
OLDEST_SECONDS = 600.0
# What all parts are made of, and what the first tables of a page are told apart by.
FIRST = (
    *("day", "visitor", "visit", "view", "first_on_page", "entry_on_page", "began", "ended", "utc_offset"),
    *("engaged_ms", "depth", "events", "event_value", "visit_began", "visit_ended", "visit_views"),
    *("visit_events", "visit_engaged_ms", "page", "referrer", "country", "browser"),
)
# What its further tables ask beside these.
FURTHER = ("entry_page", "exit_page", "channel", "system", "device", "language", "width", "utm_campaign")
# What is seldom asked about, and long.
LEFT_OUT = (
    *("query", "title", "server", "referrer_url", "utm_source", "utm_medium", "utm_term", "utm_content"),
)
ALL = (*FIRST, *FURTHER)
# What a row takes in DuckDB's memory, roughly.
ROW_BYTES = {FIRST: 200, ALL: 300}
WORD = re.compile(r"[a-z_]+")


class FilteredDay(NamedTuple):
    """A day as its files are: equal ones have equal rows."""

    day: date
    files: tuple[str, ...]


@dataclass
class RowsTable:
    """The rows of some days that a filter keeps; without a name: too many."""

    name: str | None
    days: set[FilteredDay]
    rows: int
    used: float = field(default_factory=time.monotonic)


@dataclass
class FilterRows:
    """The tables of a filter with some columns; whoever reads or changes them holds its lock."""

    tables: list[RowsTable] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def rows(self) -> int:
        return sum(table.rows for table in self.tables)


class FilterKey(NamedTuple):
    """What tables hold the same columns under the same filters."""

    site_id: int
    filters: tuple[HistoryFilter, ...]
    columns: tuple[str, ...]


class KeptRows:
    """Keeps rows under filters, as many as fit; `most`: in bytes, about."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._filters: dict[FilterKey, FilterRows] = {}
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)

    @contextmanager
    def under(
        self,
        duck: duckdb.DuckDBPyConnection,
        question: HistoryQuestion,
        dimensions: Sequence[str],
        parts: Sequence[str],
        paths: DayPaths,
        days: Sequence[FilteredDay],
    ) -> Iterator[DayPaths]:
        """These paths, with the rows of their days that the question's filters keep, where they are kept.

        Nobody else changes them meanwhile. Raises duckdb.Error.
        """
        columns = _columns(dimensions, parts)
        # A goal's are looked for until the same time of the day as all else.
        of_goals = any(level_of(each.dimension) is Level.GOAL for each in question.filters)
        if not question.filters or columns is None or of_goals or not paths.views:
            yield paths
            return
        key = FilterKey(question.site_id, question.filters, columns)
        with self._held(key) as kept:
            missing = set(days) - {day for table in kept.tables for day in table.days}
            if missing == set(days):
                self._make(duck, kept, key, question, paths, missing)
            tables = [table for table in kept.tables if table.days & set(days)]
            found = {day for table in tables if table.name for day in table.days}
            if not found >= set(days):
                yield paths
            else:
                for table in tables:
                    table.used = time.monotonic()
                yield replace(paths, rows=tuple(table.name for table in tables if table.name))
        self._forget(duck)

    @contextmanager
    def _held(self, key: FilterKey) -> Iterator[FilterRows]:
        while True:
            with self._lock:
                kept = self._filters.setdefault(key, FilterRows())
            with kept.lock:
                # It may have been forgotten just then.
                if self._filters.get(key) is kept:
                    yield kept
                    return

    def _make(
        self,
        duck: duckdb.DuckDBPyConnection,
        kept: FilterRows,
        key: FilterKey,
        question: HistoryQuestion,
        paths: DayPaths,
        days: set[FilteredDay],
    ) -> None:
        """Look at these days, which nobody asked about under this filter."""
        again = {day.day for day in days}
        for table in [each for each in kept.tables if again & {day.day for day in each.days}]:
            # Of an earlier copy of an open day, or of a day that was sealed anew.
            self._drop(duck, kept, table)
        most = self._most // ROW_BYTES[key.columns]
        statement = QuestionSql.rows_that_are_kept(question, paths, key.columns, most + 1)
        name = f"rows_{next(self._numbers)}"
        made = f"CREATE TABLE {name} AS {statement.text}"
        (rows,) = duck.execute(made, statement.values).fetchone() or (0,)
        table = RowsTable(name, days, int(rows))
        if rows > most:
            duck.execute(f"DROP TABLE {name}")
            table = RowsTable(None, days, 0)
        kept.tables.append(table)

    def _drop(self, duck: duckdb.DuckDBPyConnection, kept: FilterRows, table: RowsTable) -> None:
        kept.tables.remove(table)
        if table.name:
            duck.execute(f"DROP TABLE IF EXISTS {table.name}")

    def _forget(self, duck: duckdb.DuckDBPyConnection) -> None:
        """Drop the least used tables beyond what may be kept, and what nobody has asked about for a while."""
        with self._lock:
            filters = dict(self._filters)
        size = sum(kept.rows() * ROW_BYTES[key.columns] for key, kept in filters.items())
        tables = sorted(
            ((table.used, key, table) for key, kept in filters.items() for table in list(kept.tables)),
            key=lambda each: each[0],
        )
        old = time.monotonic() - OLDEST_SECONDS
        for used, key, table in tables:
            if size <= self._most and len(filters) <= MOST_FILTERS and used > old:
                return
            kept = filters[key]
            # Whoever holds it uses it now.
            if not kept.lock.acquire(blocking=False):
                continue
            try:
                if table in kept.tables:
                    self._drop(duck, kept, table)
                    size -= table.rows * ROW_BYTES[key.columns]
                if not kept.tables:
                    del filters[key]
                    with self._lock:
                        self._filters.pop(key, None)
            finally:
                kept.lock.release()


# Of how many is noted that they keep too many rows, or few.
MOST_FILTERS = 200


def _columns(dimensions: Sequence[str], parts: Sequence[str]) -> tuple[str, ...] | None:
    """The fewest columns that hold what these are made of; None where none are kept that do."""
    if not PARTS.keys() >= set(parts):
        # How long readers stayed is read of three columns, once.
        return None
    texts = [PARTS[name].sql for name in parts]
    texts += [DIMENSIONS[name].column for name in dimensions if not is_property(name)]
    needed = {word for text in texts for word in WORD.findall(text)}
    if needed & {*LEFT_OUT}:
        return None
    return ALL if needed & {*FURTHER} else FIRST
