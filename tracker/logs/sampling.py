"""Few lines of each kind: a flood of requests is no flood of the log, and what was left out is counted."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable

MOST, SECONDS = 10, 60.0
# Kinds that are told apart in one minute; whatever comes beyond them is one kind more.
KINDS = 1000

Kind = tuple[str, int, str]


class Sampled(logging.Filter):
    """Lets the first records of each kind and minute through; the next that comes says how many did not."""

    def __init__(
        self, most: int = MOST, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`most`: records of a kind (logger, level, message before its arguments) in so many `seconds`."""
        super().__init__()
        self._most, self._seconds, self._clock = most, seconds, clock
        self._counting = threading.Lock()
        self._since = clock()
        self._seen: Counter[Kind] = Counter()
        self._left_out: Counter[Kind] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        kind = record.name, record.levelno, str(record.msg)
        with self._counting:
            self._turn_over()
            if kind not in self._seen and len(self._seen) >= KINDS:
                kind = "", 0, ""
            self._seen[kind] += 1
            if self._seen[kind] > self._most:
                self._left_out[kind] += 1
                return False
            left_out = self._left_out.pop(kind, 0)
        if left_out:
            record.msg, record.args = f"%s ({left_out} more like this were left out)", (record.getMessage(),)
        return True

    def _turn_over(self) -> None:
        now = self._clock()
        if now - self._since < self._seconds:
            return
        self._since = now
        self._seen.clear()
        while len(self._left_out) > KINDS:
            self._left_out.popitem()
