"""Whether a site's real figures add up, and why not where they do not: the invariants of docs/definitions.md.

Each check asks what reports ask, in another way: of all rows, of other intervals, under filters, of Postgres.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import duckdb
import psycopg

from analytics.history import spreadsheet
from analytics.history.answering import Answering
from analytics.history.due_days import DueDay, raw_since, settled_before
from analytics.history.local_days import LocalDay
from analytics.history.question import IS, NOT, HistoryFilter, HistoryQuestion, Span
from analytics.history.question_sql import day_list
from analytics.history.sealed_days import sealed_files
from analytics.history.sealing import Sealing
from tracker.contract.zones import zone_of
from tracker.models import Site

ADDITIVE = ("visits", "views", "events", "bounces")
# Filters by the commonest names of these.
FILTERED, NAMES = ("page", "country", "device", "referrer"), 3
TOLD = 5
RAW = """
SELECT count(*), count(DISTINCT visit_id), count(DISTINCT visitor) FROM tracker_pageview
WHERE site_id = %s AND began_at >= %s AND began_at < %s
"""
VISITS = """
SELECT count(*), coalesce(sum(views), 0) FROM tracker_visit
WHERE site_id = %s AND began_at >= %s AND began_at < %s
"""
MINUTES = """
SELECT max(visitors_most) FROM tracker_minute WHERE site_id = %s AND at >= %s AND at < %s
"""
TOUCHED = "SELECT EXISTS (SELECT FROM tracker_touched WHERE site_id = %s AND at >= %s AND at < %s)"


class Check(NamedTuple):
    """One invariant, what was compared, and what explains a difference; no differences: it holds."""

    name: str
    compared: str
    differences: Sequence[str] = ()


class Reconciling:
    """Asks about a site and a span of days, as of one moment."""

    def __init__(
        self,
        connection: psycopg.Connection,
        duck: duckdb.DuckDBPyConnection,
        answering: Answering,
        sealing: Sealing,
        site: Site,
        span: Span,
        now: datetime,
    ) -> None:
        self._connection, self._duck, self._answering = connection, duck, answering
        self._sealing, self._site, self._span, self._now = sealing, site, span, now
        self._since = raw_since(connection, site.pk)

    def checks(self) -> Iterator[Check]:
        """Each check when it is done. Raises duckdb.Error, psycopg.Error, OSError, sealed_days.Damaged."""
        totals = self._totals()
        days = self._rows("day", "visitors", *ADDITIVE)
        yield self._ordered(totals, days)
        for interval in ("hour", "day", "week", "month"):
            yield self._adds(interval, totals)
        yield self._pages(totals)
        yield self._filters(totals)
        yield self._as_csv()
        yield self._stored({row["day"]: row for row in days})
        yield self._visits()
        yield self._at_once()
        yield self._sealed()

    def _answer(
        self, *measures: str, by: tuple[str, ...] = (), filters: tuple[HistoryFilter, ...] = ()
    ) -> Any:
        question = HistoryQuestion(
            site_id=self._site.pk,
            zone=self._site.timezone,
            span=self._span,
            measures=measures,
            dimensions=by,
            filters=filters,
            limit=10_000,
        )
        return self._answering.answer(self._duck, question, self._now)

    def _totals(self, *filters: HistoryFilter) -> dict[str, int]:
        measures = ("visitors", *ADDITIVE)
        return dict(zip(measures, self._answer(*measures, filters=filters).totals, strict=True))

    def _rows(self, by: str, *measures: str) -> list[dict[str, Any]]:
        table = self._answer(*measures, by=(by,)).table
        return [dict(zip((by, *measures), row, strict=True)) for row in table.rows] if table else []

    def _ordered(self, totals: dict[str, int], days: list[dict[str, Any]]) -> Check:
        wrong = [
            f"{row['day']}: {row['visitors']:,} visitors, {row['visits']:,} visits, {row['views']:,} views"
            for row in days
            if not row["visitors"] <= row["visits"] <= row["views"]
        ]
        shown = " ≤ ".join(f"{totals[name]:,}" for name in ("visitors", "visits", "views"))
        return Check("visitors ≤ visits ≤ page views, each day and in all", shown, wrong)

    def _adds(self, interval: str, totals: dict[str, int]) -> Check:
        rows = self._rows(interval, *ADDITIVE)
        sums = {name: sum(row[name] for row in rows) for name in ADDITIVE}
        wrong = [
            f"{name}: {sums[name]:,} in all {interval}s, {totals[name]:,} in the whole"
            for name in ADDITIVE
            if sums[name] != totals[name]
        ]
        return Check(f"{interval}s add up to the whole", f"{len(rows):,} {interval}s", wrong)

    def _pages(self, totals: dict[str, int]) -> Check:
        table = self._answer("views", by=("page",)).table
        told = table.sums[0] if table else 0
        wrong = [f"{told:,} of all pages, {totals['views']:,} in all"] if told != totals["views"] else []
        return Check("page views of all pages add up to all", f"{told:,}", wrong)

    def _filters(self, totals: dict[str, int]) -> Check:
        wrong, number = [], 0
        for dimension in FILTERED:
            for row in self._rows(dimension, "views")[:NAMES]:
                name, number = row[dimension], number + 1
                kept = self._totals(HistoryFilter(dimension, IS, (name,)))
                others = self._totals(HistoryFilter(dimension, NOT, (name,)))
                what = f"{dimension} number {number}"
                wrong += [
                    f"{what} raises {measure}: {kept[measure]:,} of {totals[measure]:,}"
                    for measure in kept
                    if kept[measure] > totals[measure]
                ]
                if kept["views"] + others["views"] != totals["views"]:
                    wrong.append(f"{what}: {kept['views']:,} with and {others['views']:,} without it")
        return Check(
            "no filter raises a figure, and with it and without it are all", f"{number} filters", wrong
        )

    def _as_csv(self) -> Check:
        rows = [list(row.values()) for row in self._rows("page", "visitors", "visits", "views")]
        text = spreadsheet.lines(rows, zone_of(self._site.timezone))
        read = [[int(cell) for cell in row[1:]] for row in csv.reader(io.StringIO(text))]
        wrong = [] if read == [row[1:] for row in rows] else ["the numbers of the pages' table differ"]
        return Check("CSV says what the answer does", f"{len(rows):,} rows", wrong)

    def _whole_days(self) -> list[LocalDay]:
        """The days whose page views Postgres has."""
        return [
            day
            for day in day_list(self._span.first, self._span.last, self._site.timezone)
            if day.begins <= self._now and (self._since is None or day.begins >= self._since)
        ]

    def _ask(self, statement: str, day: LocalDay) -> tuple[Any, ...]:
        values = [self._site.pk, day.begins, day.ends]
        return self._connection.execute(statement, values).fetchone() or ()

    def _stored(self, told: dict[str, dict[str, Any]]) -> Check:
        wrong, days = [], self._whole_days()
        for day in days:
            views, visits, visitors = self._ask(RAW, day)
            row = told.get(str(day.day), {"views": 0, "visits": 0, "visitors": 0})
            if (row["views"], row["visits"], row["visitors"]) != (views, visits, visitors):
                shown = f"{row['views']:,} page views in reports, {views:,} in Postgres"
                wrong.append(f"{day.day}: {shown}; {self._why(day)}")
        return Check("reports say what Postgres has", f"{len(days)} days", wrong)

    def _why(self, day: LocalDay) -> str:
        if day.ends >= settled_before(self._now):
            return "the day is not over for long: what came since was read later"
        if self._ask(TOUCHED, day)[0]:
            return "something came late: it is sealed again within a minute"
        files = sealed_files(self._connection, self._site.pk, day.day, day.day)
        if files and files[0].zone != day.zone:
            return f"it was sealed as a day of {files[0].zone}: it is sealed again within minutes"
        return "nothing explains it: manage.py seal --again makes it anew, and please tell us"

    def _visits(self) -> Check:
        wrong, number = [], 0
        for day in self._whole_days():
            visits, views = self._ask(VISITS, day)
            raw_views, raw_visits, _ = self._ask(RAW, day)
            number += visits
            if (visits, views) != (raw_visits, raw_views):
                wrong.append(
                    f"{day.day}: {visits:,} visits of {views:,} page views in the list of visits,"
                    f" {raw_visits:,} of {raw_views:,} in that of page views; "
                    "where the site's zone was changed, visits cross midnight"
                )
        return Check("the list of visits says what that of page views does", f"{number:,} visits", wrong)

    def _at_once(self) -> Check:
        peaks = {row["day"]: row["at_once_peak"] for row in self._rows("day", "at_once_peak")}
        wrong = []
        for day in self._whole_days():
            (most,) = self._ask(MINUTES, day)
            if most and most > peaks.get(str(day.day), 0):
                wrong.append(
                    f"{day.day}: {most:,} in a minute of the board, {peaks.get(str(day.day), 0):,} at most"
                )
        return Check("the peak is no lower than any minute of the board", f"{len(peaks)} days", wrong)

    def _sealed(self) -> Check:
        wrong, number = [], 0
        for day in self._whole_days():
            if not sealed_files(self._connection, self._site.pk, day.day, day.day):
                continue
            number += 1
            surplus, missing = self._sealing.differences(
                self._connection, DueDay(self._site.pk, self._site.key, day, "asked")
            )
            if surplus or missing:
                wrong.append(f"{day.day}: {surplus:,} rows too many, {missing:,} missing; {self._why(day)}")
        return Check("sealed days hold what Postgres has", f"{number} sealed days", wrong)


def told(check: Check, say: Callable[[str], None]) -> bool:
    """Say how a check went; whether it holds."""
    say(f"{'NOT' if check.differences else 'ok '}  {check.name} ({check.compared})")
    for difference in check.differences[:TOLD]:
        say(f"       {difference}")
    if len(check.differences) > TOLD:
        say(f"       … and {len(check.differences) - TOLD} more")
    return not check.differences
