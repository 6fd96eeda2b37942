"""Answers questions: finds the days, asks DuckDB, and puts rows and totals together."""

import time
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import duckdb
import msgspec

from analytics.history.buckets import MOST_BUCKETS, Buckets, buckets, count
from analytics.history.day_format import EVENTS, VIEWS
from analytics.history.day_store import DayStore, Found, day_before
from analytics.history.dimensions import Level
from analytics.history.kept_parts import AskedParts, KeptParts
from analytics.history.local_days import LocalDay, from_micros
from analytics.history.measures import MEASURES, OF_GOALS, Of
from analytics.history.parts import ALL_TOTALS, OF_ALL, parts_of
from analytics.history.parts_sql import MergedSql, plain
from analytics.history.question import (
    AnswerTable,
    HistoryAnswer,
    HistoryQuestion,
    Span,
    WrongQuestion,
    check,
    level_of,
    order_of,
)
from analytics.history.question_sql import DayPaths, QuestionSql, QuestionStatement
from tracker.contract.zones import zone_of


class Answering:
    """Answers questions over a store of days."""

    def __init__(self, store: DayStore, kept: KeptParts | None = None) -> None:
        """`kept`: where parts of days are kept; without it, each question looks at all rows."""
        self._store = store
        self._kept = kept

    def answer(
        self, duck: duckdb.DuckDBPyConnection, question: HistoryQuestion, now: datetime
    ) -> HistoryAnswer:
        """The answer to a question, as of `now` or a little earlier.

        Raises WrongQuestion, duckdb.Error, psycopg.Error, OSError.
        """
        check(question)
        return self._store.answered(lambda asked: self._answer(duck, question, now, asked))

    def _answer(
        self, duck: duckdb.DuckDBPyConnection, question: HistoryQuestion, now: datetime, asked: list[Found]
    ) -> HistoryAnswer:
        until = time.monotonic() + question.wait
        found, paths = self._paths(question, question.span, now, asked, question.wait)
        totals, table = self._ask(duck, question, found, paths)
        missing, damaged = found.missing, found.damaged
        compared_totals = compared_table = None
        if question.compared:
            # Both together: a question that waited for longer would be taken for one that hangs.
            left = max(until - time.monotonic(), 0)
            there, others = self._paths(question, question.compared, now, asked, left)
            # As early as the copy of the day that runs.
            _cut(others, paths, min(now, paths.until))
            missing, damaged = missing + there.missing, damaged + there.damaged
            # A part of what is compared would be told as a rise that nobody saw.
            if not there.missing and not there.damaged:
                names = None
                if table and level_of(question.dimensions[0]) is not Level.TIME:
                    names = list(dict.fromkeys(row[0] for row in table.rows))
                compared_totals, compared_table = self._ask(duck, question, there, others, names)
        return HistoryAnswer(
            as_of=found.as_of or now,
            totals=totals,
            table=table,
            compared_totals=compared_totals,
            compared_table=compared_table,
            missing_days=sorted(set(missing)),
            damaged_days=sorted(set(damaged)),
        )

    def _paths(
        self, question: HistoryQuestion, span: Span, now: datetime, asked: list[Found], wait: float
    ) -> tuple[Found, DayPaths]:
        present = any(MEASURES[name].of is Of.PRESENCE for name in question.measures)
        first = day_before(span.first) if present else span.first
        found = self._store.find(question.site_id, question.zone, first, span.last, now, wait)
        asked.append(found)
        days = [day for day in found.days if day.day >= span.first]
        before = [day for day in found.days if day.day < span.first]
        return found, DayPaths(
            days=days,
            views=found.of(VIEWS, days),
            events=found.of(EVENTS, days),
            before_views=found.of(VIEWS, before),
            before_events=found.of(EVENTS, before),
            until=found.until(days, now),
        )

    def _ask(
        self,
        duck: duckdb.DuckDBPyConnection,
        question: HistoryQuestion,
        found: Found,
        paths: DayPaths,
        names: list[str] | None = None,
    ) -> tuple[list[Any], AnswerTable | None]:
        totals: Sequence[Any] = _nothing(question)
        if _asks(paths, ()):
            totals = self._totals(duck, question, found, paths)
        if not question.dimensions:
            return _plain(question, totals, 0), None
        table = self._table(duck, question, found, paths, names)
        return _plain(question, totals, 0), table

    def _totals(
        self, duck: duckdb.DuckDBPyConnection, question: HistoryQuestion, found: Found, paths: DayPaths
    ) -> Sequence[Any]:
        """The totals; of parts all that come to any, so that one statement serves each table of a page."""
        made = buckets(None, paths.days, paths.until)
        measures = question.measures
        if self._kept is None or not set(measures) <= set(ALL_TOTALS):
            return self._rows(duck, question, (), found, paths, made)[0]
        asked = msgspec.structs.replace(question, measures=ALL_TOTALS, dimensions=(), order="", find="")
        told = dict(zip(ALL_TOTALS, self._rows(duck, asked, (), found, paths, made)[0], strict=False))
        return [told[name] for name in measures]

    def _rows(
        self,
        duck: duckdb.DuckDBPyConnection,
        question: HistoryQuestion,
        dimensions: Sequence[str],
        found: Found,
        paths: DayPaths,
        made: Buckets,
        names: list[str] | None = None,
        whole: bool = False,
    ) -> list[tuple[Any, ...]]:
        """The rows of a table: of parts of days, where these are enough, else of all rows at once."""
        parts = parts_of(question.measures)
        goals = any(name in OF_GOALS for name in question.measures)
        levels = {level_of(name) for name in dimensions}
        apart = Level.GOAL in levels or (Level.EVENT in levels and goals)
        if self._kept is None or parts is None or apart:
            return _run(duck, QuestionSql(question, paths, made).statement(dimensions, names, whole))
        if not plain(dimensions) and set(parts) <= set(OF_ALL):
            parts = OF_ALL
        asked = AskedParts(question, dimensions, parts, found, paths)
        return self._kept.rows(duck, MergedSql(question, paths, made), asked, names, whole)

    def _table(
        self,
        duck: duckdb.DuckDBPyConnection,
        question: HistoryQuestion,
        found: Found,
        paths: DayPaths,
        names: list[str] | None,
    ) -> AnswerTable:
        dimensions = question.dimensions
        if dimensions == ("goal",):
            return self._goals(duck, question, found, paths, names)
        times = [number for number, name in enumerate(dimensions) if level_of(name) is Level.TIME]
        made = _buckets(question, paths, dimensions[times[0]] if times else None)
        rows: list[tuple[Any, ...]] = []
        if _asks(paths, dimensions) and names != []:
            whole = bool(times) or names is not None
            rows = self._rows(duck, question, dimensions, found, paths, made, names, whole)
        width = len(dimensions)
        sums = list(rows[0][width + len(question.measures) + 1 :]) if rows else _no_sums(question)
        number = rows[0][width + len(question.measures)] if rows else 0
        shown = [[*row[:width], *_plain(question, row, width)] for row in rows]
        if times:
            for row in shown:
                row[times[0]] = made.labels[row[times[0]]]
        if times and width == 1:
            shown = _filled(question, made, shown)
            number = len(shown)
        return AnswerTable(shown, number, sums)

    def _goals(
        self,
        duck: duckdb.DuckDBPyConnection,
        question: HistoryQuestion,
        found: Found,
        paths: DayPaths,
        names: list[str] | None,
    ) -> AnswerTable:
        """The goals of a question, with those that nobody reached: there are few, so all are asked for."""
        rows: list[tuple[Any, ...]] = []
        if _asks(paths, question.dimensions) and names != []:
            made = buckets(None, paths.days, paths.until)
            rows = self._rows(duck, question, question.dimensions, found, paths, made, names, whole=True)
        width = len(question.measures) + 1
        sums = list(rows[0][width + 1 :]) if rows else _no_sums(question)
        shown = [[row[0], *_plain(question, row, 1)] for row in rows]
        wanted = question.find.lower()
        unreached = [
            goal.name
            for goal in question.goals
            if (names is None or goal.name in names)
            and wanted in goal.name.lower()
            and all(goal.name != row[0] for row in shown)
        ]
        nothing, asked = list(_nothing(question)), question.measures
        if unreached and "conversion_rate" in asked and self._visits(duck, question, found, paths):
            nothing[asked.index("conversion_rate")] = 0.0
        shown += [[name, *nothing] for name in unreached]
        shown = _ordered(question, shown)
        number = len(shown)
        if names is None:
            shown = shown[question.offset : question.offset + question.limit]
        return AnswerTable(shown, number, sums)

    def _visits(
        self, duck: duckdb.DuckDBPyConnection, question: HistoryQuestion, found: Found, paths: DayPaths
    ) -> int:
        """How many visits there are of which some may have a goal."""
        if not _asks(paths, ()):
            return 0
        asked = msgspec.structs.replace(question, measures=("visits",), dimensions=(), order="", find="")
        made = buckets(None, paths.days, paths.until)
        return int(self._rows(duck, asked, (), found, paths, made)[0][0])


