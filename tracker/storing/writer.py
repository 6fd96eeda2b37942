"""Carries batches to Postgres until they are there: tries again, isolates what is refused, and spools to disk
what Postgres does not take within a second, whether it refuses, is away, or hangs.

Everything is stored in the order in which it came: while anything is in the spool, what comes goes behind it.

Only a fault of an entry's own (`row_faults`) drops it. Every other error, foreseen or not, is an outage: what
comes is kept, and tried again after pauses that grow.
"""

import errno
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import psycopg

from tracker.contract.drops import Drop
from tracker.contract.records import Placed
from tracker.liveness.activity import Activities
from tracker.liveness.error_report import kind_of
from tracker.postgres.sqlstates import AWAY_STATES
from tracker.storing.edge_connection import LONGEST_PAUSE, EdgeConnection, lost_race, passing
from tracker.storing.entries import Entry, Key
from tracker.storing.postgres_thread import PostgresThread, Unanswered
from tracker.storing.row_faults import SQLSTATES, fault_of
from tracker.storing.spool import Spool, Spooled

logger = logging.getLogger(__name__)

# A failover or a restart of Postgres is often over by then, and costs no disk.
SPOOL_AFTER_SECONDS = 1.0
# A batch takes some 100 ms. One that is not answered by then is spooled as well, and stored twice if need be.
ANSWER_SECONDS = 2.0
# How long what comes may wait behind a batch of the spool, or a sign of life, that Postgres is slow to take.
TURN_SECONDS = 0.25
GOODBYE_SECONDS = 2.0
STUCK = "Neither Postgres nor the spool on disk takes anything: nothing is stored or acknowledged."
AWAY = "Postgres takes nothing: what comes is kept on disk until it does."
Parts = deque[list[Entry]]


class Settled(NamedTuple):
    """Entries whose fate is known: kept (`drop` None), or dropped for a reason."""

    entries: Sequence[Entry]
    drop: Drop | None = None
    late: bool = False  # out of the spool: nobody waits for them any more
    placed: Sequence[Placed] = ()  # what was found of their page views


class NotStored(Exception):
    """Storing failed, for a reason that is neither Postgres' nor an entry's own."""

    def __init__(self, reason: Exception) -> None:
        super().__init__()
        self.reason = reason


class _Draining(NamedTuple):
    """The spool's first batch, on its way, and what of it is not stored yet."""

    spooled: Spooled
    parts: Parts


