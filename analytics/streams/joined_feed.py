"""Several feeds in one stream: its client keeps one connection, and hears of all."""

import asyncio
from collections.abc import Sequence
from typing import Protocol


class Feed(Protocol):
    """One part of what a stream tells. Whoever makes it says with which event it tells of news."""

    def open(self) -> None:
        """Begin to gather what happens."""

    async def first(self, had: str) -> str:
        """What it begins with; `had`: the last id of a client that comes back. Raises DatabaseError."""

    def take(self) -> str:
        """What has come since, as events; raises Cut."""

    def close(self) -> None:
        """Gather no more."""


class JoinedFeed:
    """One stream's share of several feeds, which set one event."""

    def __init__(self, news: asyncio.Event, feeds: Sequence[Feed]) -> None:
        self.news = news
        self._feeds = feeds

    def open(self) -> None:
        """Begin to gather what happens."""
        for feed in self._feeds:
            feed.open()

    async def first(self, had: str) -> str:
        """What they begin with, one after the other. Raises DatabaseError."""
        return "".join([await feed.first(had) for feed in self._feeds])

    def take(self) -> str:
        """What has come since; raises Cut."""
        return "".join(feed.take() for feed in self._feeds)

    def close(self) -> None:
        """Gather no more."""
        for feed in self._feeds:
            feed.close()
