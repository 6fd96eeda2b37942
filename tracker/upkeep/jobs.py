"""The background work: one table of what and how often, done by the one process that holds the lock."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import psycopg

from tracker.liveness.activity import Activity
from tracker.liveness.error_report import kind_of, report
from tracker.postgres import partitions
from tracker.rollups import minutes
from tracker.signals import signal_tables
from tracker.upkeep import abandoned, clock_doubt, purges

logger = logging.getLogger(__name__)

LOCK = 0x0F007FA11  # any number that no other program on this database takes
STANDBY_SECONDS = 5.0
TICK_SECONDS = 1.0
RETRY_SECONDS = 60.0
# How often it is noted that a job is done, at most: some run every few seconds.
NOTE_SECONDS = 60.0

NOTE = """
INSERT INTO tracker_watermark (job, at) VALUES (%s, %s)
ON CONFLICT (job) DO UPDATE SET at = excluded.at
"""
DONE = "done: "  # before the job's name


def _partitions(connection: psycopg.Connection, now: datetime) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        # Rather later than in everybody's way: it waits for the default partition alone.
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        partitions.ensure(cursor, now)


def _signals(connection: psycopg.Connection, now: datetime) -> None:
    signal_tables.drop(connection, now, signal_tables.kept())


class Job(NamedTuple):
    """A piece of work and its period in seconds; the connection is in autocommit.

    `final`: it deletes what was counted, by its age: not by a clock that is doubted.
    """

    name: str
    work: Callable[[psycopg.Connection, datetime], None]
    period: float
    final: bool = False


# In this order: a page view is ended before what is needed to end it is purged.
JOBS = (
    Job("partitions", _partitions, 3600),
    Job("dead edges", lambda connection, now: abandoned.end_of_dead_edges(connection), 5),
    Job("day-old page views", abandoned.end_of_the_day, 600),
    Job("concurrency", minutes.roll_up, 600),
    Job("salts", purges.salts, 600),
    Job("former keys", purges.former_keys, 3600),
    Job("recent ids", purges.recent_ids, 3600),
    Job("open visits", purges.open_visits, 3600),
    Job("expired datapoints", _signals, 3600, final=True),
)


def run(
    stop: threading.Event,
    connect: Callable[[], psycopg.Connection],
    activity: Activity,
    more: Sequence[Job] = (),
) -> None:
    """Work until `stop` is set, whatever breaks. Safe to run twice: the second waits for the first to go.

    `activity`: where it is told whether the work gets on; `more`: jobs beside those of the write side.
    """
    complained = False
    activity.began()
    while not stop.is_set():
        try:
            with connect() as connection:
                connection.autocommit = True
                complained = False
                if _alone(connection):
                    _Round((*JOBS, *more), connection).work(stop, activity)
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


class _Round:
    """The jobs in their turns, for as long as one connection lives."""

    def __init__(self, work: Sequence[Job], connection: psycopg.Connection) -> None:
        self._connection = connection
        self._due = dict.fromkeys(work, 0.0)
        self._noted = dict.fromkeys(work, -NOTE_SECONDS)

    def work(self, stop: threading.Event, activity: Activity) -> None:
        while not stop.is_set() and not self._connection.closed:
            for job, due in self._due.items():
                if time.monotonic() >= due and not stop.is_set():
                    self._due[job] = time.monotonic() + self._do(job)
                activity.progressed()
            stop.wait(TICK_SECONDS)

    def _do(self, job: Job) -> float:
        """Do a job; what fails is told, tried again, and keeps no other from its turn. Returns the pause."""
        now = datetime.now(UTC)
        try:
            if not (job.final and clock_doubt.doubted(self._connection, job.name, DONE + job.name, now)):
                job.work(self._connection, now)
            self._note(job)
        except Exception as error:
            # Never the error's own words: Postgres quotes rows in them.
            logger.error("jobs: %s failed (%s)", job.name, kind_of(error), extra={"report": report(error)})
            return min(job.period, RETRY_SECONDS)
        return job.period

    def _note(self, job: Job) -> None:
        """Keep when it was done last, for `manage.py doctor`."""
        if time.monotonic() >= self._noted[job] + NOTE_SECONDS:
            self._noted[job] = time.monotonic()
            self._connection.execute(NOTE, [DONE + job.name, datetime.now(UTC)])
