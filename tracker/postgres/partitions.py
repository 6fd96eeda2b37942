"""Weekly partitions of the growing tables, made ahead by code, so that retention drops tables and never rows.

Each table also has a default partition: what no week holds yet (a clock that stepped, jobs that were
away for a month) is stored all the same, and moves when its week is made.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple, Protocol

from psycopg import sql

WEEKS_AHEAD = 4
WEEK = timedelta(weeks=1)
NAMED_WEEK = re.compile(r"_(?P<year>[0-9]{4})w(?P<week>[0-9]{2})\Z")


class Cursor(Protocol):
    """What Django's cursors and psycopg's have in common."""

    def execute(self, query: Any, params: Any = None, /) -> object: ...
    def fetchall(self) -> list[tuple[Any, ...]]: ...


class Growing(NamedTuple):
    """A growing table: the column it is partitioned by, and how full its heap pages are packed."""

    table: str
    column: str
    fillfactor: int


# Room is left in each heap page for the new version of a row that completion writes: that keeps the
# update HOT, so that no index is touched. People leave a page's rows one after another, and what they leave
# makes room for the next: a tenth is enough for 999 of 1,000 where 20 come and go in each batch and stay for
# 100 batches, and for 84 % where they stay for three. Events are never updated. The order is the one in which
# a batch is stored, so that making partitions and storing never deadlock.
GROWING = (
    Growing("tracker_pageview", "began_at", 90),
    Growing("tracker_visit", "began_at", 90),
    Growing("tracker_event", "at", 100),
    Growing("tracker_minute", "at", 100),
)


def week_of(at: datetime) -> date:
    """The Monday (UTC) of the ISO week that holds `at`."""
    day = at.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def midnight(day: date) -> datetime:
    """The moment at which `day` begins in UTC."""
    return datetime.combine(day, time(), UTC)


def name_of(table: str, monday: date) -> str:
    """The partition's name, as `tracker_pageview_2026w47`."""
    year, week, _ = monday.isocalendar()
    return f"{table}_{year}w{week:02}"


def week_in(name: str) -> date | None:
    """The Monday of the week whose partition has this name; None where it names no week."""
    found = NAMED_WEEK.search(name)
    return date.fromisocalendar(int(found["year"]), int(found["week"]), 1) if found else None


def ensure(cursor: Cursor, now: datetime, tables: Sequence[Growing] = GROWING) -> list[str]:
    """Make the missing partitions of this week, the four after it, and past weeks that wait in the default.

    Runs inside the caller's transaction. Writers go on meanwhile, except to the default partition.
    Returns the names of those it made.
    """
    monday = week_of(now)
    ahead = {monday + n * WEEK for n in range(WEEKS_AHEAD + 1)}
    missing = []
    for growing in tables:
        there = partitions(cursor, growing.table)
        late = {week for week in _weeks_in_default(cursor, growing) if week < monday}
        missing += [
            (growing, week) for week in sorted(ahead | late) if name_of(growing.table, week) not in there
        ]
    return [_make(cursor, growing, week) for growing, week in missing]


def partitions(cursor: Cursor, table: str) -> set[str]:
    """The names of a table's partitions, the default one included."""
    cursor.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = %s::regclass",
        [table],
    )
    return {name for (name,) in cursor.fetchall()}


def _weeks_in_default(cursor: Cursor, growing: Growing) -> set[date]:
    cursor.execute(
        sql.SQL("SELECT DISTINCT date_trunc('week', {column}, 'UTC') FROM {default}").format(
            column=sql.Identifier(growing.column), default=sql.Identifier(f"{growing.table}_default")
        )
    )
    return {week_of(week) for (week,) in cursor.fetchall()}


def _make(cursor: Cursor, growing: Growing, week: date) -> str:
    """Make one partition and move into it what waited in the default.

    ATTACH rather than CREATE … PARTITION OF: it lets writers to the other partitions go on. The
    default is locked from the start, since a row that arrived between the move and the attachment
    would make the latter fail.
    """
    name = name_of(growing.table, week)
    names = {
        "table": sql.Identifier(growing.table),
        "column": sql.Identifier(growing.column),
        "default": sql.Identifier(f"{growing.table}_default"),
        "partition": sql.Identifier(name),
        "fillfactor": sql.Literal(growing.fillfactor),
        "start": sql.Literal(midnight(week).isoformat()),
        "end": sql.Literal(midnight(week + WEEK).isoformat()),
    }
    for statement in (
        "LOCK TABLE {default} IN ACCESS EXCLUSIVE MODE",
        "CREATE TABLE {partition} (LIKE {table} INCLUDING DEFAULTS) WITH (fillfactor = {fillfactor})",
        "WITH moved AS (DELETE FROM {default} WHERE {column} >= {start} AND {column} < {end} RETURNING *)"
        " INSERT INTO {partition} SELECT * FROM moved",
        "ALTER TABLE {table} ATTACH PARTITION {partition} FOR VALUES FROM ({start}) TO ({end})",
    ):
        cursor.execute(sql.SQL(statement).format(**names))
    return name
