"""What boards ask of Postgres beside their socket: in threads of its own, once for all who ask the same.

A day of 500,000 page views takes seconds to sweep. In Django's one thread for synchronous code every other
page would wait for it; and boards that show the same would have it swept once each.
"""

import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import connection

from analytics.queries.time_limit import TooMuch, time_limit
from analytics.queries.turns import elsewhere

T = TypeVar("T")

THREADS = 2
# What takes longer is given up: it would be old before it was there.
PATIENCE_SECONDS = 15
# Whoever comes when so many wait would not be answered in time.
MOST_WAITING, MOST_KEPT = 32, 128
# An answer serves for so many times what it cost, so that no curve ever takes more than a fifth of a core.
REST = 4


class SharedAnswers:
    """The answers of the last seconds, and those that are being made; for one event loop."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="answers")
        self._kept: dict[Hashable, Future[tuple[Any, float]]] = {}

    async def get(self, key: Hashable, made: Callable[[], T], fresh: float = 0.0) -> T:
        """What `made` returns, or did for this key at most `fresh` seconds (or REST times its cost) ago.

        It runs in a thread, in a transaction of its own. Raises what it raises, and TooMuch.
        """
        future = self._kept.get(key)
        if future is None or _is_over(future):
            self._forget()
            future = self._kept[key] = self._threads.submit(_make, made, fresh)
        answer, _ = await elsewhere(future)
        if isinstance(answer, TooMuch):
            raise answer
        return answer  # type: ignore[no-any-return]  # one key, one kind of answer

    def _forget(self) -> None:
        """Make room for one more answer. Raises TooMuch when too many are being made."""
        self._kept = {key: future for key, future in self._kept.items() if not _is_over(future)}
        if sum(not future.done() for future in self._kept.values()) >= MOST_WAITING:
            raise TooMuch("Too much is being asked at once.")
        while len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]


def _is_over(future: Future[tuple[Any, float]]) -> bool:
    if not future.done():
        return False
    return future.exception() is not None or time.monotonic() >= future.result()[1]


def _make(made: Callable[[], T], fresh: float) -> tuple[T | TooMuch, float]:
    """The answer, and until when it serves, by the steady clock; that it is too much is an answer too."""
    began = time.monotonic()
    answer: T | TooMuch
    try:
        with time_limit(PATIENCE_SECONDS):
            answer = made()
    except TooMuch as too_much:
        answer = too_much
    finally:
        # These threads see no request end, after which Django would do it.
        connection.close()
    ended = time.monotonic()
    return answer, ended + max(fresh, REST * (ended - began)) if fresh else ended
