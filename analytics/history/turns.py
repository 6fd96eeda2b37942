"""Turns at the processors: so many questions are worked at, and who waits for something lets others work."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

# How often is looked whether anybody still waits for an answer.
LOOK_SECONDS = 0.1


class GivenUp(Exception):
    """Nobody waits for this answer any more."""


class Turns:
    """So many at once; each by the number of its question, for several threads."""

    def __init__(self, most: int) -> None:
        self._free = threading.Semaphore(most)
        self._given_up: set[int] = set()
        self._mine = threading.local()

    @contextmanager
    def turn(self, number: int) -> Iterator[None]:
        """This thread's turn, for the question of this number. Raises GivenUp."""
        self._mine.number = number
        self._take()
        try:
            yield
        finally:
            if self._mine.held:
                self._let_go()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Within a turn: others have it meanwhile. Raises GivenUp."""
        self._let_go()
        try:
            yield
        finally:
            self._take()

    def give_up(self, number: int) -> None:
        """Whoever waits for a turn for this question gets none."""
        self._given_up.add(number)

    def forget(self, number: int) -> None:
        """This question is over."""
        self._given_up.discard(number)

    def _take(self) -> None:
        self._mine.held = False
        while not self._free.acquire(timeout=LOOK_SECONDS):
            if self._mine.number in self._given_up:
                raise GivenUp
        self._mine.held = True

    def _let_go(self) -> None:
        self._mine.held = False
        self._free.release()
