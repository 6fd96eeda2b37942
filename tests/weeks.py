"""Weekly partitions that a test makes: the next test starts from the migration's."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tracker.postgres import partitions
from tracker.postgres.connect import connect


def names(connection: psycopg.Connection, table: str) -> set[str]:
    """The partitions of a table."""
    with connection.cursor() as cursor:
        return partitions.partitions(cursor, table)


@contextmanager
def own_weeks() -> Iterator[psycopg.Connection]:
    """A connection in autocommit; partitions that were made meanwhile are dropped in the end."""
    with connect() as connection:
        connection.autocommit = True
        before = {name for growing in partitions.GROWING for name in names(connection, growing.table)}
        yield connection
        for growing in partitions.GROWING:
            for name in names(connection, growing.table) - before:
                connection.execute(psycopg.sql.SQL("DROP TABLE {}").format(psycopg.sql.Identifier(name)))
