"""The background work: one table of what and how often, done by the one process that holds the lock."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import psycopg
from django.conf import settings

from tracker.liveness.activity import Activity
from tracker.liveness.error_report import kind_of, report
from tracker.postgres import partitions
from tracker.rollups import minutes
from tracker.upkeep import abandoned, expiry, purges

logger = logging.getLogger(__name__)

LOCK = 0x0F007FA11  # any number that no other program on this database takes
STANDBY_SECONDS = 5.0
TICK_SECONDS = 1.0
RETRY_SECONDS = 60.0


def _partitions(connection: psycopg.Connection, now: datetime) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        # Rather later than in everybody's way: it waits for the default partition alone.
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        partitions.ensure(cursor, now)


def _expired(connection: psycopg.Connection, now: datetime) -> None:
    expiry.drop_weeks(connection, now, settings.FOOTFALL_KEEP_DAYS)


class Job(NamedTuple):
    """A piece of work and its period in seconds; the connection is in autocommit."""

    name: str
    work: Callable[[psycopg.Connection, datetime], None]
    period: float


# In this order: a page view is ended before what is needed to end it is purged.
JOBS = (
    Job("partitions", _partitions, 3600),
    Job("dead edges", lambda connection, now: abandoned.end_of_dead_edges(connection), 5),
    Job("day-old page views", abandoned.end_of_the_day, 600),
    Job("concurrency", minutes.roll_up, 600),
    Job("salts", purges.salts, 600),
    Job("recent ids", purges.recent_ids, 3600),
    Job("open visits", purges.open_visits, 3600),
    Job("expired weeks", _expired, 3600),
)


def run(stop: threading.Event, connect: Callable[[], psycopg.Connection], activity: Activity) -> None:
    """Work until `stop` is set, whatever breaks. Safe to run twice: the second waits for the first to go.

    `activity`: where it is told whether the work gets on.
    """
    complained = False
    activity.began()
    while not stop.is_set():
        try:
            with connect() as connection:
                connection.autocommit = True
                complained = False
                if _alone(connection):
                    _work(connection, stop, activity)
        except psycopg.Error as error:
            if not complained:
                logger.warning("jobs: Postgres is away (%s)", type(error).__name__)
            complained = True
        except Exception as error:
            # In `up` this is a thread, which nothing would start again.
            activity.stumbled(error)
        activity.progressed()
        stop.wait(STANDBY_SECONDS if not complained else TICK_SECONDS)


def _alone(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
    return bool(row and row[0])


def _work(connection: psycopg.Connection, stop: threading.Event, activity: Activity) -> None:
    due = {job.name: 0.0 for job in JOBS}
    while not stop.is_set() and not connection.closed:
        for job in JOBS:
            if time.monotonic() >= due[job.name] and not stop.is_set():
                due[job.name] = time.monotonic() + _do(job, connection)
            activity.progressed()
        stop.wait(TICK_SECONDS)


def _do(job: Job, connection: psycopg.Connection) -> float:
    """Do a job; what fails is told and tried again, and keeps no other from its turn. Returns the pause."""
    try:
        job.work(connection, datetime.now(UTC))
    except Exception as error:
        # Never the error's own words: Postgres quotes rows in them.
        logger.error("jobs: %s failed (%s)\n%s", job.name, kind_of(error), report(error))
        return min(job.period, RETRY_SECONDS)
    return job.period
