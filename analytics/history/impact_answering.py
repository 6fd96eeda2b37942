"""Answers what a span of time meant, out of sealed days and, where days are open, of Postgres' rows.

An open day is not copied for it: rows of the time that is asked about are few, and as young as they can be.
"""

import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import BinaryIO, NamedTuple

import duckdb
from psycopg import sql

from analytics.history.day_format import VIEWS
from analytics.history.day_store import DayStore, SealedAndOpen
from analytics.history.day_tables import files
from analytics.history.duck import literal
from analytics.history.file_cache import work_prefix
from analytics.history.impact import (
    Impact,
    ImpactQuestion,
    ImpactWeek,
    MeanPresence,
    check_impact,
    weeks_of,
)
from analytics.history.local_days import DAY, MICROSECOND, day_at, micros
from analytics.history.question_sql import LONGEST, VISITOR
from tracker.contract.spans import LONGEST_PAGE_VIEW

# Page views of an open day that were open within a week's windows.
ROWS = """
COPY (
    SELECT {week}, visitor, (extract(epoch FROM began_at) * 1000000)::bigint,
           (extract(epoch FROM ended_at) * 1000000)::bigint
    FROM tracker_pageview
    WHERE site_id = {site} AND began_at >= {begins} AND began_at < {ends}
      AND (ended_at IS NULL OR ended_at > {since})
) TO STDOUT (FORMAT csv)
"""
COLUMNS = "{'week': 'BIGINT', 'visitor': 'VARCHAR', 'began': 'BIGINT', 'ended': 'BIGINT'}"
# Time that a visitor's page views cover together, as in every other sweep, by the window that it falls into.
SWEEP = """
WITH stretch AS (
    SELECT week, visitor, began, least(coalesce(ended, {now}), began + {longest}, {now}) AS ended,
           ended IS NOT NULL AS over
    FROM ({rows})
), part (week, part, begins, ends) AS (VALUES {windows}), open AS (
    SELECT p.week, p.part, s.visitor, greatest(s.began, p.begins) AS began, least(s.ended, p.ends) AS ended,
           s.over AND s.ended <= p.ends AS over
    FROM stretch s JOIN part p ON s.week = p.week AND s.began < p.ends AND s.ended > p.begins
    WHERE s.began < s.ended
), stay AS (
    SELECT week, part, visitor, over, ended, greatest(began, coalesce(max(ended) OVER (
        PARTITION BY week, part, visitor ORDER BY began, ended
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), began)) AS began
    FROM open
)
SELECT week, part, sum(greatest(ended - began, 0))::DOUBLE / 1e6, count(DISTINCT visitor),
       count(*) FILTER (WHERE over)
FROM stay GROUP BY week, part
"""
BEFORE, DURING, AFTER = range(3)
# Weeks whose figures are kept: the usual of one flag is asked for by all who look at it.
MOST_KEPT = 1000


class WindowTold(NamedTuple):
    """What a window came to: visitors at once on average, people, page views that ended."""

    visitors: float = 0.0
    people: int = 0
    ended: int = 0


NOBODY = WindowTold()


