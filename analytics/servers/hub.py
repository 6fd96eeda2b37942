"""Hears of the windows that somebody here looks at, from the process that gathers datapoints.

One connection for all streams of this process, and only while there are some; what is told is encoded once.
"""

import time
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import msgspec

from analytics.servers import shown
from analytics.servers.exchange_link import ExchangeLink
from tracker.liveness.activity import Activities
from tracker.signals.datapoint import Series
from tracker.signals.exchange_messages import Answered, Follow, Told
from tracker.signals.windows import Row


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
        self._link = ExchangeLink(path, activities.new("Hearing of datapoints"), self._ask, self._hear)
        self._watchers: set[Watcher] = set()

    def watch(self, watcher: Watcher) -> None:
        """Tell this one from now on."""
        self._watchers.add(watcher)
        self._link.need()

    def leave(self, watcher: Watcher) -> None:
        """Tell it no more; without anybody, nothing is heard."""
        self._watchers.discard(watcher)
        if self._watchers:
            self._link.need()
        else:
            self._link.end()

    def _ask(self) -> Follow:
        return Follow(sorted({name for watcher in self._watchers for name in watcher.names}))

    def _hear(self, answer: Answered) -> None:
        if isinstance(answer, Told):
            self._tell(answer)

    def _tell(self, told: Told) -> None:
        now = time.time()
        for row in told.rows:
            window = ToldWindow(row, told.ended, now)
            for watcher in self._watchers:
                if watcher.wants(row.series):
                    watcher.told(window)
