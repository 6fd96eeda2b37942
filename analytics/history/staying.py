"""Answers how long readers stay, from the begins and ends of their page views."""

from datetime import datetime

import duckdb

from analytics.history.buckets import Buckets
from analytics.history.day_format import EVENTS, VIEWS
from analytics.history.day_store import DayStore, Found
from analytics.history.local_days import micros
from analytics.history.question import check
from analytics.history.question_sql import LONGEST, DayPaths, QuestionSql, QuestionStatement
from analytics.history.stay import PERCENT, DepthPoint, Lasted, StayAnswer, StayQuestion, curve_of

# To the ms within a minute, to a tenth of a second within an hour: of millions of page views some ten
# thousand rows. No point of the curve lies within one.
ROUNDED = """
CASE WHEN lasted < 60000000 THEN lasted // 1000
     WHEN lasted < 3600000000 THEN lasted // 100000 * 100
     ELSE lasted // 1000000 * 1000 END
"""


class StaySql(QuestionSql):
    """The statements about how long the page views of some days stayed."""

    def lasted(self) -> QuestionStatement:
        """How many page views lasted for how long: rows of `Lasted`."""
        self._values, self._dimensions = {}, ()
        lasted = f"greatest(least(coalesce(ended, {micros(self._paths.until)}) - began, {LONGEST}), 0)"
        return QuestionStatement(
            f"""
            WITH stay AS (SELECT {lasted} AS lasted, ended FROM {self._source()} WHERE {self._kept()})
            SELECT {ROUNDED} AS ms, count(ended), count(*) FROM stay GROUP BY ms ORDER BY ms
            """,
            self._values,
        )

    def depth(self) -> QuestionStatement:
        """How many page views there are that reached each depth."""
        self._values, self._dimensions = {}, ()
        counts = ", ".join(f"count(*) FILTER (WHERE depth >= {percent})" for percent in PERCENT)
        return QuestionStatement(f"SELECT {counts} FROM {self._source()} WHERE {self._kept()}", self._values)


class StayAnswering:
    """Answers how long page views stayed, over a store of days."""

    def __init__(self, store: DayStore) -> None:
        self._store = store

    def answer(self, duck: duckdb.DuckDBPyConnection, asked: StayQuestion, now: datetime) -> StayAnswer:
        """The curve, as of `now` or a little earlier.

        Raises WrongQuestion, duckdb.Error, psycopg.Error, OSError.
        """
        check(asked.question)
        return self._store.answered(lambda looked: self._answer(duck, asked, now, looked))

    def _answer(
        self, duck: duckdb.DuckDBPyConnection, asked: StayQuestion, now: datetime, looked: list[Found]
    ) -> StayAnswer:
        question, span = asked.question, asked.question.span
        found = self._store.find(question.site_id, question.zone, span.first, span.last, now, question.wait)
        looked.append(found)
        files, events = found.of(VIEWS, found.days), found.of(EVENTS, found.days)
        rows: list[Lasted] = []
        depth: list[DepthPoint] = []
        if files:
            until = min(found.days[-1].ends, max(found.as_of or now, found.days[0].begins))
            sql = StaySql(question, DayPaths(found.days, files, events, [], [], until), Buckets(None))
            rows = [Lasted(*row) for row in _run(duck, sql.lasted())]
        views = sum(row.views for row in rows)
        if views:
            (reached,) = _run(duck, sql.depth())
            depth = [
                DepthPoint(percent, number / views, number)
                for percent, number in zip(PERCENT, reached, strict=True)
            ]
        curve = curve_of(rows)
        return StayAnswer(
            as_of=found.as_of or now,
            views=views,
            open=sum(row.views - row.over for row in rows),
            median=curve.median,
            p90=curve.p90,
            curve=curve.points,
            depth=depth,
            missing_days=found.missing,
            damaged_days=found.damaged,
        )


def _run(duck: duckdb.DuckDBPyConnection, statement: QuestionStatement) -> list[tuple[int, ...]]:
    return duck.execute(statement.text, statement.values).fetchall()
