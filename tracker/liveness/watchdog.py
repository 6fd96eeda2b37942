"""Ends a program that hangs, and before that sends nobody there any more.

A process that is stopped, or spins, holds its sockets all the same: pages would wait in them for ever. So
each must say that it is there, or answer when it is asked.
"""

import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

logger = logging.getLogger(__name__)

# How often it is looked whether a program lives.
LOOK_SECONDS = 0.5
# How often a program is asked that gives no signs by itself.
ASK_SECONDS = 2.0
# How much of its patience a process has used up when nobody is sent there any more.
ASIDE_PART = 0.4
# … and not before two of its signs are missing, however impatient: one each second may be a little late.
LEAST_ASIDE_SECONDS = 2.0
# One that is just being started may have to wait for its turn, or for others.
START_SECONDS = 60.0
# Not looked at for so long, this process was itself stopped: what was said meanwhile must be heard first.
ABSENT_SECONDS = 5.0


class SignsOfLife(Protocol):
    """How a process is known to live."""

    def last(self, process: int) -> float | None:
        """When it last gave a sign, by the steady clock; None before its first."""


class Asked:
    """Signs of a program that does not give any by itself: it is asked, and answers or not."""

    def __init__(self, answers: Callable[[], bool]) -> None:
        """`answers`: asks, and says whether there was an answer, in a second or two."""
        self._answers = answers
        self._asked_at = float("-inf")
        self._answered: tuple[int, float] | None = None

    def last(self, process: int) -> float | None:
        """When it last answered, by the steady clock; it is asked again now and then."""
        if time.monotonic() - self._asked_at > ASK_SECONDS:
            if self._answers():
                self._answered = process, time.monotonic()
            self._asked_at = time.monotonic()
        return self._answered[1] if self._answered and self._answered[0] == process else None


class Aside:
    """Takes a process out of use: proxies find nobody under the names of its sockets any more."""

    def __init__(self, *places: Path) -> None:
        self._places = places

    def take(self) -> None:
        """Hide them, so that whoever comes goes elsewhere; those who are in stay in."""
        for place in self._places:
            with suppress(FileNotFoundError):
                os.rename(place, _hidden(place))

    def bring_back(self) -> None:
        """It lives after all: show them again."""
        for place in self._places:
            with suppress(FileNotFoundError):
                os.rename(_hidden(place), place)

    def forget(self) -> None:
        """It was ended: the next one makes its own."""
        for place in self._places:
            _hidden(place).unlink(missing_ok=True)


def _hidden(place: Path) -> Path:
    return place.with_name(f"{place.name}.aside")


class Watchdog:
    """The watchdog of one program, which may be started again; for the thread that keeps it."""

    def __init__(
        self,
        name: str,
        signs: SignsOfLife,
        patience: float,
        aside: Aside | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`patience`: for how many seconds a process may be silent. `aside`: how it is taken out of use."""
        self._name = name
        self._signs = signs
        self._patience = patience
        self._aside = aside or Aside()
        self._clock = clock
        self._is_aside = False
        self._looked_at = self._back_at = clock()

    def must_end(self, process: int, began: float) -> bool:
        """Look whether a process lives that was started then (steady clock); whether it must be ended."""
        now = self._clock()
        if now - self._looked_at > ABSENT_SECONDS:
            self._back_at = now
        self._looked_at = now
        last = self._signs.last(process)
        if last is not None and last < began:
            last = None  # said by one before it, of the same number
        patience = self._patience if last is not None else max(self._patience, START_SECONDS)
        silent = now - max(began if last is None else last, self._back_at)
        if silent > patience:
            logger.error(
                "%s has given no sign of life for %.0f s: it is ended, and started again. "
                "(To keep one that a debugger stopped, start with FOOTFALL_WATCHDOG=0.)",
                *(self._name, silent),
            )
            return True
        self._set_aside(silent > max(patience * ASIDE_PART, LEAST_ASIDE_SECONDS))
        return False

    def ended(self) -> None:
        """The process is gone; the next one makes sockets of its own."""
        self._moved(self._aside.forget)
        self._is_aside = False

    def _set_aside(self, aside: bool) -> None:
        if aside == self._is_aside:
            return
        self._is_aside = aside
        if aside:
            logger.warning("%s gives no sign of life: nobody is sent there.", self._name)
            self._moved(self._aside.take)
        else:
            logger.warning("%s gives signs of life again.", self._name)
            self._moved(self._aside.bring_back)

    def _moved(self, move: Callable[[], None]) -> None:
        """Whatever becomes of its sockets, the process is watched on."""
        try:
            move()
        except OSError as error:
            logger.warning("%s: its sockets cannot be moved (%s)", self._name, type(error).__name__)