def _ordered(question: HistoryQuestion, rows: list[list[Any]]) -> list[list[Any]]:
    """As `QuestionSql` orders rows of one dimension: what is not known comes last, equals go by name."""
    name, falling = order_of(question)
    by_name = sorted(rows, key=lambda row: row[0])
    if name not in question.measures:
        return by_name[::-1] if falling and name in question.dimensions else by_name
    at = 1 + question.measures.index(name)
    known = [row for row in by_name if row[at] is not None]
    known.sort(key=lambda row: row[at], reverse=falling)
    return [*known, *(row for row in by_name if row[at] is None)]


def _asks(paths: DayPaths, dimensions: Sequence[str]) -> bool:
    """Whether there is any file to ask, and any time that it may tell of."""
    if paths.until <= paths.days[0].begins:
        return False
    if "goal" in dimensions:
        # Pages may be goals, too.
        return bool(paths.views)
    if any(level_of(name) is Level.EVENT for name in dimensions) and not paths.events:
        return False
    return bool(paths.views or paths.before_views)


def _run(duck: duckdb.DuckDBPyConnection, statement: QuestionStatement) -> list[tuple[Any, ...]]:
    return duck.execute(statement.text, statement.values).fetchall()


def _nothing(question: HistoryQuestion) -> tuple[Any, ...]:
    return tuple(_none_of(name) for name in question.measures)


