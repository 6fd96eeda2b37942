"""Annotations of sites as they are made: flags in streams, whoever made them, in whichever process.

Postgres is asked once a second for all streams of this process, and only while there are some.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from django.db import DatabaseError, InterfaceError

from analytics.models import Annotation
from analytics.saved import annotations
from analytics.streams import server_sent
from tracker.liveness.activity import Activities, go_on
from tracker.models import Site

LOOK_SECONDS: Final = 1.0
# A client that comes back is told again of what was made since its last mark.
MARK_SECONDS: Final = 15.0
# Until one that was made is committed, and clocks of several processes differ.
LATE: Final = timedelta(seconds=10)
# Of what a client that comes back has missed.
MISSED_MOST, MISSED_SPAN = 200, timedelta(days=7)
Ask = Callable[[Callable[[], list[Annotation]]], Awaitable[list[Annotation]]]


class ShownFlag(msgspec.Struct, frozen=True):
    """What happened at a moment, in seconds since 1970, and when that was said."""

    id: int
    site: str
    at: float
    text: str
    made_at: float


class FlagFeed:
    """One stream's share: the annotations of one site."""

    def __init__(
        self, watch: "FlagWatch", ask: Ask, site: Site, news: asyncio.Event, numbers: bool = False
    ) -> None:
        """`ask`: asks Postgres. `numbers`: where nothing else in the stream says by which it goes on."""
        self.site = site
        self._numbers, self._marked_at = numbers, 0.0
        self._watch, self._ask, self._news = watch, ask, news
        self._waiting: list[Annotation] = []

    def open(self) -> None:
        """Hear of them."""
        self._watch.watch(self)

    def close(self) -> None:
        """Hear of them no more."""
        self._watch.leave(self)

    def told(self, flag: Annotation) -> None:
        """One was made."""
        self._waiting = [*self._waiting[1 - MISSED_MOST :], flag]
        self._news.set()

    async def first(self, had: str) -> str:
        """Those that were made since a client that comes back had its last event."""
        since = server_sent.moment(had)
        if since is None:
            return self._mark()
        reached = max(since, datetime.now(UTC) - MISSED_SPAN)
        missed = await self._ask(lambda: annotations.made_since([self.site.pk], reached, MISSED_MOST))
        return self._events(missed) + self._mark()

    def take(self) -> str:
        """Those that were made since."""
        waiting, self._waiting = self._waiting, []
        return self._events(waiting) + self._mark()

    def _mark(self) -> str:
        now = time.time()
        if not self._numbers or now - self._marked_at < MARK_SECONDS:
            return ""
        self._marked_at = now
        return server_sent.mark(f"{now - LATE.total_seconds():.3f}")

    def _events(self, flags: list[Annotation]) -> str:
        return "".join(
            server_sent.event("flag", msgspec.json.encode(self._shown(flag)).decode()) for flag in flags
        )

    def _shown(self, flag: Annotation) -> ShownFlag:
        return ShownFlag(
            flag.pk, self.site.key, flag.at.timestamp(), flag.text, round(flag.created_at.timestamp(), 3)
        )


class FlagWatch:
    """Looks for annotations that are made, for all streams of this process."""

    def __init__(self, ask: Ask, activities: Activities) -> None:
        """`ask`: asks Postgres."""
        self._ask = ask
        self._activity = activities.new("Hearing of annotations")
        self._feeds: set[FlagFeed] = set()
        self._task: asyncio.Task[None] | None = None
        self._since = datetime.now(UTC)
        self._known: dict[int, datetime] = {}

    def watch(self, feed: FlagFeed) -> None:
        """Tell this one from now on."""
        self._feeds.add(feed)
        if self._task is None:
            self._since = datetime.now(UTC)
            self._task = asyncio.create_task(go_on(self._activity, self._run))

    def leave(self, feed: FlagFeed) -> None:
        """Tell it no more; without anybody, nobody is asked."""
        self._feeds.discard(feed)
        if not self._feeds and self._task:
            self._task.cancel()
            self._task = None
            self._activity.ended()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            # Who comes back after Postgres was away is told of what was made since the last look.
            with suppress(DatabaseError, InterfaceError):
                await self._look()
            self._activity.progressed()

    async def _look(self) -> None:
        sites = list({feed.site.pk for feed in self._feeds})
        looked_at, since = datetime.now(UTC), self._since
        made = await self._ask(lambda: annotations.made_since(sites, since, MISSED_MOST))
        self._known = {known: at for known, at in self._known.items() if at > since}
        for flag in made:
            if flag.pk not in self._known:
                self._known[flag.pk] = flag.created_at
                for feed in self._feeds:
                    if feed.site.pk == flag.site_id:
                        feed.told(flag)
        self._since = max(since, looked_at - LATE)
