"""A stream of logs' lines: the last ones first, then those that come; for a slow client the newest."""

import asyncio
from collections import deque
from collections.abc import Sequence

import msgspec

from analytics.servers.log_hub import LogHub
from analytics.streams import server_sent
from tracker.signals.exchange_messages import Lines
from tracker.signals.log_text import LINES_MOST, LogText
from tracker.signals.name_patterns import NamePatterns


class ShownLine(msgspec.Struct, frozen=True):
    """A line, and when it was read, in seconds since 1970."""

    number: int
    at: float
    text: str


class ShownLines(msgspec.Struct, frozen=True):
    """Lines of a log as streams say them. `source`: of who follows it, where several logs have one name.

    `passed`: how many more came before them. `anew`: instead of all that was told of this source before.
    """

    name: str
    source: str
    anew: bool
    passed: int
    ended: bool
    lines: list[ShownLine]


class SourceLines:
    """What waits of one source for the client of one stream."""

    def __init__(self, name: str, run: str) -> None:
        self._name, self._run = name, run
        self._waiting: deque[LogText] = deque(maxlen=LINES_MOST)
        self._number = 0  # of the last that waits or was told
        self._passed = 0
        self._begun = self._anew = self._ended = self._news = False

    def add(self, said: Lines) -> None:
        """Lines have come; those that are here already are passed over."""
        if not (self._begun or said.whole):
            return  # the last lines are on their way, and these among them
        if said.anew:
            # Also of one that begins here: its client may have lines of a stream before.
            self._waiting.clear()
            self._passed, self._anew, self._begun = 0, True, False
        known = self._number if self._begun else said.first - 1
        lines = said.lines[max(0, known + 1 - said.first) :]
        last = max(known, said.first + len(said.lines) - 1)
        more = last - len(lines) - known
        self._news = self._news or bool(lines) or more > 0 or self._anew or said.ended
        self._passed += more + max(0, len(self._waiting) + len(lines) - LINES_MOST)
        self._waiting.extend(lines)
        self._number, self._begun, self._ended = last, True, said.ended

    def take(self) -> ShownLines | None:
        """What waits, if anything does."""
        if not self._news:
            return None
        first = self._number - len(self._waiting) + 1
        lines = [ShownLine(first + place, line.at, line.text) for place, line in enumerate(self._waiting)]
        shown = ShownLines(self._name, self._run, self._anew, self._passed, self._ended, lines)
        self._waiting.clear()
        self._passed, self._anew, self._news = 0, False, False
        return shown


class LogFeed:
    """One stream's share of the logs with some names."""

    def __init__(self, hub: LogHub, names: Sequence[str], news: asyncio.Event) -> None:
        """`names`: `*` stands for any text."""
        self.logs = names
        self._hub, self._news = hub, news
        self._patterns = NamePatterns(names)
        self._sources: dict[tuple[str, str], SourceLines] = {}

    def open(self) -> None:
        """Hear of lines."""
        self._hub.watch(self)

    def close(self) -> None:
        """Hear of them no more."""
        self._hub.leave(self)

    def heard(self, lines: Lines) -> None:
        """Lines of a log."""
        if self._patterns.keep(lines.name):
            key = (lines.name, lines.run)
            self._sources.setdefault(key, SourceLines(*key)).add(lines)
            self._news.set()

    async def first(self, had: str) -> str:
        """Nothing: the last lines come as soon as who follows the logs has said them."""
        return ""

    def take(self) -> str:
        """The lines that have come since."""
        told = ""
        for key, source in list(self._sources.items()):
            shown = source.take()
            if shown:
                told += server_sent.event("log", msgspec.json.encode(shown).decode())
                if shown.ended:
                    del self._sources[key]
        return told
