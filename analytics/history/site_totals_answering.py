"""Answers what many sites come to: sealed days by their flags, each file once, open ones by Postgres' rows.

Open days are not copied for it: that takes a tenth of a second for each site, and only sums are wanted.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime

import duckdb
import psycopg

from analytics.history.day_format import VIEWS
from analytics.history.day_store import DayStore, Found
from analytics.history.day_tables import files
from analytics.history.local_days import LocalDay
from analytics.history.question import WrongQuestion
from analytics.history.site_totals import MOST_SITES, SiteSpan, SiteTotals, SiteTotalsQuestion

# Seconds: what there is no time for is told as such, and found the next time.
PATIENCE = 8.0
# Files that are read in one statement, and whose sums are kept: 27 years of a site, or a month of 330.
MOST_FILES, MOST_KEPT = 200, 100_000
# As `measures` and `question_sql` have them without filters.
SEALED = """
SELECT filename, count(*) FILTER (WHERE first), count(*) FILTER (WHERE entry), count(*)
FROM {files} GROUP BY filename
"""
OPEN = """
SELECT d.site, count(DISTINCT (d.number, p.visitor)), count(DISTINCT p.visit_id), count(*)
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) WITH ORDINALITY
     AS d (site, begins, ends, number)
JOIN tracker_pageview p ON p.site_id = d.site AND p.began_at >= d.begins AND p.began_at < d.ends
GROUP BY d.site
"""


class SiteTotalsAnswering:
    """Sums up sites, over a store of days; for several threads."""

    def __init__(self, store: DayStore, patience: float = PATIENCE) -> None:
        """`patience`: seconds that finding the days of sites may take."""
        self._store, self._patience = store, patience
        self._sums: OrderedDict[str, tuple[int, int, int]] = OrderedDict()
        self._lock = threading.Lock()

    def answer(
        self, duck: duckdb.DuckDBPyConnection, question: SiteTotalsQuestion, now: datetime
    ) -> SiteTotals:
        """The totals, as of `now`. Raises WrongQuestion, duckdb.Error, psycopg.Error, OSError."""
        if len(question.sites) > MOST_SITES:
            raise WrongQuestion("sites", f"At most {MOST_SITES}.")
        return self._store.answered(lambda looked: self._answer(duck, question, now, looked))

    def _answer(
        self,
        duck: duckdb.DuckDBPyConnection,
        question: SiteTotalsQuestion,
        now: datetime,
        looked: list[Found],
    ) -> SiteTotals:
        until = time.monotonic() + self._patience
        open_days: list[tuple[SiteSpan, LocalDay]] = []
        paths: list[list[str]] = []
        for span in question.sites:
            if time.monotonic() > until:
                break
            told = self._store.sealed_and_open(span.site_id, span.zone, span.first, span.last, now)
            looked.append(told.found)
            paths.append(told.found.of(VIEWS, told.found.days))
            open_days += [(span, day) for day in told.open]
        sums = self._sealed(duck, [path for each in paths for path in each])
        opened = self._opened(open_days, until)
        totals: list[list[int] | None] = [None] * len(question.sites)
        for number, (span, of_site) in enumerate(zip(question.sites, paths, strict=False)):
            parts = [*(sums[path] for path in of_site), opened.get(span.site_id, (0, 0, 0))]
            totals[number] = [sum(each) for each in zip(*parts, strict=True)]
        return SiteTotals(totals)

    def _sealed(
        self, duck: duckdb.DuckDBPyConnection, paths: Sequence[str]
    ) -> dict[str, tuple[int, int, int]]:
        """By file; those that nobody asked about yet are read."""
        with self._lock:
            found = {path: self._sums[path] for path in paths if path in self._sums}
        missing = [path for path in paths if path not in found]
        for begin in range(0, len(missing), MOST_FILES):
            some = missing[begin : begin + MOST_FILES]
            source = files(some).replace("union_by_name", "filename = true, union_by_name")
            rows = duck.execute(SEALED.format(files=source)).fetchall()
            # A file of no row has no group.
            found |= dict.fromkeys(some, (0, 0, 0)) | {path: tuple(sums) for path, *sums in rows}
        with self._lock:
            for path in paths:
                self._sums[path] = found[path]
                self._sums.move_to_end(path)
            while len(self._sums) > MOST_KEPT:
                self._sums.popitem(last=False)
        return found

    def _opened(
        self, days: Sequence[tuple[SiteSpan, LocalDay]], until: float
    ) -> dict[int, tuple[int, int, int]]:
        """By site."""
        if not days:
            return {}
        connection: psycopg.Connection = self._store.connection()
        values = [
            [span.site_id for span, _ in days],
            [day.begins for _, day in days],
            [day.ends for _, day in days],
        ]
        left = max(round((until - time.monotonic()) * 1000), 1000)
        with connection.transaction():
            connection.execute("SELECT set_config('statement_timeout', %s, true)", [str(left)])
            rows = connection.execute(OPEN, values).fetchall()
        return {site: (visitors, visits, views) for site, visitors, visits, views in rows}
