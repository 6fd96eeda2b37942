"""Several edges behind one place: a parent that only holds the listeners, and a child for each edge.

Children are forked, so that one that dies is back as soon as it has read the sites again; who knocks
meanwhile waits in its listener, which the parent keeps open.
"""

import ctypes
import logging
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tracker.liveness.watchdog import LOOK_SECONDS, Watchdog

logger = logging.getLogger(__name__)

SET_PARENT_DEATH_SIGNAL = 1
SIGNS = (signal.SIGTERM, signal.SIGINT)
# One that dies as soon as it is started is not started again at once: once a second, and no oftener.
START_SECONDS = 1.0
READY = b"."
SAID = 1024  # bytes of what a child said that are read at once
FAILED = 1  # the exit code of one that said why itself

ALIVE = b"!"

Serve = Callable[[int, Callable[[], None], Callable[[], None]], None]


@dataclass
class Worker:
    """A child, as the parent knows it."""

    place: int
    process: int
    line: int  # on which it says that it is ready, and then that it lives; it ends with the child
    since: float
    watchdog: Watchdog | None = None
    heard: float | None = None
    ready: bool = False

    def last(self, process: int) -> float | None:
        """When it last gave a sign of life, by the steady clock."""
        return self.heard


class Workers:
    """Runs `serve(place, ready, alive)` in so many processes until a signal, which each of them gets too."""

    def __init__(
        self, count: int, serve: Serve, listeners: Sequence[socket.socket], patience: float = 0.0
    ) -> None:
        """`listeners` are closed here at the signal: nobody shall wait in them for those who go.

        `patience`: seconds for which a child may give no sign of life; 0: for ever.
        """
        self._silence = patience
        self._count = count
        self._serve = serve
        self._listeners = listeners
        self._due = dict.fromkeys(range(count), 0.0)  # places to start at, and when
        self._by_line: dict[int, Worker] = {}
        self._stopping = False
        self._failed = False

    def run(self, ready: Callable[[], None]) -> bool:
        """Serve; `ready` is called when all are. Whether each that was ready ended in order."""
        for sign in SIGNS:
            signal.signal(sign, self._pass_on)
        all_ready = False
        while self._by_line or not self._stopping:
            self._start_due()
            for line in select.select(list(self._by_line), (), (), self._patience())[0]:
                self._hear(self._by_line[line])
            self._end_silent()
            if not all_ready and sum(worker.ready for worker in self._by_line.values()) == self._count:
                all_ready = True
                ready()
        return not self._failed

    def _patience(self) -> float | None:
        """Seconds until there is something to look at; None when it can be waited for."""
        due = max(0.0, min(self._due.values()) - time.monotonic()) if self._due else None
        return min(LOOK_SECONDS, LOOK_SECONDS if due is None else due) if self._silence else due

    def _start_due(self) -> None:
        now = time.monotonic()
        for place in [place for place, due in self._due.items() if due <= now or self._stopping]:
            del self._due[place]
            self._start(place)

    def _hear(self, worker: Worker) -> None:
        if said := os.read(worker.line, SAID):
            worker.ready |= READY in said
            worker.heard = time.monotonic()
            return
        # Forgotten first: once it was waited for, its number may be another's, who gets no signal of ours.
        del self._by_line[worker.line]
        os.close(worker.line)
        code = os.waitstatus_to_exitcode(os.waitpid(worker.process, 0)[1])
        if self._stopping:
            # One that was not ready yet has held nobody's page, and may have known of no signal yet.
            self._failed |= code != 0 and worker.ready
            return
        if code != FAILED:
            logger.error("edge %d ended by itself (%s); starting it again.", worker.place + 1, code)
        self._due[worker.place] = worker.since + START_SECONDS

    def _end_silent(self) -> None:
        for worker in self._by_line.values():
            silent = worker.watchdog and worker.watchdog.must_end(worker.process, worker.since)
            if silent and not self._stopping:
                # One that is stopped takes no other signal. Its line ends, and another is started.
                os.kill(worker.process, signal.SIGKILL)

    def _watched(self, worker: Worker) -> Worker:
        if self._silence:
            worker.watchdog = Watchdog(f"edge {worker.place + 1}", worker, self._silence)
        return worker

    def _start(self, place: int) -> None:
        # No signal in between: it would miss this child, or find it with the parent's handlers.
        with _held_back():
            if self._stopping:
                return
            parent = os.getpid()
            hearing, telling = os.pipe()
            process = os.fork()
            if process:
                # At once, or the next child would keep this one's line open beyond its end.
                os.close(telling)
                self._by_line[hearing] = self._watched(Worker(place, process, hearing, time.monotonic()))
                return
            for sign in SIGNS:
                signal.signal(sign, signal.SIG_DFL)
        self._be_child(place, telling, parent)

    def _be_child(self, place: int, telling: int, parent: int) -> None:
        code, ready = FAILED, False

        def tell() -> None:
            nonlocal ready
            ready = True
            os.write(telling, READY)

        def live() -> None:
            # A parent that is stopped itself reads nothing.
            with suppress(BlockingIOError):
                os.write(telling, ALIVE)

        try:
            os.set_blocking(telling, False)
            ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
            if os.getppid() == parent:
                self._serve(place, tell, live)
                code = 0
        except BaseException as error:
            # Before it was ready it is mostly a setting, and said each second until somebody mends it.
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            logger.error("edge %d cannot serve: %s", place + 1, reason, exc_info=ready)
        finally:
            # Nothing of the parent's is this process's to tidy up.
            os._exit(code)

    def _pass_on(self, number: int, frame: object) -> None:
        self._stopping = True
        for listener in self._listeners:
            listener.close()
        for worker in list(self._by_line.values()):
            with suppress(ProcessLookupError):
                os.kill(worker.process, number)


@contextmanager
def _held_back() -> Iterator[None]:
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNS)
