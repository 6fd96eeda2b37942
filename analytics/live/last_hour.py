"""Page views begun per minute over the last hour: from counters, from Postgres, or from both in turn.

Page views reach Postgres within a second, so a count from there lags by no more.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Generic, TypeVar

import msgspec
from django.db import DatabaseError, InterfaceError
from django.db.models import Count, QuerySet
from django.db.models.functions import TruncMinute

from analytics.queries import filtering
from tracker.contract.records import NO_CONNECTION
from tracker.live.counters import Counters
from tracker.live.filters import Filters
from tracker.models import PageView

logger = logging.getLogger(__name__)
T = TypeVar("T")

SHOWN = 60  # minutes
FILTERED_FRESH_SECONDS, SITES_FRESH_SECONDS, TOLD_FRESH_SECONDS = 2.0, 4.0, 2.0


class LastHour(msgspec.Struct, frozen=True):
    """`views`: SHOWN counts, oldest first; the last one is of `to`, the epoch minute that is running."""

    to: int
    views: list[int]


def last_hour(counts: Mapping[int, int], now: float) -> LastHour:
    """The hour up to `now` (epoch seconds), from page views by the epoch minute they began in."""
    to = int(now // 60)
    return LastHour(to, [counts.get(minute, 0) for minute in range(to - SHOWN + 1, to + 1)])


def live_hour(counters: Counters, before: Mapping[int, int], told: Mapping[int, int], now: float) -> LastHour:
    """The hour that `counters` know, `before` them Postgres, and what servers `told` since: the first two
    know of the minute they began in."""
    parts = (before, counters.minutes, told)
    return last_hour({minute: sum(part.get(minute, 0) for part in parts) for minute in _shown(now)}, now)


def per_minute(views: QuerySet[PageView]) -> QuerySet[PageView, tuple[datetime, int]]:
    """How many of these page views began in each minute in which any did: (minute, views)."""
    begun = views.annotate(minute=TruncMinute("began_at")).values_list("minute")
    return begun.annotate(views=Count("id")).order_by()


def epoch_minute(at: datetime) -> int:
    """The minute of a moment, counted since the epoch."""
    return int(at.timestamp() // 60)


async def begun_before(site_id: int, started_at: float, now: float) -> dict[int, int]:
    """Page views begun in the hour up to `now` but before `started_at` (epoch seconds), by epoch minute."""
    first = _shown(now).start * 60
    if first >= started_at:
        return {}
    begun = PageView.objects.filter(
        site_id=site_id,
        began_at__gte=datetime.fromtimestamp(first, UTC),
        began_at__lt=datetime.fromtimestamp(started_at, UTC),
    )
    return {epoch_minute(minute): views async for minute, views in per_minute(begun)}


class _KeptMinutes(Generic[T]):
    """What Postgres says of each minute of the last hour; a minute is read until it has been over for one."""

    def __init__(self, read_since: Callable[[datetime], Awaitable[dict[int, T]]], fresh: float) -> None:
        self.minutes: dict[int, T] = {}
        self._read_since = read_since
        self._fresh = fresh
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    @property
    def known(self) -> bool:
        """Whether it was read."""
        return self._read_at > 0

    async def read(self, now: float) -> None:
        """Bring the minutes up to `now` (epoch seconds), unless they are fresh; what fails is read later."""
        async with self._reading:
            # A clock that was set back has what was read in its future: it is not fresh until then.
            if 0 <= now - self._read_at < self._fresh:
                return
            oldest = _shown(now).start
            first = max(oldest, int(min(now, self._read_at) // 60) - 1) if self.known else oldest
            try:
                read = await self._read_since(datetime.fromtimestamp(first * 60, UTC))
            except (DatabaseError, InterfaceError) as error:
                logger.warning("the last hour could not be read: %s", type(error).__name__)
                return
            kept = {minute: counts for minute, counts in self.minutes.items() if oldest <= minute < first}
            self.minutes = {**kept, **read}
            self._read_at = now


class FilteredHour:
    """The last hour of one site under one filter: the hour is read once, then the minutes that still fill."""

    def __init__(self, site_id: int, filters: Filters) -> None:
        self.views = PageView.objects.filter(filtering.kept(filters), site_id=site_id)
        self._kept = _KeptMinutes(self._since, FILTERED_FRESH_SECONDS)

    async def read(self, now: float) -> None:
        """Bring the counts up to `now` (epoch seconds), unless they are fresh."""
        await self._kept.read(now)

    @property
    def minutes(self) -> dict[int, int]:
        """Page views by the epoch minute they began in, as they were read."""
        return self._kept.minutes

    def last_hour(self, now: float) -> LastHour:
        """The hour as it was read."""
        return last_hour(self._kept.minutes, now)

    async def _since(self, first: datetime) -> dict[int, int]:
        begun = per_minute(self.views.filter(began_at__gte=first))
        return {epoch_minute(minute): views async for minute, views in begun}


class ToldHour:
    """The last hour of what servers told of a site: these page views are open in no process that counts.

    Two minutes of a site with 300 page views a second are looked through in 10 ms.
    """

    def __init__(self, site_id: int, started_at: float) -> None:
        """`started_at`: from when on, in seconds since the epoch; Postgres knows what was before."""
        began = datetime.fromtimestamp(started_at, UTC)
        self._views = PageView.objects.filter(site_id=site_id, connection=NO_CONNECTION, began_at__gte=began)
        self._kept = _KeptMinutes(self._since, TOLD_FRESH_SECONDS)
        self._reading: asyncio.Task[None] | None = None

    def read_soon(self, now: float) -> None:
        """Bring the counts up to `now` (epoch seconds), beside whoever asks: boards never wait for Postgres.

        Raises what nobody foresaw in the reading before."""
        if self._reading and not self._reading.done():
            return
        before, self._reading = self._reading, asyncio.create_task(self._kept.read(now))
        if before:
            before.result()

    @property
    def known(self) -> bool:
        """Whether it was read."""
        return self._kept.known

    @property
    def minutes(self) -> dict[int, int]:
        """Page views by the epoch minute they began in, as they were read."""
        return self._kept.minutes

    async def _since(self, first: datetime) -> dict[int, int]:
        begun = per_minute(self._views.filter(began_at__gte=first))
        return {epoch_minute(minute): views async for minute, views in begun}


class SitesHour:
    """The last hour of every site, for the sparklines of `/`: read once for everybody who looks."""

    def __init__(self) -> None:
        self._kept = _KeptMinutes(self._since, SITES_FRESH_SECONDS)

    async def read(self, now: float) -> None:
        """Bring the counts up to `now` (epoch seconds), unless they are fresh."""
        await self._kept.read(now)

    def of(self, site_id: int, now: float) -> list[int]:
        """SHOWN counts, oldest first; the last is the minute that is running."""
        counts = self._kept.minutes
        return [counts.get(minute, {}).get(site_id, 0) for minute in _shown(now)]

    async def _since(self, first: datetime) -> dict[int, dict[int, int]]:
        # Of all sites at once: the index over time finds the rows, and one reading serves every reader.
        begun = PageView.objects.filter(began_at__gte=first).annotate(minute=TruncMinute("began_at"))
        rows = begun.values_list("minute", "site_id").annotate(views=Count("id")).order_by()
        minutes: dict[int, dict[int, int]] = {}
        async for minute, site_id, views in rows:
            minutes.setdefault(epoch_minute(minute), {})[site_id] = views
        return minutes


def _shown(now: float) -> range:
    to = int(now // 60)
    return range(to - SHOWN + 1, to + 1)
