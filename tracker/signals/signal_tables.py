"""The tables of windows: a partition for each span of time, made ahead, dropped whole when it is over.

Windows of each length lie apart, since each is kept for a time of its own.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import psycopg
from django.conf import settings
from psycopg import sql

TABLE = "tracker_signal"
PATIENCE = "2s"


class Kept(NamedTuple):
    """Windows of one length, all in seconds: one partition's share, and how long they are kept."""

    seconds: int
    share: int
    kept: int


def lengths(hours: int, days: int, months: int) -> tuple[Kept, ...]:
    """Windows of 10, 60 and 600 seconds, and for how many hours, days and months of 31 days they are kept."""
    hour, day = 3600, 86_400
    return (
        Kept(10, hour, hours * hour),
        Kept(60, day, days * day),
        Kept(600, 28 * day, months * 31 * day),
    )


def kept() -> tuple[Kept, ...]:
    """As the settings say."""
    return lengths(
        settings.FOOTFALL_SIGNAL_HOURS, settings.FOOTFALL_SIGNAL_DAYS, settings.FOOTFALL_SIGNAL_MONTHS
    )


def ensure(connection: psycopg.Connection, length: Kept, at: int) -> None:
    """Make the partition for windows that begin at `at`, seconds since 1970, where it is not there.

    Raises psycopg.Error. Safe to be done by several at once.
    """
    number = at // length.share
    first, last = (datetime.fromtimestamp(n * length.share, UTC) for n in (number, number + 1))
    with connection.transaction():
        # Two that make it at once: the second would fail rather than find it there.
        connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [TABLE])
        connection.execute(
            sql.SQL(
                "CREATE TABLE IF NOT EXISTS {name} PARTITION OF {parent}"
                " FOR VALUES FROM ({first}) TO ({last})"
            ).format(
                name=sql.Identifier(f"{TABLE}_{length.seconds}_{number}"),
                parent=sql.Identifier(f"{TABLE}_{length.seconds}"),
                first=sql.Literal(first.isoformat()),
                last=sql.Literal(last.isoformat()),
            )
        )


def drop(connection: psycopg.Connection, now: datetime, kept: tuple[Kept, ...]) -> int:
    """Drop what is over, and forget series that are in no window any more; how many partitions went.

    The connection is in autocommit. Raises psycopg.Error, LockNotAvailable where a partition was being read.
    """
    dropped = 0
    for length in kept:
        first = int(now.timestamp() - length.kept) // length.share
        for name in _partitions(connection, f"{TABLE}_{length.seconds}"):
            if int(name.rpartition("_")[2]) < first:
                with connection.transaction():
                    connection.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
                    connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
                dropped += 1
    longest = max(length.kept + length.share for length in kept)
    connection.execute(
        "DELETE FROM tracker_series WHERE last_at < %s",
        [datetime.fromtimestamp(now.timestamp() - longest, UTC)],
    )
    return dropped


def _partitions(connection: psycopg.Connection, table: str) -> list[str]:
    rows = connection.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = %s::regclass ORDER BY 1",
        [table],
    )
    return [name for (name,) in rows]
