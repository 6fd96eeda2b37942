"""Page views of every site since its midnight, for the page of all sites: read once for everybody who looks.

What is over for an hour is counted in Postgres once in a quarter of an hour; the rest is `SitesHour`'s.
Days of all zones begin at whole quarters.
"""

import asyncio
import logging
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from django.db import DatabaseError, InterfaceError
from django.db.models import Count, DateTimeField, F, Func, Value

from analytics.live.last_hour import SHOWN
from tracker.models import PageView

logger = logging.getLogger(__name__)

QUARTER = 900
# What the last hour still holds wholly, whenever a quarter begins.
HOUR_HOLDS = 60 * SHOWN - QUARTER
# The longest day there is, when clocks are put back, and the quarter that is not read yet.
LONGEST_DAY = 25 * 3600 + QUARTER
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SitesToday:
    """Counts by quarters of an hour, of the last day and a bit."""

    def __init__(self) -> None:
        self._quarters: dict[int, dict[int, int]] = {}  # by site, by when it began
        self._until = 0
        self._reading = asyncio.Lock()

    async def read(self, now: float) -> None:
        """Bring what is over up to `now` (Unix time); what fails is read by the next who asks.

        All of it: page views that waited for Postgres in a spool began hours ago.
        """
        until = int(now - HOUR_HOLDS) // QUARTER * QUARTER
        async with self._reading:
            if until == self._until:
                return
            try:
                self._quarters = await _counted(until - LONGEST_DAY, until)
            except (DatabaseError, InterfaceError) as error:
                logger.warning("today's page views could not be read: %s", type(error).__name__)
                return
            self._until = until

    def of(self, site_id: int, midnight: float, now: float, hour: list[int]) -> int | None:
        """Page views since `midnight`; `hour`: those of each minute of the last hour. None: not known."""
        if not self._until:
            return None
        first_minute = int(now // 60) - len(hour) + 1
        since = max(self._until, midnight)
        late = sum(count for at, count in enumerate(hour, first_minute) if at * 60 >= since)
        quarters = self._quarters.get(site_id, {})
        return late + sum(count for begun, count in quarters.items() if begun >= midnight)


async def _counted(start: int, end: int) -> dict[int, dict[int, int]]:
    quarter = Func(
        Value(timedelta(seconds=QUARTER)),
        F("began_at"),
        Value(EPOCH),
        function="date_bin",
        output_field=DateTimeField(),
    )
    begun = PageView.objects.filter(
        began_at__gte=datetime.fromtimestamp(start, UTC), began_at__lt=datetime.fromtimestamp(end, UTC)
    ).annotate(quarter=quarter)
    rows = begun.values_list("site_id", "quarter").annotate(views=Count("id")).order_by()
    counts: dict[int, dict[int, int]] = defaultdict(dict)
    async for site_id, at, views in rows:
        counts[site_id][int(at.timestamp())] = views
    return counts
