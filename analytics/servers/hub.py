"""Hears of the windows that somebody here looks at, from the process that gathers datapoints.

One connection for all streams of this process, and only while there are some; what is told is encoded once.
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import msgspec

from analytics.servers import shown
from tracker.liveness.activity import Activities, go_on
from tracker.signals.datapoint import Series
from tracker.signals.exchange_messages import LINE_MOST, Answered, Follow, Told, line
from tracker.signals.windows import Row

AGAIN_SECONDS = 1.0


class ToldWindow:
    """A window that was told of, and its JSON for whoever wants it."""

    def __init__(self, row: Row, ended: bool, now: float) -> None:
        """`now`: seconds since 1970."""
        self.row, self.ended, self._now = row, ended, now

    @cached_property
    def data(self) -> str:
        """As streams say it: the series, whether the window fills still, and what it came to."""
        window = msgspec.to_builtins(shown.window(self.row, None if self.ended else self._now))
        said: dict[str, Any] = {
            **shown.series(self.row.series),
            "seconds": self.row.seconds,
            "ended": self.ended,
            **window,
        }
        return msgspec.json.encode(said).decode()


class Watcher(Protocol):
    """Whoever looks at series."""

    @property
    def names(self) -> Iterable[str]:
        """The names that it looks at; `*` stands for any text."""

    def wants(self, series: Series) -> bool:
        """Whether it looks at this one."""

    def told(self, window: ToldWindow) -> None:
        """A window has ended, or filled further."""


class SignalHub:
    """The windows of one web process."""

    def __init__(self, path: Path | None, activities: Activities) -> None:
        """`path`: where the process that gathers them listens; None where there is none."""
        self.path = path
        self._activity = activities.new("Hearing of datapoints")
        self._watchers: set[Watcher] = set()
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    def watch(self, watcher: Watcher) -> None:
        """Tell this one from now on."""
        self._watchers.add(watcher)
        self._follow()
        if self._task is None and self.path:
            self._task = asyncio.create_task(go_on(self._activity, self._hear))

    def leave(self, watcher: Watcher) -> None:
        """Tell it no more; without anybody, nothing is heard."""
        self._watchers.discard(watcher)
        if self._watchers:
            self._follow()
        elif self._task:
            self._task.cancel()
            self._task = None
            self._activity.ended()

    def _follow(self) -> None:
        if self._writer:
            names = sorted({name for watcher in self._watchers for name in watcher.names})
            self._writer.write(line(Follow(names)))

    async def _hear(self) -> None:
        while True:
            # One that is away is about to be started again.
            with suppress(OSError):
                await self._listen()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _listen(self) -> None:
        reader, self._writer = await asyncio.open_unix_connection(self.path, limit=LINE_MOST)
        decoder = msgspec.json.Decoder(Answered)
        try:
            self._follow()
            while text := await reader.readline():
                answer = decoder.decode(text)
                if isinstance(answer, Told):
                    self._tell(answer)
                self._activity.progressed()
        finally:
            self._writer.close()
            self._writer = None

    def _tell(self, told: Told) -> None:
        now = time.time()
        for row in told.rows:
            window = ToldWindow(row, told.ended, now)
            for watcher in self._watchers:
                if watcher.wants(row.series):
                    watcher.told(window)
