"""Puts the demo site's past into Postgres, once, all of it or nothing, beside visitors who come meanwhile."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql

from analytics.demo.past import DAYS, EVENT_COLUMNS, PAGE_VIEW_COLUMNS, VISIT_COLUMNS, Past, Rows
from tracker.postgres import partitions
from tracker.rollups import minutes

# A gap that is shorter was a restart.
GAP = timedelta(minutes=10)
LAST = "SELECT max(began_at) FROM tracker_pageview WHERE site_id = %s AND began_at > %s"
# Days that have passed are sealed, again where they were.
TOUCH = (
    "INSERT INTO tracker_touched (site_id, at)"
    " SELECT %s, at FROM generate_series(%s::timestamptz, %s, interval '1 day') AS at"
)


def since(connection: psycopg.Connection, site_id: int, now: datetime) -> datetime | None:
    """From where on it has no past: eight days ago, or since its last page view; None where it has all."""
    first = (now - timedelta(days=DAYS)).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    row = connection.execute(LAST, [site_id, first]).fetchone()
    last: datetime | None = row[0] if row else None
    if last is None:
        return first
    return last if now - last > GAP else None


def fill(connection: psycopg.Connection, site_id: int, past: Past, begin: datetime, now: datetime) -> int:
    """Store the past from `begin` to `now`; returns the number of page views. Raises psycopg.Error."""
    stored = 0
    connection.autocommit = True
    with connection.transaction(), connection.cursor() as cursor:
        partitions.ensure(cursor, begin)
        for rows in _ahead(past.days(begin, now)):
            _copy(cursor, "tracker_pageview", PAGE_VIEW_COLUMNS, rows.page_views)
            _copy(cursor, "tracker_visit", VISIT_COLUMNS, rows.visits)
            _copy(cursor, "tracker_event", EVENT_COLUMNS, rows.events)
            stored += len(rows.page_views)
        minutes.stored(cursor, begin, now)
        cursor.execute(TOUCH, [site_id, begin, now - timedelta(days=1)])
    # The job does it too, within ten minutes: for as long the curve would be swept whenever it is asked for.
    minutes.roll_up(connection, now)
    return stored


def _ahead(days: Iterator[Rows]) -> Iterator[Rows]:
    """The same days, each made while Postgres still takes the one before."""
    with ThreadPoolExecutor(1, thread_name_prefix="past") as maker:
        waiting = maker.submit(next, days, None)
        while rows := waiting.result():
            waiting = maker.submit(next, days, None)
            yield rows


def _copy(cursor: psycopg.Cursor, table: str, columns: tuple[str, ...], lines: list[str]) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with cursor.copy(statement) as copy:
        copy.write("".join(lines))
