"""Which days an access log may add to: not those whose page views are dropped, nor those already counted."""

from datetime import date, datetime
from typing import Final

import psycopg

from analytics.access_logs.page_rules import LeftOut
from analytics.history.day_format import VIEWS
from analytics.history.due_days import raw_since
from analytics.history.local_days import LocalDay
from tracker.models import Site

# As page views of logs are stored, which nobody holds and nobody may end.
LOGGED_EDGE: Final = 0
LOGGED_CONNECTION: Final = 1

SEALED = """
SELECT EXISTS (SELECT FROM history_day WHERE site_id = %s AND day = %s AND kind = %s AND begins_at < %s)
"""
COUNTED = """
SELECT EXISTS (SELECT FROM tracker_pageview WHERE site_id = %s AND began_at >= %s AND began_at < %s
               AND (edge, connection) <> (%s, %s))
"""


class PastDays:
    """The days of a site, each looked up once."""

    def __init__(self, connection: psycopg.Connection, site: Site, also_counted: bool) -> None:
        """`also_counted`: whether days are taken that the site counted itself. Raises psycopg.Error."""
        self._connection, self._site, self._also_counted = connection, site, also_counted
        self._gone_before: datetime | None = raw_since(connection, site.pk)
        self._known: dict[date, LeftOut | None] = {}

    def reason_against(self, day: date) -> LeftOut | None:
        """Why nothing is taken of a day, or None. Raises psycopg.Error."""
        if day not in self._known:
            self._known[day] = self._look(LocalDay(day, self._site.timezone))
        return self._known[day]

    def _look(self, day: LocalDay) -> LeftOut | None:
        if self._gone_before and day.begins < self._gone_before:
            sealed = [self._site.pk, day.day, VIEWS, self._gone_before]
            if self._holds(SEALED, sealed):
                return LeftOut.TOO_LONG_AGO
        counted = [self._site.pk, day.begins, day.ends, LOGGED_EDGE, LOGGED_CONNECTION]
        return LeftOut.COUNTED if not self._also_counted and self._holds(COUNTED, counted) else None

    def _holds(self, question: str, values: list[object]) -> bool:
        row = self._connection.execute(question.encode(), values).fetchone()
        return bool(row and row[0])
