"""Page views begun within the last 60 seconds, to the second.

Counters know of minutes only, whichever process they come from. Whoever looks at them all the time sees when
they rise: what rises between two looks has begun now. What began before the first is read from Postgres.

All by one steady clock: page views that stood still while a clock was set would be forgotten, or stay.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncSecond

from tracker.models import PageView

SPAN = 60  # seconds


class RollingMinute:
    """How many page views began in the last SPAN seconds of one site, or of what filters keep of it."""

    def __init__(self) -> None:
        self._seconds: dict[int, int] = {}
        self._seen: dict[int, int] | None = None

    def begin(self, ages: Mapping[int, int], now: float) -> None:
        """Take what began before the first look: page views by how many seconds ago they began."""
        # Both know of what began between the first look and the reading.
        for age, views in ages.items():
            second = int(now) - age
            self._seconds[second] = max(views, self._seconds.get(second, 0))

    def look(self, minutes: Mapping[int, int], now: float) -> None:
        """Look at page views by the epoch minute they began in; what is more than before began at `now`."""
        if self._seen is not None:
            risen = sum(max(0, views - self._seen.get(minute, 0)) for minute, views in minutes.items())
            if risen:
                self._seconds[int(now)] = self._seconds.get(int(now), 0) + risen
        if self._seen != minutes:
            self._seen = dict(minutes)

    def views(self, now: float) -> int:
        """Page views begun in the SPAN seconds up to `now`."""
        self._seconds = {second: views for second, views in self._seconds.items() if second > now - SPAN}
        return sum(self._seconds.values())


async def begun_by_age(views: QuerySet[PageView], now: float) -> dict[int, int]:
    """Those of the last SPAN seconds before `now` (epoch) among page views, by their age in seconds."""
    since = datetime.fromtimestamp(now, UTC) - timedelta(seconds=SPAN)
    begun = views.filter(began_at__gt=since).annotate(second=TruncSecond("began_at"))
    rows = begun.values_list("second").annotate(views=Count("id")).order_by()
    return {int(now) - int(second.timestamp()): count async for second, count in rows}
