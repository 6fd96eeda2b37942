"""Where other processes of Footfall send datapoints, and hear of the windows of series that they show.

It stands between the windows and who stores them. One connection is one process, which asks for all that its
browsers and programs look at. Lines of logs pass here, too (`log_relay`).
"""

import asyncio
import logging
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress

import msgspec

from tracker.liveness.activity import Activity, go_on
from tracker.signals import json_points
from tracker.signals.datapoint import Datapoint, NotADatapoint, Series
from tracker.signals.exchange_messages import (
    LINE_MOST,
    Answered,
    Asked,
    Follow,
    StoredViews,
    Take,
    Taken,
    Told,
    WatchSites,
    line,
)
from tracker.signals.log_relay import LogRelay
from tracker.signals.name_patterns import NamePatterns
from tracker.signals.signals import Signals
from tracker.signals.site_relay import SiteRelay
from tracker.signals.windows import SERIES_MOST, Row

logger = logging.getLogger(__name__)

# A signal is on a chart within a second of being sent: half for this, half for the way.
TELL_SECONDS = 0.5
# Of windows that fill, told in one go: 500 are 5 ms. Those beyond are told when they have ended.
FILLING_MOST = 500
PORTION = 1000
# Names that are made up without end must not be known for ever.
KEPT_MOST = 2 * SERIES_MOST
# What ended while somebody who follows now was still reading the tables is told once more.
RECENT = 3
# Who does not read that much is not there any more.
UNREAD_MOST = 16 * 1024 * 1024


class Follower:
    """One process at the other end: it sends datapoints, shows windows, or has to do with logs."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._patterns = NamePatterns([])
        self._kept: dict[Series, bool] = {}
        self._told: dict[Series, float] = {}  # how many values of the window that fills it knows

    def follow(self, names: Iterable[str]) -> None:
        """Follow these names, and no others."""
        self._patterns = NamePatterns(names)
        self._kept.clear()
        self._told.clear()

    def tell_ended(self, rows: Iterable[Row]) -> None:
        """These have ended."""
        kept = [row for row in rows if self._keeps(row.series)]
        for start in range(0, len(kept), PORTION):
            self.say(Told(True, kept[start : start + PORTION]))

    def begin_window(self) -> None:
        """Windows begin anew, and so what is known of them."""
        self._told.clear()
        if len(self._kept) > KEPT_MOST:
            self._kept.clear()

    def tell_filling(self, signals: Signals) -> None:
        """What has come since the last time."""
        rows: list[Row] = []
        for series, gathered in signals.windows.filling.items():
            if self._keeps(series) and self._told.get(series) != gathered.count:
                self._told[series] = gathered.count
                rows.append(signals.windows.row(series))
                if len(rows) == FILLING_MOST:
                    break
        if rows:
            self.say(Told(False, rows))

    def say_taken(self, number: int) -> None:
        """What was sent under this number is in its windows."""
        self.say(Taken(number))

    def close(self) -> None:
        """End its connection; it comes back where somebody gathers datapoints again."""
        self._writer.close()

    def _keeps(self, series: Series) -> bool:
        kept = self._kept.get(series)
        if kept is None:
            kept = self._kept[series] = self._patterns.keep(series.name)
        return kept

    def say(self, message: Answered) -> None:
        """Tell it this, unless it does not read."""
        transport = self._writer.transport
        if transport.get_write_buffer_size() > UNREAD_MOST:
            transport.abort()
        elif not transport.is_closing():
            self._writer.write(line(message))


class Exchange:
    """Hands windows that ended to who stores them, and tells followers of those and of the ones that fill."""

    def __init__(self, store: Callable[[list[Row]], None]) -> None:
        """`store`: called with the windows that ended."""
        self.activity = Activity("Telling of datapoints")
        self._store = store
        self._recent: deque[list[Row]] = deque(maxlen=RECENT)
        self._followers: set[Follower] = set()
        self.logs = LogRelay()
        self._sites = SiteRelay()

    def put(self, rows: list[Row]) -> None:
        """These windows have ended."""
        self._store(rows)
        self._recent.append(rows)
        for follower in self._followers:
            follower.tell_ended(rows)
            follower.begin_window()

    @asynccontextmanager
    async def open(self, listener: socket.socket, signals: Signals) -> AsyncIterator[None]:
        """Serve whoever connects, until the end."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(reader, writer, signals)

        server = await asyncio.start_unix_server(serve, sock=listener, limit=LINE_MOST)
        telling = asyncio.create_task(go_on(self.activity, lambda: self._tell(signals)))
        try:
            yield
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling
            server.close()
            for follower in list(self._followers):
                follower.close()

    async def _tell(self, signals: Signals) -> None:
        while True:
            await asyncio.sleep(TELL_SECONDS)
            for follower in list(self._followers):
                follower.tell_filling(signals)
            self.activity.progressed()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, signals: Signals
    ) -> None:
        follower = Follower(writer)
        self._followers.add(follower)
        decoder = msgspec.json.Decoder(Asked)
        try:
            while text := await reader.readline():
                self._answer(decoder.decode(text), follower, signals)
        except (OSError, ValueError) as error:
            # A line that is too long or no message is a fault of ours: the other side connects anew.
            logger.warning("signals: lost a process that shows datapoints (%s)", type(error).__name__)
        finally:
            self._followers.discard(follower)
            self.logs.leave(follower)
            self._sites.leave(follower)
            writer.close()

    def _answer(self, asked: Asked, follower: Follower, signals: Signals) -> None:
        if isinstance(asked, WatchSites | StoredViews):
            self._sites.hear(follower, asked)
            return
        if not isinstance(asked, Follow | Take):
            self.logs.hear(follower, asked)
            return
        if isinstance(asked, Follow):
            follower.follow(asked.names)
            for rows in self._recent:
                follower.tell_ended(rows)
            follower.tell_filling(signals)
            return
        datapoints: list[Datapoint] = []
        for point in asked.points:
            try:
                datapoints.append(json_points.read(point))
            except NotADatapoint as refused:
                signals.refused[refused.reason] += 1
        signals.take(datapoints)
        follower.say_taken(asked.number)
