"""Stores one batch of entries in one transaction: COPY to staging, then a handful of set-based statements.

Writing is idempotent: a batch written twice (the connection was lost during COMMIT) changes nothing the
second time. Which is why a batch may be tried again after any failure, whole or in parts.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from tracker import concurrency, staging
from tracker import statements as sql
from tracker.entries import LONGEST_SECONDS, REOPEN_SECONDS, Entry, EventEntry, PageEntry
from tracker.partitions import WEEK, midnight, week_of

# Small batches against large tables: nested loops over indexes are right however the tables grow, and
# plans made while a partition was empty stay right when it is not. Compiling would cost more than it saves.
PLANNER = """
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off; SET jit = off;
"""


class Store:
    """The write side of one connection; not for use by two threads."""

    def __init__(self, connection: psycopg.Connection) -> None:
        """Prepare the connection (autocommit off). Raises psycopg.Error."""
        self._connection = connection
        connection.execute(PLANNER)
        connection.execute(staging.TABLES)
        connection.commit()

    def write(self, entries: Iterable[Entry]) -> set[tuple[int, UUID]]:
        """Store a batch (each page view and event at most once in it) and commit.

        Returns (site, id) of events whose page view nobody knows; they are not stored. Raises
        psycopg.Error, UnicodeEncodeError or ValueError with nothing stored, but for a connection lost
        during COMMIT, when the batch is stored or not.
        """
        pages, events = [], []
        for entry in entries:
            if isinstance(entry, PageEntry):
                pages.append(entry)
            else:
                events.append(entry)
        # Leaves the transaction on an error, commits otherwise.
        with self._connection.transaction(), self._connection.cursor() as cursor:
            begun = self._pages(cursor, pages) if pages else False
            orphans = self._events(cursor, events) if events else set()
            self._visits(cursor, begun)
            if pages:
                # Last of all locks: it may have to wait for jobs.
                concurrency.stored(cursor, _earliest(pages), datetime.now(UTC))
        return orphans

    def _pages(self, cursor: psycopg.Cursor, pages: Sequence[PageEntry]) -> bool:
        """Store what is new and settle what is known; whether anything may be new."""
        staging.stage_pages(cursor, pages)
        known = _bounds(cursor, sql.KNOW)
        if known:
            cursor.execute(_within(sql.SETTLE, *known))
        begun = [entry.begin.began_at for entry in pages if entry.begin]
        if begun:
            cursor.execute(sql.OPEN)
        cursor.execute(sql.LOCK)
        if begun:
            since = datetime.fromtimestamp(min(begun) - LONGEST_SECONDS - REOPEN_SECONDS, UTC)
            cursor.execute(_within(sql.PLACE, since, datetime.fromtimestamp(max(begun), UTC)))
            cursor.execute(sql.STORE_PAGES)
            cursor.execute(sql.REMEMBER)
        return bool(begun)

    def _events(self, cursor: psycopg.Cursor, events: Sequence[EventEntry]) -> set[tuple[int, UUID]]:
        staging.stage_events(cursor, events)
        cursor.execute(sql.STORE_EVENTS)
        return set(cursor.execute(sql.ORPHANS).fetchall())

    def _visits(self, cursor: psycopg.Cursor, begun: bool) -> None:
        if begun:
            cursor.execute(sql.STORE_VISITS)
        existing = _bounds(cursor, sql.VISIT_BOUNDS)
        if existing:
            cursor.execute(_within(sql.GROW_VISITS, *existing))
        cursor.execute(sql.KEEP_OPEN)


def _earliest(pages: Sequence[PageEntry]) -> datetime:
    moments = (entry.begin.began_at if entry.begin else entry.sign_at for entry in pages)
    return datetime.fromtimestamp(min(moments), UTC)


def _bounds(cursor: psycopg.Cursor, statement: str) -> tuple[datetime, datetime] | None:
    row = cursor.execute(statement).fetchone()
    return (row[0], row[1]) if row and row[0] else None


def _within(statement: str, first: datetime, last: datetime) -> str:
    since, before = midnight(week_of(first)), midnight(week_of(last) + WEEK)
    return sql.between(statement, since.isoformat(), before.isoformat())
