"""Takes the vitals of this process: what it holds, hears, waits for and costs."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tracker.across.vitals import Vitals
from tracker.storing.buffer import WriteBuffer

SAMPLE_SECONDS = 1.0
STATM = Path("/proc/self/statm")


class Holder(Protocol):
    """What the vitals are taken of: a `tracker.edge.edge.Edge`."""

    messages: int
    buffer: WriteBuffer

    @property
    def problem(self) -> str: ...

    @property
    def notice(self) -> str: ...

    room: int

    def held(self) -> int: ...


class Pulse:
    """Takes the vitals of this process, once a second at most."""

    def __init__(self, holder: Callable[[], Holder | None]) -> None:
        self._holder = holder
        self._taken_at = float("-inf")  # steady clock
        self._messages = 0
        self._cpu = 0.0
        self._vitals = Vitals()

    def take(self) -> Vitals:
        """The vitals of this second: taken anew, or those that were taken less than SAMPLE_SECONDS ago."""
        now = time.monotonic()
        if (elapsed := now - self._taken_at) < SAMPLE_SECONDS:
            return self._vitals
        edge = self._holder()
        messages, cpu = edge.messages if edge else 0, time.process_time()
        self._vitals = Vitals(
            sockets=edge.held() if edge else 0,
            messages=round((messages - self._messages) / elapsed, 1),
            delay=round(max(edge.buffer.delay, edge.buffer.oldest_age()), 3) if edge else 0.0,
            depth=edge.buffer.depth if edge else 0,
            cpu=round((cpu - self._cpu) / elapsed, 3),
            memory=_memory(),
            problem=edge.problem or edge.notice if edge else "",
            room=edge.room if edge else 0,
        )
        self._taken_at, self._messages, self._cpu = now, messages, cpu
        return self._vitals


def _memory() -> int:
    """Bytes of this process that are in memory; 0 where there is no /proc."""
    try:
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
