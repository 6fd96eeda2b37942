"""The last hour of every site, as page views begun per minute: what the sparklines of `/` are drawn from.

Read from Postgres, which knows what all processes took; each minute but the running ones only once, for
everybody who looks. Page views reach Postgres within a second, so the last minute lags by no more.
"""

import asyncio
import logging
from datetime import UTC, datetime

from django.db import DatabaseError, InterfaceError
from django.db.models import Count
from django.db.models.functions import TruncMinute

from analytics.live.last_hour import SHOWN
from tracker.models import PageView

logger = logging.getLogger(__name__)

FRESH_SECONDS = 4.0


class Hours:
    """Counts by epoch minute and site. A minute is read until it has been over for one."""

    def __init__(self) -> None:
        self._minutes: dict[int, dict[int, int]] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def read(self, now: float) -> None:
        """Bring the counts up to `now` (epoch seconds), unless they are fresh; what fails is read later."""
        async with self._reading:
            if now - self._read_at < FRESH_SECONDS:
                return
            to = int(now // 60)
            oldest = to - SHOWN + 1
            first = max(oldest, int(self._read_at // 60) - 1) if self._minutes else oldest
            try:
                found = await _begun_since(first)
            except (DatabaseError, InterfaceError) as error:
                logger.warning("the sites' last hour could not be read: %s", error)
                return
            kept = {minute: counts for minute, counts in self._minutes.items() if oldest <= minute < first}
            self._minutes = {**kept, **found}
            self._read_at = now

    def of(self, site_id: int, now: float) -> list[int]:
        """60 counts, oldest first; the last is the minute that is running."""
        to = int(now // 60)
        shown = range(to - SHOWN + 1, to + 1)
        return [self._minutes.get(minute, {}).get(site_id, 0) for minute in shown]


async def _begun_since(first: int) -> dict[int, dict[int, int]]:
    # Of all sites at once: the index over time finds the rows, and one reading serves every reader.
    begun = PageView.objects.filter(began_at__gte=datetime.fromtimestamp(first * 60, UTC))
    rows = (
        begun.annotate(minute=TruncMinute("began_at"))
        .values_list("minute", "site_id")
        .annotate(views=Count("id"))
        .order_by()
    )
    minutes: dict[int, dict[int, int]] = {}
    async for minute, site_id, views in rows:
        minutes.setdefault(int(minute.timestamp() // 60), {})[site_id] = views
    return minutes


HOURS = Hours()
