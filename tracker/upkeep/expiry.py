"""Weeks that are kept no longer: their partitions are dropped, and what waits in a default is deleted."""

import logging
import time
from datetime import date, datetime, timedelta

import psycopg
from psycopg import sql

from tracker.contract.zones import zone_of
from tracker.postgres import partitions
from tracker.upkeep.portions import delete_before

logger = logging.getLogger(__name__)

# Whoever stores waits behind a DROP that waits for a long report: so it never waits long, and tries again.
# (DETACH CONCURRENTLY would not wait, but Postgres refuses it where there is a default partition.)
PATIENCE = "200ms"
# Nobody stores into the week itself, and autovacuum gives way to who has waited for a second.
WEEKS_PATIENCE = "3s"
TRIES, PAUSE_SECONDS = 5, 0.5


# Before when page views were dropped: what is stored of older days since then is not all there was of them.
GONE = """
INSERT INTO tracker_watermark (job, at) VALUES ('raw', %s)
ON CONFLICT (job) DO UPDATE SET at = greatest(tracker_watermark.at, excluded.at)
"""
TOUCHED = "SELECT EXISTS (SELECT FROM tracker_touched WHERE at < %s)"
# What waits in the defaults of these is late, and goes when it has been added to its sealed day.
TAKEN = ("tracker_pageview", "tracker_event")
SITES = "SELECT id, timezone FROM tracker_site"
# A site's day that began in the week goes whole: half a day would be taken for one.
REST_OF_DAY = "DELETE FROM tracker_pageview WHERE site_id = %s AND began_at >= %s AND began_at < %s"


def drop_weeks(
    connection: psycopg.Connection, now: datetime, days: int, sealed_until: datetime | None = None
) -> None:
    """Drop the weeks that ended `days` days ago, of every growing table; with 0 days none, ever.

    `sealed_until`: before when all that is kept elsewhere has been taken there: no later week is dropped.

    What says so in the log names tables and numbers only. Raises psycopg.Error: LockNotAvailable where a
    table was read during all tries.
    """
    if not days:
        return
    kept = partitions.week_of(now - timedelta(days=days))
    if sealed_until is not None:
        # The last day of a week may reach into the next one.
        kept = min(kept, partitions.week_of(sealed_until - timedelta(days=1)))
    for growing in partitions.GROWING:
        with connection.cursor() as cursor:
            there = partitions.partitions(cursor, growing.table)
        for name in sorted(there):
            week = partitions.week_in(name)
            if week is not None and week < kept:
                _drop(connection, name, week, sealed_until is not None)
        if sealed_until is not None and growing.table in TAKEN:
            continue
        default, before = f"{growing.table}_default", partitions.midnight(kept)
        if deleted := delete_before(connection, default, growing.column, before):
            logger.warning("jobs: deleted %d rows of %s from before %s", deleted, default, before.date())


def _drop(connection: psycopg.Connection, name: str, week: date, unless_touched: bool) -> None:
    touched = False
    for tried in range(1, TRIES + 1):
        try:
            with connection.transaction():
                if name.startswith("tracker_pageview"):
                    _take_leave(connection, week)
                for patience, statement in (
                    (WEEKS_PATIENCE, "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE"),
                    (PATIENCE, "DROP TABLE {}"),
                ):
                    connection.execute("SELECT set_config('lock_timeout', %s, true)", [patience])
                    connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
                    if unless_touched and _touched(connection, week):
                        # Stored a moment ago: it is dropped once that has been taken, too.
                        touched = True
                        raise psycopg.Rollback
        except psycopg.errors.LockNotAvailable:
            if tried == TRIES:
                raise
            time.sleep(PAUSE_SECONDS)
        else:
            if not touched:
                logger.warning("jobs: dropped %s, which is kept no longer (FOOTFALL_RAW_DAYS)", name)
            return


def _touched(connection: psycopg.Connection, week: date) -> bool:
    """Whether something was stored about the week that is kept nowhere else yet."""
    row = connection.execute(TOUCHED, [partitions.midnight(week + partitions.WEEK)]).fetchone()
    return bool(row and row[0])


def _take_leave(connection: psycopg.Connection, week: date) -> None:
    """Note that page views of the week are gone, and let those go that are of its last day."""
    end = partitions.midnight(week + partitions.WEEK)
    for site, zone in connection.execute(SITES).fetchall():
        local = end.astimezone(zone_of(zone))
        if local.time() != local.time().min:
            next_day = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
            connection.execute(REST_OF_DAY, [site, end, next_day])
    connection.execute(GONE, [end])
