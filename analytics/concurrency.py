"""The concurrency curve of a site's day: exact, minute by minute, with another day to compare it with.

What jobs have rolled up is read as it is; the rest, mostly the running hour, is swept from the page views,
and so is all that filters keep.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from analytics import queries
from analytics.ranges import midnight
from tracker import concurrency
from tracker.concurrency import Minute, Reach
from tracker.filters import NO_FILTERS, Filters
from tracker.models import Site

DAY, WEEK, MINUTE = timedelta(days=1), timedelta(weeks=1), timedelta(minutes=1)
KINDS = ("visitors", "tabs")


def today(site: Site, now: datetime, filters: Filters = NO_FILTERS) -> dict[str, Any]:
    """The running day of the site, in its zone, and beside it the same weekday of last week, else yesterday.

    `from` is the epoch minute of the midnight it began with, `minutes` how many the whole day has. Every list
    holds one number a minute, the last being the minute that is running. `before` is None where neither day
    saw anybody; its `same` is how many were there at this time of day, when that minute ended.
    """
    zone = ZoneInfo(site.timezone)
    day = now.astimezone(zone).date()
    start = midnight(day, zone)
    minutes = _between(site.pk, start, now, filters)
    return {
        "site": site.key,
        "zone": site.timezone,
        **_day(day, zone),
        **{kind: _lists(minutes, kind, start, now) for kind in KINDS},
        "peak": {kind: _peak(minutes, kind) for kind in KINDS},
        "before": _before(site, zone, now, filters),
    }


def _day(day: date, zone: ZoneInfo) -> dict[str, Any]:
    start, end = midnight(day, zone), midnight(day + DAY, zone)
    return {"day": day.isoformat(), "from": _epoch_minute(start), "minutes": (end - start) // MINUTE}


def _before(site: Site, zone: ZoneInfo, now: datetime, filters: Filters) -> dict[str, Any] | None:
    local = now.astimezone(zone).replace(fold=0)
    for back in (WEEK, DAY):
        day = (local - back).date()
        start, end = midnight(day, zone), midnight(day + DAY, zone)
        if minutes := _between(site.pk, start, end, filters):
            same = (local - back).replace(second=0, microsecond=0)
            last = {minute.at: minute for minute in minutes}.get(same)
            return {
                **_day(day, zone),
                **{kind: [reach.most for reach in _filled(minutes, kind, start, end)] for kind in KINDS},
                "same": {kind: getattr(last, kind).last if last else 0 for kind in KINDS},
            }
    return None


def _between(site_id: int, since: datetime, before: datetime, filters: Filters) -> list[Minute]:
    """The minutes from `since` to `before` in which anybody was there."""
    with connection.cursor() as cursor:
        if filters:
            return concurrency.sweep(cursor, site_id, since, before, queries.columns(filters))
        rolled = concurrency.rolled_up_to(cursor)
        edge = min(max(rolled, since), before) if rolled else since
        minutes = concurrency.rolled_up(cursor, site_id, since, edge)
        if edge < before:
            minutes += concurrency.sweep(cursor, site_id, edge, before)
        return minutes


def _lists(minutes: Sequence[Minute], kind: str, start: datetime, now: datetime) -> dict[str, list[int]]:
    reaches = _filled(minutes, kind, start, now)
    return {
        "least": [reach.least for reach in reaches],
        "most": [reach.most for reach in reaches],
        "last": [reach.last for reach in reaches],
    }


def _filled(minutes: Sequence[Minute], kind: str, start: datetime, end: datetime) -> list[Reach]:
    """One a minute from `start` to `end`, those without anybody too."""
    known = {minute.at: minute for minute in minutes}
    count = (end - start + MINUTE - timedelta(microseconds=1)) // MINUTE
    moments = (start + number * MINUTE for number in range(count))
    return [getattr(known[at], kind) if at in known else Reach(0, 0, at, 0) for at in moments]


def _peak(minutes: Sequence[Minute], kind: str) -> dict[str, float] | None:
    """The most at once, and since when (epoch seconds); the first of equal ones."""
    reaches = [getattr(minute, kind) for minute in minutes]
    highest = max(reaches, key=lambda reach: (reach.most, -reach.most_at.timestamp()), default=None)
    return {"most": highest.most, "at": highest.most_at.timestamp()} if highest else None


def _epoch_minute(at: datetime) -> int:
    return int(at.timestamp() // 60)
