"""Puts a dump into an empty database, in one transaction, and counts what is then there."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import psycopg
from psycopg import sql

from analytics.backups.dump_text import Section, sections
from analytics.backups.errors import BackupTrouble
from analytics.backups.left_out import LEFT_OUT

PORTION = 2000  # rows that are sent at once
# What is about the one who dumped, and would fail for another: psql's own lines, and owners.
PASSED_OVER = re.compile(rb"\\(un)?restrict .*\n|ALTER .* OWNER TO .*;\n|COMMENT ON EXTENSION .*;\n")
# A setting of Postgres 17 that its pg_dump also writes for older servers.
SINCE_17 = b"SET transaction_timeout = 0;\n"
TABLES = "SELECT to_regclass('public.django_migrations') IS NOT NULL, to_regclass('tracker_site') IS NOT NULL"


def load(
    connection: psycopg.Connection, lines: Iterator[bytes], loaded: Callable[[int], None]
) -> Counter[str]:
    """Load a dump; the rows that it held by table. `loaded` is told how many rows there are so far.

    Leaves out what no backup holds (`LEFT_OUT`), and changes settings of the connection: close it afterwards.
    Raises BackupTrouble with what Postgres says, and then nothing is loaded.
    """
    counts: Counter[str] = Counter()
    table = ""
    try:
        with connection.transaction():
            for section in sections(lines):
                table = section.table
                _state(connection, section.statements)
                if table:
                    for number in _copy(connection, section):
                        counts[table] += number
                        loaded(counts.total())
            leave_out(connection)
    except psycopg.Error as error:
        raise BackupTrouble(
            f"The backup cannot be loaded, and nothing was changed: {said(error)}"
            f"{f' (at the table {table})' if table else ''}."
        ) from None
    return counts


def check(connection: psycopg.Connection, loaded: Counter[str], told: Iterable[tuple[str, int]]) -> None:
    """Hold what is in the database against what was loaded, and that against the manifest.

    Raises BackupTrouble.
    """
    there = connection.execute(TABLES).fetchone()
    if there != (True, True):
        raise BackupTrouble("What was restored is no database of Footfall: its tables are missing.")
    expected = {name: number for name, number in told if number}
    for name, number in loaded.items():
        if name in LEFT_OUT:
            continue
        if expected and number != (due := expected.get(name, 0)):
            raise BackupTrouble(f"{name} has {number:,} rows in the dump, and {due:,} by the manifest.")
        found = connection.execute(_COUNT.format(sql.Identifier(*name.split(".")))).fetchone()
        if found != (number,):
            raise BackupTrouble(f"{name} has {found[0] if found else 0:,} rows, and {number:,} were loaded.")
    if missing := expected.keys() - loaded.keys():
        raise BackupTrouble(f"The dump lacks rows of {', '.join(sorted(missing))}.")


_COUNT = sql.SQL("SELECT count(*) FROM {}")


def leave_out(connection: psycopg.Connection) -> None:
    """Empty what no backup holds; of what was there nothing stays on the disk. Raises psycopg.Error."""
    there = [
        sql.Identifier("public", table)
        for table in LEFT_OUT
        if connection.execute("SELECT to_regclass(%s)", [f"public.{table}"]).fetchone() != (None,)
    ]
    if there:
        # In one statement, since some of them refer to others.
        connection.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(there)))


def said(error: psycopg.Error) -> str:
    """What Postgres says, without the values that its details quote."""
    return (error.diag.message_primary or str(error)).strip().splitlines()[0]


def _state(connection: psycopg.Connection, statements: list[bytes]) -> None:
    new = connection.info.server_version >= 170000
    text = b"".join(
        line for line in statements if not PASSED_OVER.fullmatch(line) and (new or line != SINCE_17)
    )
    connection.execute(text)


def _copy(connection: psycopg.Connection, section: Section) -> Iterator[int]:
    with connection.cursor() as cursor, cursor.copy(section.copy) as copy:
        while part := list(islice(section.rows, PORTION)):
            copy.write(b"".join(part))
            yield len(part)