class Writer:
    """One thread's way to Postgres; once `stopping` is set, the first failure is the last."""

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection],
        edge: int,
        spool: Spool,
        stopping: threading.Event,
        activities: Activities,
        turn_seconds: float = TURN_SECONDS,
    ) -> None:
        """`turn_seconds`: how long Postgres may take for what is due between batches; then those go on."""
        self.stuck = False  # neither Postgres nor the spool takes anything
        # Whether Postgres is away is told otherwise, and told of: no patience of its own.
        self._storing = activities.new("Storing")
        self._spooling = activities.new("Spool")
        self._connection = EdgeConnection(connect, edge)
        self._postgres = PostgresThread()
        self._draining: _Draining | None = None
        self._edge = edge
        self._spool = spool
        self._stopping = stopping
        self._turn_seconds = turn_seconds
        self._retry_at = 0.0

    @property
    def problem(self) -> str:
        """Why what comes is not going to Postgres, in a sentence for staff; empty while all is well."""
        if self.stuck:
            return STUCK
        if trouble := self._storing.problem or self._spooling.problem:
            return trouble
        return AWAY if self._connection.away_for() > SPOOL_AFTER_SECONDS else ""

    def write(self, batch: list[Entry]) -> Iterator[Settled]:
        """Keep a batch, yielding what is settled as it is; waits as long as nobody takes it.

        Ends early, with the rest of the batch unsettled, only when it is stopping.
        """
        parts = deque([batch])
        while parts:
            if self._spool.pending or self._silent or self._connection.away_for() > SPOOL_AFTER_SECONDS:
                yield from self._spool_all(parts)
                if not parts:
                    return
            try:
                # A spool without room must be drained before anything newer is stored.
                yield from (
                    self._catch_up() if self._spool.pending else self._store_next(parts, ANSWER_SECONDS)
                )
            except Unanswered:
                self._unanswered()
                if self._stopping.is_set():
                    yield from self._spool_all(parts)
                    return
            except Exception as error:
                self._failed(error)
                if self._stopping.is_set() and (self._connection.away or isinstance(error, OSError)):
                    yield from self._spool_all(parts)
                    return
                self._stopping.wait(self._connection.pause)

    def turn(self) -> Iterator[Settled]:
        """What is due between batches: a sign of life, files that dead edges left, a batch of the spool."""
        if self.due_in() > 0:
            return
        try:
            if self._draining is None and self._connection.beat_in() <= 0:
                self._postgres.ask(self._connection, self._connection.reach, self._turn_seconds)
                self._connection.reached()
                self._spool.adopt()
            if self._spool.pending:
                yield from self._catch_up()
        except Unanswered:
            self._unanswered()
        except Exception as error:
            self._failed(error)

    def due_in(self) -> float:
        """How many seconds it takes until `turn` has something to do."""
        retry_in = self._retry_at - time.monotonic()
        return max(0.0, retry_in if self._spool.pending else max(retry_in, self._connection.beat_in()))

    def close(self, all_settled: bool) -> None:
        """Close connection and spool; says goodbye when nothing is left to be stored."""
        goodbye = all_settled and not self._spool.pending
        if not self._postgres.close(lambda: self._connection.close(goodbye), GOODBYE_SECONDS):
            logger.warning("buffer: no goodbye (Postgres does not answer); jobs will tidy up")
        self._spool.close()

    @property
    def _silent(self) -> bool:
        """Whether Postgres owes an answer for so long that nobody waits for it any more."""
        return self._postgres.out_for() > ANSWER_SECONDS

    def _store_next(self, parts: Parts, patience: float, spooled: Spooled | None = None) -> Iterator[Settled]:
        """Store the first part, or halve it when it is refused.

        Raises Unanswered, and whatever else is no fault of its entries; then the part is still the first.
        """
        part = parts[0]
        try:
            orphans, placed = self._postgres.ask(part, lambda: self._write(part, spooled), patience)
        except psycopg.Error as error:
            if not _refused(error):
                raise
            yield from _split(parts, error)
        except Unanswered:
            raise
        except Exception as error:
            # It never came to Postgres: a lone surrogate, a time beyond the calendar; or an error of ours.
            faulty = [entry for entry in part if fault_of(entry)]
            if not faulty:
                raise NotStored(error) from error
            yield from _without(parts, faulty, error)
        else:
            parts.popleft()
            self._connection.reached()
            self._storing.progressed()
            self._spooling.progressed()
            self.stuck = False
            yield from _settle(part, orphans, placed)

    def _catch_up(self) -> Iterator[Settled]:
        """Store the spool's first batch. Raises Unanswered, OSError and others: it is still the first."""
        if self._draining is None:
            spooled = self._spool.first()
            if spooled is None:
                return
            self._draining = _Draining(spooled, deque([spooled.entries]))
        spooled, parts = self._draining
        while parts:
            for settled in self._store_next(parts, self._turn_seconds, spooled):
                yield settled._replace(late=True)
        self._draining = None
        self._spool.drop_first()

    def _write(self, part: list[Entry], spooled: Spooled | None) -> tuple[set[Key], list[Placed]]:
        """Done by Postgres' own thread, which alone uses the connection meanwhile."""
        if spooled and spooled.edge != self._edge:
            self._connection.vouch(spooled.edge, spooled.written_at)
        store = self._connection.reach()
        return store.write(part), store.placed

    def _spool_all(self, parts: Parts) -> Iterator[Settled]:
        """Spool all parts, and leave none; or, where the disk does not take them, all."""
        entries = [entry for part in parts for entry in part]
        try:
            refused = self._spool.append(entries)
        except OSError as error:
            self._complain(error)
            return
        except Exception as error:
            self._spooling.failed(error)
            self.stuck = True
            return
        parts.clear()
        self._spooling.progressed()
        self.stuck = False
        if refused:
            unwritable = set(map(id, refused))
            yield Settled(refused, Drop.REFUSED)
            entries = [entry for entry in entries if id(entry) not in unwritable]
        yield Settled(entries)

    def _unanswered(self) -> None:
        if self._silent:
            self._connection.silent()

    def _failed(self, error: Exception) -> None:
        if isinstance(error, OSError):
            self._complain(error)
            self._connection.pause = LONGEST_PAUSE
        else:
            self._connection.failed(error)
            if not _foreseen(error):
                self._storing.failed(error.reason if isinstance(error, NotStored) else error)
        self._retry_at = time.monotonic() + self._connection.pause

    def _complain(self, error: OSError) -> None:
        if not self.stuck:
            name = errno.errorcode.get(error.errno or 0, type(error).__name__)
            logger.error("buffer: the spool takes nothing (%s); nothing is acknowledged", name)
        self.stuck = True


def _settle(part: list[Entry], orphans: set[Key], placed: list[Placed]) -> Iterator[Settled]:
    if not orphans:
        yield Settled(part, placed=placed)
        return
    lost = [entry.key in orphans for entry in part]
    yield Settled([entry for entry, gone in zip(part, lost, strict=True) if gone], Drop.ORPHAN_EVENT)
    kept = [entry for entry, gone in zip(part, lost, strict=True) if not gone]
    yield Settled(kept, placed=placed)


def _split(parts: Parts, error: psycopg.Error) -> list[Settled]:
    """The first part was refused: halve it, or, if it is a single entry, give that up."""
    part = parts.popleft()
    if len(part) == 1:
        logger.warning("buffer: Postgres refused an entry (%s)", kind_of(error))
        return [Settled(part, Drop.REFUSED)]
    middle = len(part) // 2
    parts.extendleft([part[middle:], part[:middle]])
    return []


def _without(parts: Parts, faulty: list[Entry], error: Exception) -> list[Settled]:
    """Give up those entries of the first part that no row can hold; the others are tried again."""
    refused = set(map(id, faulty))
    for entry in faulty:
        logger.warning("buffer: no row can hold an entry: %s (%s)", fault_of(entry), kind_of(error))
    part = parts.popleft()
    if rest := [entry for entry in part if id(entry) not in refused]:
        parts.appendleft(rest)
    return [Settled(faulty, Drop.REFUSED)]


def _foreseen(error: Exception) -> bool:
    """Whether it is Postgres that is away, or in the middle of something."""
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate.startswith(AWAY_STATES) or passing(error)


def _refused(error: psycopg.Error) -> bool:
    return error.sqlstate in SQLSTATES and not lost_race(error)
