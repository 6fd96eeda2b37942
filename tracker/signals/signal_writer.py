"""Stores windows in a thread of its own, and keeps them while Postgres is away."""

import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import psycopg

from tracker.liveness.activity import Activity, go_on_in_thread
from tracker.liveness.error_report import kind_of
from tracker.postgres.sqlstates import AWAY_STATES, VALUE_STATES
from tracker.signals.signal_store import SignalStore
from tracker.signals.signal_tables import Kept
from tracker.signals.windows import Row

logger = logging.getLogger(__name__)

# Ten minutes of 10,000 series, some 150 MB, while Postgres is away; then the oldest are let go.
WAITING_MOST = 600_000
RETRY_SECONDS = 2.0
PATIENCE_SECONDS = 60.0


class _EndedTogether(NamedTuple):
    """Windows that ended together, and the run whose they are."""

    run: int
    rows: list[Row]


class SignalWriter:
    """A queue of batches, each stored once, in the order in which they came."""

    def __init__(
        self, connect: Callable[[], psycopg.Connection], kept: Sequence[Kept], most: int = WAITING_MOST
    ) -> None:
        """`most`: rows that may wait."""
        self.activity = Activity("Storing datapoints", PATIENCE_SECONDS)
        self.let_go = 0
        self.refused = 0
        """Windows that Postgres never takes, whoever asks it."""
        self._connect = connect
        self._kept = kept
        self._most = most
        # A window in which a process ended and another began has a row of each.
        self._run = secrets.randbits(62)
        self._waiting: deque[_EndedTogether] = deque()
        self._lock = threading.Lock()
        self._more = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(
            target=go_on_in_thread, args=[self.activity, self._work, self._ending], name="signals"
        )
        self._thread.daemon = True

    @property
    def waiting(self) -> int:
        """Rows that are not stored yet."""
        with self._lock:
            return self._waiting_rows()

    def start(self) -> None:
        """Begin; Postgres may be away."""
        self._thread.start()

    def put(self, rows: list[Row]) -> None:
        """Store these soon. What waits beyond the bound is let go, the oldest first, and told."""
        with self._lock:
            self._waiting.append(_EndedTogether(self._run, rows))
            while len(self._waiting) > 1 and self._waiting_rows() > self._most:
                self.let_go += len(self._waiting.popleft().rows)
                logger.warning("signals: let go what waited for Postgres (%d windows so far)", self.let_go)
        self._more.set()

    def begin_run(self) -> None:
        """What is put from now on may be of windows that were put before: these are others."""
        with self._lock:
            self._run = secrets.randbits(62)

    def _waiting_rows(self) -> int:
        return sum(len(batch.rows) for batch in self._waiting)

    def end(self, patience: float) -> bool:
        """Store what waits, then end; whether that was done within `patience` seconds."""
        self._ending.set()
        self._more.set()
        self._thread.join(patience)
        return not self._thread.is_alive() and not self.waiting

    def _work(self) -> None:
        complained = False
        while self.waiting or not self._ending.is_set():
            try:
                with self._connect() as connection:
                    connection.autocommit = True
                    self._store(SignalStore(connection, self._run, self._kept))
            except psycopg.Error as error:
                if error.sqlstate and not error.sqlstate.startswith((*AWAY_STATES, "40")):
                    raise  # told as what nobody foresaw, and tried again
                if not complained:
                    logger.warning("signals: Postgres is away (%s)", kind_of(error))
                complained = True
                if self._ending.wait(RETRY_SECONDS):
                    # Nobody waits for a database that is away to come back.
                    return

    def _store(self, store: SignalStore) -> None:
        """Store what comes, for as long as the connection lives."""
        while True:
            with self._lock:
                batch = self._waiting[0] if self._waiting else None
            if batch is not None:
                store.run = batch.run
                self._write(store, batch.rows)
                self.activity.progressed()
                with self._lock:
                    # Unless it was let go meanwhile: then it is stored all the same.
                    if self._waiting and self._waiting[0] is batch:
                        self._waiting.popleft()
            elif self._ending.is_set():
                return
            else:
                self.activity.progressed()
                self._more.wait(PATIENCE_SECONDS / 2)
                self._more.clear()

    def _write(self, store: SignalStore, rows: Sequence[Row]) -> None:
        """Store a batch, by halves where Postgres never takes all of it. Raises psycopg.Error."""
        parts = deque([rows])
        while parts:
            part = parts.popleft()
            try:
                store.write(part)
            except psycopg.Error as error:
                if error.sqlstate not in VALUE_STATES:
                    raise
                if len(part) > 1:
                    middle = len(part) // 2
                    parts.extendleft([part[middle:], part[:middle]])
                    continue
                self.refused += 1
                logger.warning(
                    "signals: Postgres never takes a window (%s; %d so far)", kind_of(error), self.refused
                )
