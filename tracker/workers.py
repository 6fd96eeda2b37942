"""Several edges behind one place: a parent that only holds the listeners, and a child for each edge.

Children are forked, so that one that dies is back as soon as it has read the sites again; who knocks
meanwhile waits in its listener, which the parent keeps open.
"""

import ctypes
import logging
import os
import signal
import socket
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

logger = logging.getLogger(__name__)

SET_PARENT_DEATH_SIGNAL = 1
SIGNS = (signal.SIGTERM, signal.SIGINT)
# One that dies as soon as it is started is not started again at once.
SHORT_LIFE, PAUSE = 5.0, 1.0

Serve = Callable[[int, Callable[[], None]], None]


class Workers:
    """Runs `serve(place, ready)` in so many processes until a signal, which each of them gets too."""

    def __init__(self, count: int, serve: Serve, listeners: Sequence[socket.socket]) -> None:
        """`listeners` are closed here at the signal: nobody shall wait in them for those who go."""
        self._count = count
        self._serve = serve
        self._listeners = listeners
        self._places: dict[int, tuple[int, float]] = {}  # by process: which one it is, and since when
        self._stopping = False
        self._failed = False

    def run(self, ready: Callable[[], None]) -> bool:
        """Serve; `ready` is called when all are. Whether each ended in order."""
        for sign in SIGNS:
            signal.signal(sign, self._pass_on)
        hearing, telling = os.pipe()
        for place in range(self._count):
            self._start(place, telling)
        os.close(telling)
        if len(_read_all(hearing)) == self._count:
            ready()
        os.close(hearing)
        self._keep()
        return not self._failed

    def _keep(self) -> None:
        while self._places:
            process, status = os.wait()
            place, since = self._places.pop(process)
            code = os.waitstatus_to_exitcode(status)
            if self._stopping:
                self._failed |= code != 0
                continue
            logger.error("edge %d ended by itself (%s); starting it again.", place + 1, code)
            if time.monotonic() - since < SHORT_LIFE:
                time.sleep(PAUSE)
            self._start(place)

    def _start(self, place: int, telling: int | None = None) -> None:
        # No signal in between: it would miss this child, or find it with the parent's handlers.
        with _held_back():
            if self._stopping:
                return
            parent = os.getpid()
            process = os.fork()
            if process:
                self._places[process] = place, time.monotonic()
                return
            for sign in SIGNS:
                signal.signal(sign, signal.SIG_DFL)
        self._be_child(place, telling, parent)

    def _be_child(self, place: int, telling: int | None, parent: int) -> None:
        code = 1
        try:
            ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
            if os.getppid() == parent:
                self._serve(place, lambda: _tell(telling))
                code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            # Nothing of the parent's is this process's to tidy up.
            os._exit(code)

    def _pass_on(self, number: int, frame: object) -> None:
        self._stopping = True
        for listener in self._listeners:
            listener.close()
        for process in list(self._places):
            with suppress(ProcessLookupError):
                os.kill(process, number)


@contextmanager
def _held_back() -> Iterator[None]:
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNS)


def _tell(telling: int | None) -> None:
    if telling is not None:
        os.write(telling, b".")
        os.close(telling)


def _read_all(descriptor: int) -> bytes:
    heard = b""
    while more := os.read(descriptor, 4096):
        heard += more
    return heard
