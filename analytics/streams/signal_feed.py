"""The stream of datapoints' windows: those of the past first, then each as it fills and ends."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from analytics.servers import shown, stored
from analytics.servers.hub import SignalHub, ToldWindow
from analytics.servers.stored import Wanted
from analytics.streams import server_sent
from analytics.streams.open_streams import Cut
from tracker.signals.datapoint import Series
from tracker.signals.name_patterns import NamePatterns
from tracker.signals.windows import Row

# Windows that wait for a slow client: 10,000 series, twice.
WAITING_MOST = 20_000
# Of the past; who wants more asks GET /api/v1/signals.
SERIES_MOST, WINDOWS_MOST = 200, 20_000


class StoredPast(NamedTuple):
    """Windows that were stored; `complete`: whether these are all since the moment that was asked for."""

    series: list[tuple[Series, list[Row]]]
    since: int
    complete: bool


class SignalFeed:
    """One stream's windows. While its client is slow, a window that fills replaces what it was before."""

    def __init__(
        self,
        hub: SignalHub,
        ask: Callable[[Callable[[], StoredPast]], Awaitable[StoredPast]],
        wanted: Wanted,
        seconds: int,
        minutes: int,
        news: asyncio.Event,
    ) -> None:
        """`ask`: asks Postgres. `seconds`: how long windows are. `minutes`: of the past, to begin with."""
        self.names = wanted.names
        self._hub, self._ask, self._wanted = hub, ask, wanted
        self._news = news
        self._seconds, self._minutes = seconds, minutes
        self._patterns = NamePatterns(wanted.names)
        self._waiting: dict[tuple[Series, int], ToldWindow] = {}
        self._ended_at = 0

    def open(self) -> None:
        """Hear of windows."""
        self._hub.watch(self)

    def close(self) -> None:
        """Hear of them no more."""
        self._hub.leave(self)

    def wants(self, series: Series) -> bool:
        """Whether it shows this one."""
        return self._patterns.keep(series.name) and self._wanted.shows(series)

    def told(self, window: ToldWindow) -> None:
        """A window has ended, or filled further."""
        row = window.row
        if row.seconds == self._seconds and len(self._waiting) <= WAITING_MOST:
            self._waiting[row.series, row.at] = window
            self._news.set()

    async def first(self, had: str) -> str:
        """The past as a snapshot; for a client that comes back, the windows since its last one."""
        now = time.time()
        since = int(had) if had.isascii() and had.isdecimal() and len(had) < 12 else None
        begin = now - self._minutes * 60 if since is None else since
        past = await self._ask(lambda: self._past(begin, now))
        self._ended_at = max(
            [int(begin) // self._seconds * self._seconds, *(rows[-1].at for _, rows in past.series if rows)]
        )
        if since is None or not past.complete:
            return self._snapshot(past)
        return "".join(
            self._event(ToldWindow(row, True, now).data) for _, rows in past.series for row in rows
        )

    def take(self) -> str:
        """What has come since. Raises Cut."""
        if len(self._waiting) > WAITING_MOST:
            raise Cut
        waiting, self._waiting = self._waiting, {}
        ended = (window.row.at for window in waiting.values() if window.ended)
        self._ended_at = max(ended, default=self._ended_at)
        return "".join(self._event(window.data) for window in waiting.values())

    def _event(self, data: str) -> str:
        # Whoever comes back is told the windows of that moment again, which are the same.
        return server_sent.event("signal", data, str(self._ended_at))

    def _snapshot(self, past: StoredPast) -> str:
        said: dict[str, Any] = {
            "seconds": self._seconds,
            "since": past.since,
            "complete": past.complete,
            "series": [
                {**shown.series(series), "windows": [shown.window(row) for row in rows]}
                for series, rows in past.series
            ],
        }
        return server_sent.event("snapshot", msgspec.json.encode(said).decode(), str(self._ended_at))

    def _past(self, begin: float, now: float) -> StoredPast:
        found = list(stored.matching(self._wanted)[: SERIES_MOST + 1])
        series = {row.pk: stored.series_of(row) for row in found[:SERIES_MOST]}
        kept = stored.kept_seconds()[self._seconds]
        room = WINDOWS_MOST // max(1, len(series)) * self._seconds
        since = max(int(begin) // self._seconds * self._seconds, now - kept, now - room)
        windows = stored.windows(series, self._seconds, since, now)
        complete = len(found) <= SERIES_MOST and since <= begin
        return StoredPast([(series[number], rows) for number, rows in windows.items()], int(since), complete)
