"""Looks at Postgres: what its tables weigh, what goes when, and whether jobs, weeks and clocks are right.

Counts no row: sizes are those of files, and numbers of rows what Postgres itself estimates.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import psycopg
from django.conf import settings
from django.db.migrations.loader import MigrationLoader

from analytics.doctor.findings import Ending, Findings, Size, in_bytes
from analytics.doctor.stopped import NOWHERE
from tracker.postgres import partitions
from tracker.postgres.connect import connect
from tracker.upkeep.jobs import DONE, Job

PATIENCE = {"lock_timeout": "2s", "statement_timeout": "10s"}
# One turn may be missed (a restart, a lock that was not had); the first may wait for those before it.
TURNS, GRACE = 2, timedelta(minutes=10)
CLOCK_SECONDS = 2.0
WEEK = timedelta(weeks=1)

SIZES = """
SELECT coalesce(parent.relname, c.relname)::text, sum(pg_table_size(c.oid))::bigint,
       sum(pg_indexes_size(c.oid))::bigint, sum(greatest(c.reltuples, 0))::bigint
FROM pg_class c
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
LEFT JOIN pg_class parent ON parent.oid = i.inhparent
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
GROUP BY 1 ORDER BY 2 DESC
"""
WEIGHT = "SELECT coalesce(pg_total_relation_size(to_regclass(%s)), 0)"
# One that is being made is not yet valid either.
BROKEN_INDEXES = """
SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class c ON c.oid = indexrelid AND c.relkind = 'i'
WHERE NOT indisvalid AND indexrelid NOT IN (SELECT index_relid FROM pg_stat_progress_create_index)
"""
IDLE_SLOTS = "SELECT slot_name::text FROM pg_replication_slots WHERE NOT active"


def look(findings: Findings, jobs: Sequence[Job]) -> None:
    """Look at the database of the settings; what cannot be asked is told as a problem."""
    if settings.DATABASE_URL == NOWHERE:
        findings.problems.append("Footfall does not run on this data folder: start scripts/run.")
        return
    try:
        with connect() as connection:
            connection.autocommit = True
            for name, patience in PATIENCE.items():
                connection.execute("SELECT set_config(%s, %s, false)", [name, patience])
            _look(connection, findings, jobs)
    except (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled):
        findings.problems.append(
            "A table is locked for longer than Footfall waits: see in pg_stat_activity who holds it."
        )
    except psycopg.OperationalError as error:
        findings.problems.append(
            f"Postgres does not answer ({type(error).__name__}): see that it runs, and look at its log."
        )


def _look(connection: psycopg.Connection, findings: Findings, jobs: Sequence[Job]) -> None:
    _clock(connection, findings)
    _sizes(connection, findings)
    if not _migrations(connection, findings):
        return
    now = datetime.now(UTC)
    _jobs(connection, findings, jobs, now)
    _weeks(connection, findings, now)
    _strange(connection, findings)


def _clock(connection: psycopg.Connection, findings: Findings) -> None:
    before = datetime.now(UTC)
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    after = datetime.now(UTC)
    if row is None:
        return
    if (off := apart(before, row[0], after)) > CLOCK_SECONDS:
        findings.problems.append(
            f"This machine's clock and Postgres' are {off:,.0f} s apart: have both set by NTP."
        )


def apart(before: datetime, said: datetime, after: datetime) -> float:
    """How many seconds another clock is off at least that was read somewhere between two moments."""
    return max((before - said).total_seconds(), (said - after).total_seconds(), 0.0)


def _sizes(connection: psycopg.Connection, findings: Findings) -> None:
    rows = connection.execute(SIZES).fetchall()
    findings.sizes += [Size(name, table, indexes, count) for name, table, indexes, count in rows]


def _migrations(connection: psycopg.Connection, findings: Findings) -> bool:
    """Whether there are tables at all to look into."""
    try:
        applied = set(connection.execute("SELECT app, name FROM django_migrations").fetchall())
    except psycopg.errors.UndefinedTable:
        findings.problems.append("The database has no tables: start scripts/run, or call manage.py migrate.")
        return False
    missing = set(MigrationLoader(None).disk_migrations) - applied
    if missing:
        names = ", ".join(sorted(f"{app}.{name}" for app, name in missing))
        findings.problems.append(f"Migrations are missing ({names}): call manage.py migrate.")
    return not missing


def _jobs(connection: psycopg.Connection, findings: Findings, jobs: Sequence[Job], now: datetime) -> None:
    noted: dict[str, datetime] = dict(connection.execute("SELECT job, at FROM tracker_watermark").fetchall())
    late = [job.name for job in jobs if not _done(noted.get(DONE + job.name), job, now)]
    if late:
        names = ", ".join(late)
        findings.problems.append(
            f"Jobs were not done in time ({names}): see that manage.py up or manage.py jobs runs, and look"
            f" for 'jobs:' in its log."
        )


def _done(at: datetime | None, job: Job, now: datetime) -> bool:
    return at is not None and now - at <= TURNS * timedelta(seconds=job.period) + GRACE


def _weeks(connection: psycopg.Connection, findings: Findings, now: datetime) -> None:
    monday, days = partitions.week_of(now), settings.FOOTFALL_RAW_DAYS
    # The last one is made within the hour in which its week comes into sight.
    ahead = {monday + number * WEEK for number in range(partitions.WEEKS_AHEAD)}
    for growing in partitions.GROWING:
        with connection.cursor() as cursor:
            there = partitions.partitions(cursor, growing.table)
        weeks = {week for name in there if (week := partitions.week_in(name))}
        if missing := ahead - weeks:
            findings.problems.append(
                f"{growing.table} has no partition for {len(missing)} of the next {len(ahead)} weeks, so that"
                " they would be stored in its default: see that manage.py up or manage.py jobs runs."
            )
        if days and (past := weeks - ahead):
            findings.endings.append(_first_to_go(connection, growing.table, min(past), days))
    if not days:
        findings.endings.append(
            Ending("page views, visits, events and the day's curve: never", None, "FOOTFALL_RAW_DAYS")
        )


def _first_to_go(connection: psycopg.Connection, table: str, monday: date, days: int) -> Ending:
    name = partitions.name_of(table, monday)
    row = connection.execute(WEIGHT, [name]).fetchone()
    at = partitions.midnight(monday + WEEK) + timedelta(days=days)
    return Ending(f"{name}, {in_bytes(row[0] if row else 0)}", at, "FOOTFALL_RAW_DAYS")


def _strange(connection: psycopg.Connection, findings: Findings) -> None:
    for (name,) in connection.execute(BROKEN_INDEXES).fetchall():
        findings.problems.append(
            f"The index {name} is not valid, a leftover of a migration that was broken off: drop it"
            " (DROP INDEX CONCURRENTLY), and call manage.py migrate."
        )
    for (name,) in connection.execute(IDLE_SLOTS).fetchall():
        findings.problems.append(
            f"The replication slot {name} is used by nobody, and keeps Postgres' write-ahead log without"
            " bound: see to its replica, or drop it (pg_drop_replication_slot)."
        )
