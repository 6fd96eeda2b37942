"""That one process erases at a time."""

import psycopg

LOCK = 0x0F007FA13  # any number that no other program on this database takes


def is_alone(connection: psycopg.Connection, wait: bool = False) -> bool:
    """Whether this connection is the one that erases, until it is closed; `wait`: until it is."""
    if wait:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        return True
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
    return bool(row and row[0])
