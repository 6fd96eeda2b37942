"""Waits for Postgres in a thread of its own, so that pages need not.

No timeout tells a server that hangs from one that is slow. So a piece of work is never broken off: whoever
does not want to wait any longer goes on without its answer.
"""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar, cast

T = TypeVar("T")


class Unanswered(Exception):
    """Postgres has not answered yet; the work goes on."""


class _Work:
    """What is asked of Postgres, and what became of it."""

    def __init__(self, name: object, do: Callable[[], object]) -> None:
        self.name = name
        self.since = time.monotonic()
        self.over = threading.Event()
        self.found: object = None
        self.error: BaseException | None = None
        self._do = do

    def run(self) -> None:
        try:
            self.found = self._do()
        except BaseException as error:
            # Whatever it is, whoever asked hears it: this thread must go on, or nobody is answered any more.
            self.error = error
        self.over.set()


class PostgresThread:
    """Does work with Postgres for one thread."""

    def __init__(self) -> None:
        self._out: _Work | None = None
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="postgres", daemon=True)

    def out_for(self) -> float:
        """Since when Postgres owes an answer, in seconds; 0 when it does not."""
        return 0.0 if self._out is None or self._out.over.is_set() else time.monotonic() - self._out.since

    def ask(self, name: object, work: Callable[[], T], patience: float) -> T:
        """What the work gives; raises what it raises, or Unanswered after `patience` seconds.

        Whoever asks again under the same name (the same object) waits for the work that is under way already;
        whoever asks under another one waits for that one's end, and nobody hears how it went.
        """
        until = time.monotonic() + patience
        if self._out and self._out.name is not name:
            self._wait(self._out, until)
            self._out = None
        if self._out is None:
            self._out = _Work(name, work)
            if not self._thread.is_alive():
                self._thread.start()
            self._queue.put(self._out)
        out = self._out
        self._wait(out, until)
        self._out = None
        if isinstance(out.error, Exception):
            raise out.error
        if out.error:
            # Nothing may end the threads here but their own end.
            raise RuntimeError("a thread was told to end") from out.error
        return cast(T, out.found)

    def close(self, work: Callable[[], object], patience: float) -> bool:
        """End the thread after this last piece of work; False when that is not over in time."""
        last = _Work(self, work)
        if not self._thread.is_alive():
            self._thread.start()
        self._queue.put(last)
        self._queue.put(None)
        return last.over.wait(patience)

    def _wait(self, work: _Work, until: float) -> None:
        if not work.over.wait(max(0.0, until - time.monotonic())):
            raise Unanswered

    def _run(self) -> None:
        while work := self._queue.get():
            work.run()
