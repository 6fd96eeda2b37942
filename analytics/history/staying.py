"""Answers how long readers stay, from the begins and ends of their page views.

What of a day goes into the curve adds up over days, so it is kept as the parts of measures are.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import duckdb

from analytics.history.buckets import Buckets
from analytics.history.day_format import EVENTS, VIEWS
from analytics.history.day_store import DayStore, Found
from analytics.history.duck import literal
from analytics.history.file_cache import OPEN
from analytics.history.kept_parts import AskedDays, DaySource, KeptParts
from analytics.history.local_days import LocalDay, micros
from analytics.history.question import HistoryQuestion, check
from analytics.history.question_sql import LONGEST, DayPaths, QuestionSql, QuestionStatement
from analytics.history.stay import PERCENT, DepthPoint, Lasted, StayAnswer, StayQuestion, curve_of

# To the ms within a minute, to a tenth of a second within an hour: of millions of page views some ten
# thousand rows. No point of the curve lies within one.
ROUNDED = """
CASE WHEN lasted < 60000000 THEN lasted // 1000
     WHEN lasted < 3600000000 THEN lasted // 100000 * 100
     ELSE lasted // 1000000 * 1000 END
"""
# What is kept of a day: how many page views lasted for how long, and how many reached each depth.
LASTED, DEPTHS = "lasted", "depths"
# Four small numbers.
ROW_BYTES = 20


class StaySql(QuestionSql):
    """The statements about how long the page views of some days stayed."""

    def lasted(self, slots: Sequence[int], until: datetime | None) -> QuestionStatement:
        """How many page views lasted for how long: `slot` and the columns of `Lasted`.

        `until`: when page views were seen that are open; without it they lasted for as long as one may.
        """
        self._values, self._dimensions = {}, ()
        ended = (
            f"coalesce(ended, {micros(until)}) - began" if until else f"coalesce(ended - began, {LONGEST})"
        )
        lasted = f"greatest(least({ended}, {LONGEST}), 0)"
        return QuestionStatement(
            f"""
            WITH stay AS (
                SELECT slot, {lasted} AS lasted, ended FROM {self._with_slots(slots)} WHERE {self._kept()}
            )
            SELECT slot, ({ROUNDED})::INTEGER AS ms, count(ended)::INTEGER AS over, count(*)::INTEGER AS views
            FROM stay GROUP BY slot, ms
            """,
            self._values,
        )

    def depths(self, slots: Sequence[int]) -> QuestionStatement:
        """How many page views there are that reached each depth: `slot` and a column for each."""
        self._values, self._dimensions = {}, ()
        counts = ", ".join(f"count(*) FILTER (WHERE depth >= {percent}) AS p{percent}" for percent in PERCENT)
        return QuestionStatement(
            f"SELECT slot, {counts} FROM {self._with_slots(slots)} WHERE {self._kept()} GROUP BY slot",
            self._values,
        )

    def merged(
        self,
        dimensions: Sequence[str],
        parts: Sequence[str],
        tables: Sequence[str],
        slots: Mapping[LocalDay, int],
        names: Sequence[str] | None = None,
        whole: bool = False,
    ) -> QuestionStatement:
        """What kept parts come to: rows of `Lasted`, or one of depths."""
        rows = " UNION ALL ".join(f"SELECT * FROM {table}" for table in tables)
        source = f"({rows}) p WHERE slot IN ({', '.join(map(str, slots.values()))})"
        if LASTED in parts:
            text = f"SELECT ms, sum(over)::BIGINT, sum(views)::BIGINT FROM {source} GROUP BY ms ORDER BY ms"
        else:
            counts = ", ".join(f"coalesce(sum(p{percent}), 0)::BIGINT" for percent in PERCENT)
            text = f"SELECT {counts} FROM {source}"
        return QuestionStatement(text)

    def _with_slots(self, slots: Sequence[int]) -> str:
        days = ", ".join(
            f"({literal(day.day)}::DATE, {slot})" for day, slot in zip(self._paths.days, slots, strict=True)
        )
        return f"{self._source()} JOIN (VALUES {days}) d (day, slot) USING (day)"


class AskedStays(AskedDays):
    """Days of which is asked how long their page views stayed."""

    row_bytes = ROW_BYTES

    def made(self, paths: DayPaths, run: Sequence[DaySource], slots: Sequence[int]) -> QuestionStatement:
        sql = StaySql(self.question, paths, Buckets(None))
        if LASTED in self.kind.parts:
            return sql.lasted(slots, self._paths.until if run[0].passes else None)
        return sql.depths(slots)

    def _source(self, day: LocalDay) -> DaySource:
        source = super()._source(day)
        # What is open in a copy of a day has stayed until now; of a sealed day nothing is.
        opened = any(f"/{OPEN}" in path for path in source.files)
        return source._replace(until=self._paths.until.isoformat()) if opened else source


class StayAnswering:
    """Answers how long page views stayed, over a store of days."""

    def __init__(self, store: DayStore, kept: KeptParts | None = None) -> None:
        """`kept`: where parts of days are kept; without it, each question looks at all rows."""
        self._store = store
        self._kept = kept or KeptParts(0)

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
        rows = [Lasted(*row) for row in self._rows(duck, question, found, now, LASTED)]
        views = sum(row.views for row in rows)
        depth: list[DepthPoint] = []
        if views:
            (reached,) = self._rows(duck, question, found, now, DEPTHS)
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

    def _rows(
        self,
        duck: duckdb.DuckDBPyConnection,
        question: HistoryQuestion,
        found: Found,
        now: datetime,
        part: str,
    ) -> list[tuple[int, ...]]:
        files, events = found.of(VIEWS, found.days), found.of(EVENTS, found.days)
        if not files:
            return []
        paths = DayPaths(found.days, files, events, [], [], found.until(found.days, now))
        asked = AskedStays(question, (), (part,), found, paths)
        return self._kept.rows(duck, StaySql(question, paths, Buckets(None)), asked)
