"""The board at a moment of today: the live object, rebuilt from the page views that were open then.

All but active, idle and hidden, which nobody stores: they are null. No name is "(other)", since nothing is
bounded here.
"""

from datetime import UTC, datetime, timedelta

from django.db.models import Q, QuerySet

from analytics.live import stored_stream
from analytics.live.last_hour import epoch_minute, live_hour, per_minute
from analytics.live.rolling import SPAN
from analytics.live.snapshot import LiveObject, for_board, news, snapshot
from analytics.queries import filtering
from analytics.queries.ranges import midnight
from tracker.contract.attention import Attention
from tracker.contract.spans import LONGEST_PAGE_VIEW
from tracker.contract.zones import zone_of
from tracker.live.counters import VISITORS, Counters
from tracker.live.dimensions import COLUMNS
from tracker.live.filters import Filters
from tracker.models import PageView, Site

HOUR, MINUTE = timedelta(hours=1), timedelta(seconds=SPAN)


def at(site: Site, moment: datetime, filters: Filters) -> LiveObject:
    """A board's snapshot of that moment; `seq` is its milliseconds since the epoch."""
    counters = counted(site, moment, filters)
    counters.minutes.update(_begun(site, moment, filters))
    seq = int(moment.timestamp() * 1000)
    shown = for_board(
        snapshot(counters, site.key, seq, moment),
        counters,
        live_hour(counters, {}, {}, moment.timestamp()),
        _views(site, filters).filter(began_at__gt=moment - MINUTE, began_at__lte=moment).count(),
    )
    # It takes tabs for active ones, having no other.
    shown.active = shown.idle = shown.hidden = None
    shown.stream = news(0, stored_stream.before(site.pk, moment, filters), whole=True)
    return shown


def counted(site: Site, moment: datetime, filters: Filters) -> Counters:
    """Who was there then; every tab counts as active, and no minutes are known."""
    there = PageView.objects.filter(
        filtering.kept(filters),
        Q(ended_at=None) | Q(ended_at__gt=moment),
        site_id=site.pk,
        began_at__gt=moment - LONGEST_PAGE_VIEW,
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
    begun = _views(site, filters).filter(began_at__gt=moment - HOUR, began_at__lte=moment)
    return {epoch_minute(minute): views for minute, views in per_minute(begun)}


def _views(site: Site, filters: Filters) -> QuerySet[PageView]:
    return PageView.objects.filter(filtering.kept(filters), site_id=site.pk)


def read_moment(text: str, site: Site, now: datetime) -> datetime:
    """The moment that `text` names, in seconds since the epoch. Raises ValueError if it is none of today."""
    zone = zone_of(site.timezone)
    try:
        moment = datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        moment = None
    if moment is None or not midnight(now.astimezone(zone).date(), zone) <= moment <= now:
        raise ValueError("Name a moment of today, in seconds since the epoch.")
    return moment
