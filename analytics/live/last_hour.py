"""Page views begun per minute over the last hour: from before this process in Postgres, then its own."""

from datetime import UTC, datetime
from typing import Any

from django.db.models import Count
from django.db.models.functions import TruncMinute

from tracker.live.counters import Counters
from tracker.models import PageView

SHOWN = 60


async def begun_before(site_id: int, started_at: float, now: float) -> dict[int, int]:
    """Page views begun in the hour up to `now` but before `started_at` (epoch seconds), by epoch minute."""
    first = (int(now // 60) - SHOWN + 1) * 60
    if first >= started_at:
        return {}
    begun = PageView.objects.filter(
        site_id=site_id,
        began_at__gte=datetime.fromtimestamp(first, UTC),
        began_at__lt=datetime.fromtimestamp(started_at, UTC),
    )
    rows = (
        begun.annotate(minute=TruncMinute("began_at"))
        .values_list("minute")
        .annotate(views=Count("id"))
        .order_by()
    )
    return {int(minute.timestamp() // 60): views async for minute, views in rows}


def last_hour(counters: Counters, before: dict[int, int], now: float) -> dict[str, Any]:
    """`{"to": epoch minute, "views": [60 counts, oldest first]}`; the last is the minute that is running."""
    to = int(now // 60)
    shown = range(to - SHOWN + 1, to + 1)
    return {"to": to, "views": [before.get(minute, 0) + counters.minutes.get(minute, 0) for minute in shown]}
