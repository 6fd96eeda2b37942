"""An edge's connection to Postgres: made again when it is lost, and with it the edge's sign of life,
so that `jobs` can tell a dead process from a silent one.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
from psycopg import errors

from tracker.storing.store import Store

logger = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0

BEAT = """
INSERT INTO tracker_edge (id, beat_at, seen_at) VALUES (%s, %s, clock_timestamp())
ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at, seen_at = excluded.seen_at
"""
# For a dead edge: the 60 s until its page views are ended begin anew, its last sign stays.
VOUCH = """
INSERT INTO tracker_edge (id, beat_at, seen_at) VALUES (%s, %s, clock_timestamp())
ON CONFLICT (id) DO UPDATE
SET beat_at = greatest(tracker_edge.beat_at, excluded.beat_at), seen_at = excluded.seen_at
"""
GOODBYE = "DELETE FROM tracker_edge WHERE id = %s"


class EdgeConnection:
    """One thread's connection. `pause` is how long to wait after a failure, in seconds."""

    def __init__(self, connect: Callable[[], psycopg.Connection], edge: int) -> None:
        self.pause = 0.0
        self._connect = connect
        self._edge = edge
        self._connection: psycopg.Connection | None = None
        self._store: Store | None = None
        self._beat_at = 0.0
        self._away_since: float | None = None

    @property
    def away(self) -> bool:
        """Whether Postgres did not answer when it was last asked."""
        return self._away_since is not None

    def away_for(self) -> float:
        """For how long it has not answered, in seconds."""
        return 0.0 if self._away_since is None else time.monotonic() - self._away_since

    def beat_in(self) -> float:
        """Seconds until the next sign of life is due."""
        return max(0.0, self._beat_at - time.monotonic())

    def reach(self) -> Store:
        """The store, connected, after a sign of life if one was due. Raises psycopg.Error."""
        if self._store is None or self._connection is None or self._connection.closed:
            self._connection = self._connect()
            self._store = Store(self._connection)
            # Before the first page view is stored, so that none is ever without a living edge.
            self._beat()
        elif self.beat_in() <= 0:
            self._beat()
        return self._store

    def vouch(self, edge: int, lived_at: datetime) -> None:
        """Let `jobs` end the page views of a dead edge whose spool is being stored. Raises psycopg.Error."""
        self.reach()
        self._say(VOUCH, [edge, lived_at])

    def reached(self) -> None:
        """Note that Postgres did what it was asked to."""
        if self.away:
            logger.warning("buffer: Postgres is back")
        self._away_since, self.pause = None, 0.0

    def failed(self, error: Exception) -> None:
        """It did not. A new connection also leaves prepared plans and tables of an older schema behind."""
        self.pause = min(max(FIRST_PAUSE, self.pause * 2), LONGEST_PAUSE)
        if isinstance(error, psycopg.Error) and passing(error):
            return
        self._disconnect()
        if not self.away:
            logger.warning("buffer: cannot write (%s); keeping what comes", type(error).__name__)
            self._away_since = time.monotonic()

    def silent(self) -> None:
        """It owes an answer; whoever waits for that has the connection."""
        if not self.away:
            logger.warning("buffer: Postgres does not answer; keeping what comes")
            self._away_since = time.monotonic()

    def close(self, goodbye: bool) -> None:
        """Close the connection; with `goodbye` all page views are ended, and `jobs` need not look."""
        try:
            if goodbye and self._connection and not self._connection.closed:
                self._connection.execute(GOODBYE, [self._edge])
                self._connection.commit()
        except psycopg.Error as error:
            logger.warning("buffer: no goodbye (%s); jobs will tidy up", type(error).__name__)
        self._disconnect()

    def _beat(self) -> None:
        self._say(BEAT, [self._edge, datetime.now(UTC)])
        self._beat_at = time.monotonic() + BEAT_SECONDS

    def _say(self, statement: str, values: list[object]) -> None:
        if self._connection is None:
            raise psycopg.InterfaceError("There is no connection.")
        self._connection.execute(statement, values)
        self._connection.commit()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._store = None


def passing(error: psycopg.Error) -> bool:
    """Whether the next try on the same connection may well succeed."""
    return (error.sqlstate or "").startswith("40") or lost_race(error)


def lost_race(error: psycopg.Error) -> bool:
    """Whether the next try will see what came between: another edge stored the same page view in the same
    moment, or a row was on its way to the default partition while jobs made its week.
    """
    if isinstance(error, errors.CheckViolation):
        return error.diag.constraint_name is None
    return isinstance(error, errors.UniqueViolation) and error.diag.table_name == "tracker_recent"
