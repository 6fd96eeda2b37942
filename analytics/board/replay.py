"""The board at a moment of today: the live object, rebuilt from the page views that were open then.

All but active, idle and hidden, which nobody stores: they are null. No name is "(other)", since nothing is
bounded here.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from django.db.models import Count, Q
from django.db.models.functions import TruncMinute

from analytics.board.stream import rows
from analytics.live import last_hour, snapshot, stored_stream
from analytics.queries import filtering
from analytics.queries.ranges import midnight
from tracker.contract.attention import Attention
from tracker.live.counters import VISITORS, Counters
from tracker.live.dimensions import TABLE
from tracker.live.filters import Filters
from tracker.models import PageView, Site

LONGEST, HOUR = timedelta(hours=24), timedelta(hours=1)
COLUMNS = [each.column for each in TABLE]


def at(site: Site, moment: datetime, filters: Filters) -> dict[str, Any]:
    """A board's snapshot of that moment; `seq` is its milliseconds since the epoch."""
    counters = counted(site, moment, filters)
    counters.minutes.update(_begun(site, moment, filters))
    seq = int(moment.timestamp() * 1000)
    shown = snapshot.snapshot(counters, site.key, seq, moment)
    # It takes tabs for active ones, having no other.
    shown |= dict.fromkeys(Attention)
    shown["minutes"] = last_hour.last_hour(counters, {}, moment.timestamp())
    shown["world"] = {country: tabs for country, tabs in counters.names["countries"].items() if country}
    happened = rows(stored_stream.before(site.pk, moment, filters))
    shown["stream"] = {"whole": True, "more": 0, "rows": [msgspec.to_builtins(row) for row in happened]}
    return shown


def counted(site: Site, moment: datetime, filters: Filters) -> Counters:
    """Who was there then; every tab counts as active, and no minutes are known."""
    there = PageView.objects.filter(
        filtering.kept(filters),
        Q(ended_at=None) | Q(ended_at__gt=moment),
        site_id=site.pk,
        began_at__gt=moment - LONGEST,
        began_at__lte=moment,
    )
    counters = Counters(moment.timestamp())
    for visitor, *names in there.values_list("visitor", *COLUMNS):
        for kind, name in enumerate(names):
            counters.add(kind, name, 1)
        counters.add(VISITORS, visitor.bytes, 1)
        counters.attention[Attention.ACTIVE] = counters.attention.get(Attention.ACTIVE, 0) + 1
    return counters


def _begun(site: Site, moment: datetime, filters: Filters) -> dict[int, int]:
    """Page views of the hour before, by the epoch minute they began in."""
    begun = PageView.objects.filter(
        filtering.kept(filters), site_id=site.pk, began_at__gt=moment - HOUR, began_at__lte=moment
    )
    hour = begun.annotate(minute=TruncMinute("began_at")).values_list("minute")
    return {
        int(minute.timestamp() // 60): views for minute, views in hour.annotate(views=Count("id")).order_by()
    }


def read_moment(text: str, site: Site, now: datetime) -> datetime:
    """The moment that `text` names, in seconds since the epoch. Raises ValueError if it is none of today."""
    zone = ZoneInfo(site.timezone)
    try:
        moment = datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        moment = None
    if moment is None or not midnight(now.astimezone(zone).date(), zone) <= moment <= now:
        raise ValueError("Name a moment of today, in seconds since the epoch.")
    return moment
