"""What the write path needs for two days only, deleted when they are over."""

from datetime import UTC, datetime, time, timedelta

import psycopg
from psycopg import sql

from tracker.contract.zones import zone_of

KEPT = timedelta(hours=48)
# Blocks of 8 KiB per transaction: some 50,000 rows, a fraction of a second.
PORTION = 1000

SALTS = "SELECT t.id, t.day, s.timezone FROM tracker_salt t JOIN tracker_site s ON s.id = t.site_id"


def salts(connection: psycopg.Connection, now: datetime) -> None:
    """Delete salts whose day, in their site's time zone, began 48 hours ago: nobody can be known again."""
    over = [
        salt_id
        for salt_id, day, zone in connection.execute(SALTS).fetchall()
        if datetime.combine(day, time(), zone_of(zone)).astimezone(UTC) + KEPT <= now
    ]
    connection.execute("DELETE FROM tracker_salt WHERE id = ANY(%s)", [over])


def recent_ids(connection: psycopg.Connection, now: datetime) -> None:
    """Delete ids that began 48 hours ago; nothing says them again."""
    _purge(connection, "tracker_recent", "began_at", now - KEPT)


def open_visits(connection: psycopg.Connection, now: datetime) -> None:
    """Delete open visits that nothing was heard of for 48 hours: a page view is open for 24 at most."""
    _purge(connection, "tracker_open_visit", "last_at", now - KEPT)


def _purge(connection: psycopg.Connection, table: str, column: str, before: datetime) -> None:
    """Delete what is older, walking the table block by block.

    An index on the column would spare the walk, but cost each page view: on open visits it would
    even end HOT updates.
    """
    size = connection.execute("SELECT pg_relation_size(%s::regclass) / 8192", [table]).fetchone()
    # What is locked is being heard of; and waiting in the order of blocks would deadlock with who stores.
    delete = sql.SQL(
        "DELETE FROM {table} WHERE ctid = ANY (ARRAY (SELECT ctid FROM {table} WHERE ctid >= {first}"
        " AND ctid < {last} AND {column} < {before} FOR UPDATE SKIP LOCKED))"
    )
    for block in range(0, size[0] if size else 0, PORTION):
        connection.execute(
            delete.format(
                table=sql.Identifier(table),
                column=sql.Identifier(column),
                first=sql.Literal(f"({block},0)"),
                last=sql.Literal(f"({block + PORTION},0)"),
                before=sql.Literal(before),
            )
        )
