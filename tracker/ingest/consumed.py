"""What became of a broker's messages so far, and how people are told."""

import time
from collections import Counter
from collections.abc import Callable

TOLD_SECONDS, TOLD_SECONDS_IN_FILES = 1.0, 30.0


class Consumed:
    """Counted since the start."""

    def __init__(self) -> None:
        self.messages = self.stored = self.there = 0
        self.refused: Counter[str] = Counter()

    def sentence(self, lost: int) -> str:
        """All of it in a sentence. `lost`: messages that could not be held."""
        said = [f"{self.messages:,} messages", f"{self.stored:,} stored"]
        if self.there:
            said.append(f"{self.there:,} there already")
        if self.refused:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.refused.most_common())
            said.append(f"{self.refused.total():,} passed over ({reasons})")
        if lost:
            said.append(f"{lost:,} lost: they came faster than they could be kept")
        return ", ".join(said)


class ConsumeProgress:
    """Tells now and then how far it is, and at once what it waits for."""

    def __init__(self, consumed: Consumed, write: Callable[[str], None], terminal: bool) -> None:
        """`write`: takes a text as it is; on a terminal a line of progress is written over."""
        self._consumed, self._write, self._terminal = consumed, write, terminal
        self._told_at, self._told_messages = time.monotonic(), 0
        self._open = False  # whether a line of progress stands there without its end
        self._waits_for = self._begins = ""

    def begins(self, what: str) -> None:
        """What is told as soon as the broker is there."""
        self._begins = what

    def opened(self) -> None:
        """The broker is there, or again."""
        self.goes_on()
        if self._begins:
            self.line(self._begins)
            self._begins = ""

    def turn(self, lost: int) -> None:
        """Once a second."""
        now = time.monotonic()
        seconds = now - self._told_at
        if seconds < (TOLD_SECONDS if self._terminal else TOLD_SECONDS_IN_FILES):
            return
        came = self._consumed.messages - self._told_messages
        self._told_at, self._told_messages = now, self._consumed.messages
        if not came and not self._terminal:
            return
        text = f"{self._consumed.sentence(lost)}; {came / seconds:,.0f} a second"
        self._write(f"\r{text}\x1b[K" if self._terminal else f"{text}\n")
        self._open = self._terminal

    def line(self, text: str) -> None:
        """A line of its own."""
        self._write(f"\n{text}\n" if self._open else f"{text}\n")
        self._open = False

    def waits(self, what: str) -> None:
        """It waits for something; told once, until it got on."""
        if what != self._waits_for:
            self._waits_for = what
            self.line(f"{what} Trying again, with pauses that grow.")

    def goes_on(self) -> None:
        """What it waited for is there."""
        if self._waits_for:
            self._waits_for = ""
            self.line("Going on.")
