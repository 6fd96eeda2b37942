"""All rows of a site, in every table that has some, deleted in portions."""

from collections.abc import Callable, Iterator
from datetime import date

import psycopg
from psycopg import sql

from analytics.history.day_format import EVENTS, VIEWS
from analytics.history.due_days import raw_since
from tracker.postgres import partitions

# Some MB and a fraction of a second; sealed days are a file each, of up to 25 MB.
PORTION, FILES = 5000, 20
EVER = (date(1, 1, 1), date(9999, 12, 31))
LOCK_SECONDS, STATEMENT_SECONDS = 2, 60

LIMITS = "SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true)"
# In this order, in which who stores locks; what counts as one is in the last ones.
PLAIN = ("tracker_open_visit", "tracker_recent")
AFTER = ("tracker_touched",)
# What counts in the note of the erasure.
COUNTED = {"tracker_pageview": "views", "tracker_visit": "visits", "tracker_event": "events"}
# What somebody else has locked at this moment waits for the next round.
DELETE = """
DELETE FROM {table} WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM {table} WHERE site_id = {site} LIMIT {portion} FOR UPDATE SKIP LOCKED))
"""
ANY = "SELECT EXISTS (SELECT FROM {table} WHERE site_id = {site})"
COUNT = "UPDATE analytics_erasure SET {column} = {column} + %s WHERE id = %s"
# Of sealed days whose rows are gone, what is counted is in their files.
DELETE_FILES = """
DELETE FROM history_day WHERE (site_id, day, kind, part) IN (
    SELECT site_id, day, kind, part FROM history_day
    WHERE site_id = %(site)s AND day <= %(last)s AND day >= %(first)s LIMIT %(portion)s)
RETURNING kind, rows, begins_at < coalesce(%(raw_since)s, '-infinity'::timestamptz)
"""


def tables(connection: psycopg.Connection) -> Iterator[str]:
    """The tables, weeks apart, in which a site may have rows. Raises psycopg.Error."""
    yield from PLAIN
    for growing in partitions.GROWING:
        with connection.cursor() as cursor:
            weeks = sorted(partitions.partitions(cursor, growing.table))
        yield from (*weeks, f"{growing.table}_default")
    yield from AFTER


def erase(
    connection: psycopg.Connection,
    site_id: int,
    erasure_id: int,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> None:
    """Delete them all; the connection is in autocommit.

    Raises psycopg.Error, with what was deleted until then counted.
    """
    found = list(tables(connection))
    for number, table in enumerate(found, 1):
        column = next((COUNTED[name] for name in COUNTED if table.startswith(f"{name}_")), None)
        while has_any(connection, table, site_id):
            _portion(connection, table, site_id, erasure_id, column)
        progress(number, len(found) + 1)
    erase_files(connection, site_id, erasure_id)
    progress(len(found) + 1, len(found) + 1)


def erase_files(
    connection: psycopg.Connection, site_id: int, erasure_id: int, first: date = EVER[0], last: date = EVER[1]
) -> None:
    """Delete sealed days, both ends included; nobody else may be sealing. Raises psycopg.Error."""
    values = {"site": site_id, "first": first, "last": last, "portion": FILES}
    values["raw_since"] = raw_since(connection, site_id)
    while True:
        with connection.transaction():
            connection.execute(LIMITS, [f"{LOCK_SECONDS}s", f"{STATEMENT_SECONDS}s"])
            gone = connection.execute(DELETE_FILES, values).fetchall()
            for kind, column in ((VIEWS, "views"), (EVENTS, "events")):
                number = sum(rows for this, rows, alone in gone if this == kind and alone)
                connection.execute(sql.SQL(COUNT).format(column=sql.Identifier(column)), [number, erasure_id])
        if not gone:
            return


def has_any(connection: psycopg.Connection, table: str, site_id: int) -> bool:
    """Whether a table has a row of the site. Raises psycopg.Error."""
    try:
        row = connection.execute(_statement(ANY, table, site_id)).fetchone()
    except psycopg.errors.UndefinedTable:
        return False  # a week that was dropped meanwhile
    return bool(row and row[0])


def _portion(
    connection: psycopg.Connection, table: str, site_id: int, erasure_id: int, column: str | None
) -> None:
    with connection.transaction():
        connection.execute(LIMITS, [f"{LOCK_SECONDS}s", f"{STATEMENT_SECONDS}s"])
        gone = connection.execute(_statement(DELETE, table, site_id)).rowcount
        if column and gone:
            counted = sql.SQL(COUNT).format(column=sql.Identifier(column))
            connection.execute(counted, [gone, erasure_id])
        if not gone:
            # All that is left is locked: whoever holds it is done in a moment.
            connection.execute("SELECT pg_sleep(0.05)")


def _statement(text: str, table: str, site_id: int) -> sql.Composed:
    return sql.SQL(text).format(
        table=sql.Identifier(table),
        site=sql.Literal(site_id),
        portion=sql.Literal(PORTION),
    )
