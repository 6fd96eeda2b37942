"""Weeks that are kept no longer: their partitions are dropped, and what waits in a default is deleted."""

import logging
import time
from datetime import datetime, timedelta

import psycopg
from psycopg import sql

from tracker.postgres import partitions
from tracker.upkeep.portions import delete_before

logger = logging.getLogger(__name__)

# Whoever stores waits behind a DROP that waits for a long report: so it never waits long, and tries again.
# (DETACH CONCURRENTLY would not wait, but Postgres refuses it where there is a default partition.)
PATIENCE = "200ms"
# Nobody stores into the week itself, and autovacuum gives way to who has waited for a second.
WEEKS_PATIENCE = "3s"
TRIES, PAUSE_SECONDS = 5, 0.5


def drop_weeks(connection: psycopg.Connection, now: datetime, days: int) -> None:
    """Drop the weeks that ended `days` days ago, of every growing table; with 0 days none, ever.

    What says so in the log names tables and numbers only. Raises psycopg.Error: LockNotAvailable where a
    table was read during all tries.
    """
    if not days:
        return
    kept = partitions.week_of(now - timedelta(days=days))
    for growing in partitions.GROWING:
        with connection.cursor() as cursor:
            there = partitions.partitions(cursor, growing.table)
        for name in sorted(there):
            week = partitions.week_in(name)
            if week is not None and week < kept:
                _drop(connection, name)
        default, before = f"{growing.table}_default", partitions.midnight(kept)
        if deleted := delete_before(connection, default, growing.column, before):
            logger.warning("jobs: deleted %d rows of %s from before %s", deleted, default, before.date())


def _drop(connection: psycopg.Connection, name: str) -> None:
    for tried in range(1, TRIES + 1):
        try:
            with connection.transaction():
                for patience, statement in (
                    (WEEKS_PATIENCE, "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE"),
                    (PATIENCE, "DROP TABLE {}"),
                ):
                    connection.execute("SELECT set_config('lock_timeout', %s, true)", [patience])
                    connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
        except psycopg.errors.LockNotAvailable:
            if tried == TRIES:
                raise
            time.sleep(PAUSE_SECONDS)
        else:
            logger.warning("jobs: dropped %s, which is kept no longer (FOOTFALL_KEEP_DAYS)", name)
            return
