"""Hears of lines of the logs that somebody here looks at, from the process that carries them.

One connection for all streams of this process, and only while there are some. Nothing is kept here.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from analytics.servers.exchange_link import ExchangeLink
from tracker.liveness.activity import Activities
from tracker.signals.exchange_messages import Answered, Lines, ListLogs, Logs, WatchLogs
from tracker.signals.gathering import NobodyGathers, ask


class LogWatcher(Protocol):
    """Whoever looks at logs."""

    @property
    def logs(self) -> Iterable[str]:
        """Their names; `*` stands for any text."""

    def heard(self, lines: Lines) -> None:
        """Lines of a log; perhaps one that it does not look at, or that it has already."""


class LogHub:
    """The logs of one web process."""

    def __init__(self, path: Path | None, activities: Activities) -> None:
        """`path`: where the process that carries lines listens; None where there is none."""
        self._link = ExchangeLink(path, activities.new("Hearing of logs"), self._ask, self._hear)
        self._watchers: set[LogWatcher] = set()

    def watch(self, watcher: LogWatcher) -> None:
        """Tell this one from now on; first of the last lines."""
        self._watchers.add(watcher)
        self._link.need()

    def leave(self, watcher: LogWatcher) -> None:
        """Tell it no more; without anybody, nothing is heard."""
        self._watchers.discard(watcher)
        if self._watchers:
            self._link.need()
        else:
            self._link.end()

    async def names(self) -> list[str]:
        """Which logs are followed; none where no process carries lines. Raises NobodyGathers."""
        if self._link.path is None:
            return []
        answer = await ask(self._link.path, ListLogs())
        if not isinstance(answer, Logs):
            raise NobodyGathers("The process that carries lines does not answer: try again.")
        return answer.names

    def _ask(self) -> WatchLogs:
        return WatchLogs(sorted({name for watcher in self._watchers for name in watcher.logs}))

    def _hear(self, answer: Answered) -> None:
        if isinstance(answer, Lines):
            for watcher in self._watchers:
                watcher.heard(answer)
