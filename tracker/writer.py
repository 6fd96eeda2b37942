"""Carries batches to Postgres until they are there: connects, tries again, isolates what is refused.

Also gives the edge's sign of life, so that `jobs` can tell a dead process from a silent one.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg import errors

from tracker.drops import Drop
from tracker.entries import Entry, EventEntry
from tracker.store import Store

logger = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0
# The row's own fault. Everything else (no connection, no space, read only, a schema in the middle of a
# migration) passes, so the batch waits for it.
REFUSALS = (
    psycopg.DataError,
    psycopg.IntegrityError,
    errors.ProgramLimitExceeded,
    errors.StatementTooComplex,
)

BEAT = """
INSERT INTO tracker_edge (id, beat_at, seen_at) VALUES (%s, %s, clock_timestamp())
ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at, seen_at = excluded.seen_at
"""
GOODBYE = "DELETE FROM tracker_edge WHERE id = %s"


class Settled(NamedTuple):
    """Entries whose fate is known: stored (`drop` None), or dropped for a reason."""

    entries: Sequence[Entry]
    drop: Drop | None = None


class Writer:
    """One thread's way to Postgres; once `stopping` is set, the first failure is the last."""

    def __init__(
        self, connect: Callable[[], psycopg.Connection], edge: int, stopping: threading.Event
    ) -> None:
        self._connect = connect
        self._edge = edge
        self._stopping = stopping
        self._connection: psycopg.Connection | None = None
        self._store: Store | None = None
        self._pause = FIRST_PAUSE
        self._beat_at = 0.0
        self._away = False

    def write(self, batch: list[Entry]) -> Iterator[Settled]:
        """Store a batch, yielding what is settled as it is; waits for Postgres as long as it takes.

        Ends early, with the rest of the batch unsettled, only when it is stopping and Postgres is away.
        """
        parts = deque([batch])
        while parts:
            part = parts[0]
            try:
                orphans = self._reach().write(part)
            except psycopg.Error as error:
                if not _refused(error):
                    if not self._failed(error):
                        return
                    continue
                settled = _split(parts)
            except Exception:
                # It never came to Postgres: a lone surrogate, a time beyond the calendar.
                settled = _split(parts)
            else:
                parts.popleft()
                self._reached()
                settled = list(_settle(part, orphans))
            yield from settled

    def beat(self) -> None:
        """Give a sign of life if one is due; when Postgres is away, the next call tries again."""
        if time.monotonic() < self._beat_at:
            return
        try:
            self._reach()
            self._beat()
            self._reached()
        except psycopg.Error as error:
            self._failed(error)

    def close(self, goodbye: bool) -> None:
        """Close the connection; with `goodbye` all page views are ended, and `jobs` need not look."""
        try:
            if goodbye and self._connection and not self._connection.closed:
                self._connection.execute(GOODBYE, [self._edge])
                self._connection.commit()
        except psycopg.Error as error:
            logger.warning("buffer: no goodbye (%s); jobs will tidy up", type(error).__name__)
        self._disconnect()

    def _reach(self) -> Store:
        if self._store is None or self._connection is None or self._connection.closed:
            self._connection = self._connect()
            self._store = Store(self._connection)
            # Before the first page view is stored, so that none is ever without a living edge.
            self._beat()
        elif time.monotonic() >= self._beat_at:
            self._beat()
        return self._store

    def _beat(self) -> None:
        if self._connection is not None:
            self._connection.execute(BEAT, [self._edge, datetime.now(UTC)])
            self._connection.commit()
            self._beat_at = time.monotonic() + BEAT_SECONDS

    def _reached(self) -> None:
        if self._away:
            logger.warning("buffer: Postgres is back")
        self._away, self._pause = False, FIRST_PAUSE

    def _failed(self, error: psycopg.Error) -> bool:
        """Wait before the next try; False when it is stopping and there is none."""
        contended = (error.sqlstate or "").startswith("40") or _lost_race(error)
        if not contended:
            # A new connection also leaves prepared plans and staging tables of an older schema behind.
            self._disconnect()
            if not self._away:
                logger.warning("buffer: cannot write (%s); keeping what comes", type(error).__name__)
            self._away = True
            if self._stopping.is_set():
                return False
        self._stopping.wait(self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        return True

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._store = None


def _settle(part: list[Entry], orphans: set[tuple[int, UUID]]) -> Iterator[Settled]:
    if not orphans:
        yield Settled(part)
        return
    lost = [isinstance(entry, EventEntry) and entry.key[1:] in orphans for entry in part]
    yield Settled([entry for entry, gone in zip(part, lost, strict=True) if gone], Drop.ORPHAN_EVENT)
    yield Settled([entry for entry, gone in zip(part, lost, strict=True) if not gone])


def _split(parts: deque[list[Entry]]) -> list[Settled]:
    """The first part was refused: halve it, or, if it is a single entry, give that up."""
    part = parts.popleft()
    if len(part) == 1:
        logger.warning("buffer: Postgres refused an entry")
        return [Settled(part, Drop.REFUSED)]
    middle = len(part) // 2
    parts.extendleft([part[middle:], part[:middle]])
    return []


def _refused(error: psycopg.Error) -> bool:
    return isinstance(error, REFUSALS) and not _lost_race(error)


def _lost_race(error: psycopg.Error) -> bool:
    """Whether another edge stored the same page view in the same moment: the next try will see it."""
    return isinstance(error, errors.UniqueViolation) and error.diag.table_name == "tracker_recent"