class ImpactAnswering:
    """Tells what spans meant, over a store of days."""

    def __init__(self, store: DayStore, folder: Path) -> None:
        """`folder`: where rows of open days may lie for a moment, and DuckDB may read them."""
        self._store, self._folder = store, folder
        # Of weeks that are sealed: files have names by their content, and so these are true for ever.
        self._told: dict[tuple[tuple[str, ...], ImpactWeek], dict[int, WindowTold]] = {}

    def answer(self, duck: duckdb.DuckDBPyConnection, question: ImpactQuestion, now: datetime) -> Impact:
        """What the span meant, as of `now`. Raises WrongQuestion, duckdb.Error, psycopg.Error, OSError."""
        check_impact(question, now)
        weeks = weeks_of(question, now)
        found = [self._days(question, week, now) for week in weeks]
        work = Path(tempfile.mkdtemp(prefix=work_prefix(), dir=self._folder))
        try:
            try:
                told = self._ask(duck, question, weeks, found, work, now)
            except duckdb.Error:
                # A file of the cache may have been cut, or deleted: it is fetched again, once.
                if not sum(self._store.forget_damaged(each.found) for each in found):
                    raise
                found = [self._days(question, week, now) for week in weeks]
                told = self._ask(duck, question, weeks, found, work, now)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return _impact(question, weeks, told, found, now)

    def _days(self, question: ImpactQuestion, week: ImpactWeek, now: datetime) -> SealedAndOpen:
        first = day_at(week.since - LONGEST_PAGE_VIEW, question.zone).day
        last = day_at(week.until - MICROSECOND, question.zone).day
        found = self._store.sealed_and_open(question.site_id, question.zone, first, last, now)
        if all(day.zone == question.zone for day in found.found.days):
            return found
        # Sealed in another zone, days begin and end at other times.
        return self._store.sealed_and_open(question.site_id, question.zone, first - DAY, last + DAY, now)

    def _ask(
        self,
        duck: duckdb.DuckDBPyConnection,
        question: ImpactQuestion,
        weeks: Sequence[ImpactWeek],
        found: Sequence[SealedAndOpen],
        work: Path,
        now: datetime,
    ) -> dict[tuple[int, int], WindowTold]:
        """What each window came to in which anybody was there, by week and part."""
        sealed = [tuple(days.found.of(VIEWS, days.found.days)) for days in found]
        keys = [
            None if days.open or days.found.damaged else (paths, week)
            for week, days, paths in zip(weeks, found, sealed, strict=True)
        ]
        kept = [self._told.get(key) if key else None for key in keys]
        known = {number: told for number, told in enumerate(kept) if told is not None}
        new = self._count(duck, question, weeks, found, sealed, known.keys(), work, now)
        for number, key in enumerate(keys):
            if key and number not in known:
                known[number] = {part: told for (week, part), told in new.items() if week == number}
                self._told[key] = known[number]
        # Copied, since another thread answers, too.
        for oldest in list(self._told)[:-MOST_KEPT]:
            self._told.pop(oldest, None)
        return new | {(week, part): told for week, parts in known.items() for part, told in parts.items()}

    def _count(
        self,
        duck: duckdb.DuckDBPyConnection,
        question: ImpactQuestion,
        weeks: Sequence[ImpactWeek],
        found: Sequence[SealedAndOpen],
        sealed: Sequence[Sequence[str]],
        known: Collection[int],
        work: Path,
        now: datetime,
    ) -> dict[tuple[int, int], WindowTold]:
        """The same of those weeks that are not `known`."""
        path = work / "rows.csv"
        rows = []
        with path.open("wb") as file:
            for number, (week, days) in enumerate(zip(weeks, found, strict=True)):
                if number in known:
                    continue
                if sealed[number]:
                    rows.append(_sealed_rows(number, week, sealed[number], now))
                self._copy_open(file, question.site_id, number, week, days)
        if path.stat().st_size:
            rows.append(
                f"FROM read_csv({literal(path)}, columns = {COLUMNS}, auto_detect = false, header = false,"
                " delim = ',', nullstr = '')"
            )
        if not rows:
            return {}
        windows = ", ".join(
            f"({number}, {part}, {micros(window.since)}, {micros(window.until)})"
            for number, week in enumerate(weeks)
            for part, window in enumerate(week.windows)
        )
        statement = SWEEP.format(
            now=micros(now), longest=LONGEST, rows=" UNION ALL ".join(rows), windows=windows
        )
        return {
            (week, part): WindowTold(seconds / weeks[week].windows[part].seconds, people, ended)
            for week, part, seconds, people, ended in duck.execute(statement).fetchall()
        }

    def _copy_open(
        self, file: BinaryIO, site_id: int, number: int, week: ImpactWeek, days: SealedAndOpen
    ) -> None:
        """Copy what Postgres has of a week."""
        earliest = week.since - LONGEST_PAGE_VIEW
        with self._store.connection().cursor() as cursor:
            for day in days.open:
                statement = sql.SQL(ROWS).format(
                    week=sql.Literal(number),
                    site=sql.Literal(site_id),
                    begins=sql.Literal(max(day.begins, earliest)),
                    ends=sql.Literal(min(day.ends, week.until)),
                    since=sql.Literal(week.since),
                )
                with cursor.copy(statement) as blocks:
                    for block in blocks:
                        file.write(block)


def _sealed_rows(number: int, week: ImpactWeek, paths: Sequence[str], now: datetime) -> str:
    since, until = micros(week.since), micros(week.until)
    return (
        f"SELECT {number} AS week, ({VISITOR})::VARCHAR AS visitor, began, ended FROM {files(paths)}"
        f" WHERE began < {until} AND began > {since - LONGEST}"
        # As DuckDB looks it up in what it knows of a file, before it reads one.
        f" AND (ended > {since} OR (ended IS NULL AND {micros(now)} > {since}))"
    )


def _impact(
    question: ImpactQuestion,
    weeks: Sequence[ImpactWeek],
    told: Mapping[tuple[int, int], WindowTold],
    found: Sequence[SealedAndOpen],
    now: datetime,
) -> Impact:
    parts = [
        [told.get((week, part), NOBODY) for week in range(len(weeks))]
        for part in range(len(weeks[0].windows))
    ]
    presences = [
        MeanPresence(window.since, window.until, each[0].visitors, _usual([one.visitors for one in each]))
        for window, each in zip(weeks[0].windows, parts, strict=True)
    ]
    during = parts[DURING]
    return Impact(
        as_of=now,
        running=now < question.until,
        before=presences[BEFORE],
        during=presences[DURING],
        after=presences[AFTER] if len(presences) > AFTER else None,
        people=during[0].people,
        usual_people=_usual([one.people for one in during]),
        ended=during[0].ended,
        usual_ended=_usual([one.ended for one in during]),
        weeks=[day_at(week.windows[DURING].since, question.zone).day for week in weeks[1:]],
        damaged_days=sorted({day for each in found for day in each.found.damaged}),
    )


def _usual(values: Sequence[float]) -> float | None:
    """The mean of the weeks before, if there is one."""
    return fmean(values[1:]) if len(values) > 1 else None
