"""Page views per minute over the last hour under a live filter, from Postgres, a second late at most.

The hour is read once; after that only the minutes that still fill.
"""

import logging
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError, InterfaceError
from django.db.models import Count
from django.db.models.functions import TruncMinute

from analytics.live.last_hour import SHOWN
from analytics.queries import filtering
from tracker.live.filters import Filters
from tracker.models import PageView

logger = logging.getLogger(__name__)

FRESH_SECONDS = 2.0


class FilteredHour:
    """The counts of one site under one filter."""

    def __init__(self, site_id: int, filters: Filters) -> None:
        self._begun = PageView.objects.filter(filtering.kept(filters), site_id=site_id)
        self._counts: dict[int, int] = {}
        self._read_at = float("-inf")

    async def read(self, now: float) -> None:
        """Bring the counts up to `now` (epoch seconds), unless they are fresh; what fails is read later."""
        if now - self._read_at < FRESH_SECONDS:
            return
        oldest = int(now // 60) - SHOWN + 1
        first = max(oldest, int(self._read_at // 60) - 1) if self._counts else oldest
        try:
            found = await self._since(first)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("a filtered hour could not be read: %s", type(error).__name__)
            return
        kept = {minute: views for minute, views in self._counts.items() if oldest <= minute < first}
        self._counts, self._read_at = {**kept, **found}, now

    def last_hour(self, now: float) -> dict[str, Any]:
        """As `analytics.live.last_hour.last_hour`."""
        to = int(now // 60)
        return {"to": to, "views": [self._counts.get(minute, 0) for minute in range(to - SHOWN + 1, to + 1)]}

    async def _since(self, first: int) -> dict[int, int]:
        begun = self._begun.filter(began_at__gte=datetime.fromtimestamp(first * 60, UTC))
        rows = begun.annotate(minute=TruncMinute("began_at")).values_list("minute")
        counted = rows.annotate(views=Count("id")).order_by()
        return {int(minute.timestamp() // 60): views async for minute, views in counted}
