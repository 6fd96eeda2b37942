"""How far long work is, in a line every few seconds."""

import time
from collections.abc import Callable

EVERY_SECONDS = 2.0


class ProgressLines:
    """Says how much of something is done, unless it has just said so."""

    def __init__(
        self,
        say: Callable[[str], None],
        what: str,
        unit: str,
        total: int = 0,
        every: float = EVERY_SECONDS,
    ) -> None:
        """`total`: how many there are, where that is known; `every` in seconds."""
        self._every = every
        self._say, self._what, self._unit, self._total = say, what, unit, total
        self._said_at = time.monotonic()

    def at(self, done: int, more: str = "") -> None:
        """`done` of it are done."""
        if time.monotonic() - self._said_at < self._every:
            return
        self._said_at = time.monotonic()
        share = f" ({min(100, done * 100 // self._total)} %)" if self._total else ""
        self._say(f"  {self._what}: {done:,} {self._unit}{share}{more} …")