def _none_of(name: str) -> Any:
    return 0 if MEASURES[name].adds or name in ("at_once_peak", "at_once_mean") else None


def _no_sums(question: HistoryQuestion) -> list[Any]:
    return [0 if MEASURES[name].adds else None for name in question.measures]


def _plain(question: HistoryQuestion, row: Sequence[Any], start: int) -> list[Any]:
    """A row's measures as they are told: moments in ISO, local to the site."""
    told = list(row[start : start + len(question.measures)])
    for number, name in enumerate(question.measures):
        if name == "at_once_peak_at" and told[number] is not None:
            moment = from_micros(told[number]).astimezone(zone_of(question.zone))
            told[number] = moment.isoformat(timespec="milliseconds")
        elif told[number] is None:
            told[number] = _none_of(name)
    return told


def _buckets(question: HistoryQuestion, paths: DayPaths, dimension: str | None) -> Buckets:
    if dimension and dimension != "weekday_hour" and count(dimension, len(paths.days)) > MOST_BUCKETS:
        raise WrongQuestion(
            "interval",
            f"At most {MOST_BUCKETS} rows: ask for longer intervals, or fewer days.",
        )
    return buckets(dimension, paths.days, paths.until)


def _filled(question: HistoryQuestion, made: Buckets, rows: Sequence[list[Any]]) -> list[list[Any]]:
    """A row for each bucket, those too in which nothing happened."""
    by_label = {row[0]: row for row in rows}
    # What an edge whose clock is ahead has stored already has a row, too.
    return [
        by_label.get(label) or [label, *_nothing(question)]
        for number, label in enumerate(made.labels)
        if number < made.begun or label in by_label
    ]


def _cut(others: DayPaths, paths: DayPaths, until: datetime) -> None:
    """Where the last day of the span still runs, let the last one of the other end as early."""
    last: LocalDay = paths.days[-1]
    if not last.begins <= until < last.ends:
        return
    other = others.days[-1]
    cut = other.begins + (until - last.begins)
    if cut < other.ends:
        others.cut = others.until = cut


def span_of_all(first: date | None, today: date) -> Span:
    """From the first day that there is to today."""
    return Span(min(first or today, today), today)
