"""The stream of a site: the snapshots that boards are sent, and each page view and event as it happens."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from analytics.board.stream import BoardStream, Cursor
from analytics.board.ticker import Ticker
from analytics.live import stored_stream
from analytics.live.snapshot import encode, news, with_member
from analytics.streams import server_sent
from tracker.live.filters import Filters
from tracker.live.stream import Happening
from tracker.models import Site

# Of what a client that comes back has missed.
RESUMED_MOST, RESUMED_SPAN = 500, timedelta(hours=1)
# Page views are stored some milliseconds after they begin, and clocks of several edges differ.
LATE = timedelta(seconds=2)


class Resumed(msgspec.Struct):
    """From when on a client that came back is told what it missed, and whether that is all."""

    since: str
    complete: bool


class LiveFeed:
    """One stream's share. Of snapshots the latest wins, as on boards."""

    def __init__(
        self,
        ticker: Ticker,
        ask: Callable[[Callable[[], list[Happening]]], Awaitable[list[Happening]]],
        site: Site,
        filters: Filters,
        news: asyncio.Event,
    ) -> None:
        """`ask`: asks Postgres."""
        self._news = news
        self._ticker, self._ask = ticker, ask
        self._site, self._filters = site, filters
        self._stream: BoardStream | None = None
        self._cursor: Cursor | None = None
        self._pending: tuple[int, str] | None = None
        self._seq = 0
        self._last = 0.0

    def open(self) -> None:
        """Hear of the site."""
        self._stream = self._ticker.join(self._site, self, self._filters)

    def close(self) -> None:
        """Hear of it no more."""
        self._ticker.leave(self._site, self, self._filters)

    def offer(self, seq: int, text: str) -> None:
        """Take a snapshot."""
        if seq > self._seq:
            self._seq, self._pending = seq, (seq, text)
            self._news.set()

    async def first(self, had: str) -> str:
        """A snapshot of this moment, and what a client that comes back has missed."""
        seq, text = await self._ticker.first(self._site, self._filters)
        now = datetime.now(UTC)
        self._last = now.timestamp()
        if self._stream:
            self._cursor = self._stream.now()
        since = server_sent.moment(had)
        missed: list[Happening] = []
        if since:
            reached = max(since - LATE, now - RESUMED_SPAN)
            missed = await self._ask(lambda: self._missed(reached))
            complete = reached <= since and len(missed) < RESUMED_MOST
            resumed = Resumed(reached.strftime("%Y-%m-%dT%H:%M:%SZ"), complete)
            text = with_member(text, "resumed", encode(resumed))
        self._seq = max(self._seq, seq)
        if self._pending and self._pending[0] <= seq:
            self._pending = None
        return self._snapshot(text) + self._events(missed)

    def take(self) -> str:
        """The latest snapshot, and what has happened up to it."""
        if self._pending is None or self._stream is None:
            return ""
        (_, text), self._pending = self._pending, None
        more, happenings, self._cursor = self._stream.happened(self._cursor)
        if more:
            text = with_member(text, "missed", str(more))
        events = self._events(happenings)
        return self._snapshot(text) + events

    def _snapshot(self, text: str) -> str:
        return server_sent.event("snapshot", text, f"{self._last:.3f}")

    def _events(self, newest_first: Iterable[Happening]) -> str:
        happenings = sorted(newest_first, key=lambda each: each.at)
        # Rows as boards have them, and their ids, by which a client knows what it was told twice.
        said = []
        for happening, row in zip(happenings, news(0, happenings).rows, strict=True):
            self._last = max(self._last, happening.at)
            data = with_member(encode(row), "id", f'"{happening.id}"')
            name = "event" if happening.event else "view"
            said.append(server_sent.event(name, data, f"{self._last:.3f}"))
        return "".join(said)

    def _missed(self, since: datetime) -> list[Happening]:
        return stored_stream.after(self._site.pk, since, self._filters, RESUMED_MOST)
