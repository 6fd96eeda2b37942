"""Rows that are over, deleted from a table in portions, however large it is and whoever writes to it."""

from datetime import datetime

import psycopg
from psycopg import sql

# Blocks of 8 KiB per transaction: some 50,000 rows, a fraction of a second.
BLOCKS = 1000


def delete_before(connection: psycopg.Connection, table: str, column: str, before: datetime) -> int:
    """Delete what is older than `before`, walking the table block by block; how many rows that were.

    The connection is in autocommit: each portion is a transaction. An index on the column would spare the
    walk, but cost each page view: on open visits it would even end HOT updates. Raises psycopg.Error.
    """
    size = connection.execute("SELECT pg_relation_size(%s::regclass) / 8192", [table]).fetchone()
    # What is locked is being heard of; and waiting in the order of blocks would deadlock with who stores.
    delete = sql.SQL(
        "DELETE FROM {table} WHERE ctid = ANY (ARRAY (SELECT ctid FROM {table} WHERE ctid >= {first}"
        " AND ctid < {last} AND {column} < {before} FOR UPDATE SKIP LOCKED))"
    )
    deleted = 0
    for block in range(0, size[0] if size else 0, BLOCKS):
        deleted += connection.execute(
            delete.format(
                table=sql.Identifier(table),
                column=sql.Identifier(column),
                first=sql.Literal(f"({block},0)"),
                last=sql.Literal(f"({block + BLOCKS},0)"),
                before=sql.Literal(before),
            )
        ).rowcount
    return deleted
