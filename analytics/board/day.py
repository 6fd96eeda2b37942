"""The concurrency curve of a site's day: exact, minute by minute, with another day to compare it with.

What jobs have rolled up is read as it is; the rest, mostly the running hour, is swept from the page views,
and so is all that filters keep.
"""

import threading
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from analytics.models import Annotation
from analytics.queries import filtering
from analytics.queries.ranges import midnight
from tracker.contract.zones import zone_of
from tracker.live.filters import NO_FILTERS, Filters
from tracker.models import Site
from tracker.rollups.minutes import Levels, MinuteLevels, rolled_up, rolled_up_to, sweep

DAY, WEEK, MINUTE = timedelta(days=1), timedelta(weeks=1), timedelta(minutes=1)
KINDS = ("visitors", "tabs")
# A day that is over, under filters, is swept again only for what lands late. 16 of them are some 10 MB.
PAST_SECONDS, PASTS = 600.0, 16
# More would hide the curve.
MOST_FLAGS = 100


class DayCurves:
    """The curves of this process's boards, and the filtered days that are kept for them; for any thread."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, datetime, datetime, Filters], tuple[float, list[MinuteLevels]]] = {}
        # Two threads answer boards.
        self._lock = threading.Lock()

    def today(self, site: Site, now: datetime, filters: Filters = NO_FILTERS) -> dict[str, Any]:
        """The running day of the site, in its zone, beside the same weekday of last week, else yesterday.

        `from` is the epoch minute of the midnight it began with, `minutes` how many the whole day has. Every
        list holds one number a minute, the last being the minute that is running. `before` is None where
        neither day saw anybody; its lists hold one number a minute of all of today, from when the clock said
        the same, and `same` is how many were there at this time of day, when that minute ended. `flags` are
        what owners flagged of the day.
        """
        zone = zone_of(site.timezone)
        day = now.astimezone(zone).date()
        start = midnight(day, zone)
        minutes = _between(site.pk, start, now, filters)
        return {
            "site": site.key,
            "zone": site.timezone,
            **_day(day, zone),
            **{kind: _lists(minutes, kind, start, now) for kind in KINDS},
            "peak": {kind: _peak(minutes, kind) for kind in KINDS},
            "before": self._before(site, zone, now, filters),
            "flags": _flags(site.pk, start, midnight(day + DAY, zone)),
        }

    def _before(self, site: Site, zone: ZoneInfo, now: datetime, filters: Filters) -> dict[str, Any] | None:
        today = now.astimezone(zone).date()
        for back in (WEEK, DAY):
            day = today - back
            start, end = midnight(day, zone), midnight(day + DAY, zone)
            if minutes := self._past(site.pk, start, end, filters):
                beside = _beside(minutes, today, back, zone)
                same = beside[(now - midnight(today, zone)) // MINUTE]
                return {
                    **_day(day, zone),
                    **{kind: [getattr(at, kind).most if at else 0 for at in beside] for kind in KINDS},
                    "same": {kind: getattr(same, kind).last if same else 0 for kind in KINDS},
                }
        return None

    def _past(self, site_id: int, since: datetime, before: datetime, filters: Filters) -> list[MinuteLevels]:
        """The minutes of a day that is over; what filters keep of it is kept for PAST_SECONDS."""
        if not filters:
            return _between(site_id, since, before, filters)
        day = (site_id, since, before, filters)
        with self._lock:
            kept = self._kept.pop(day, None)
            if kept and time.monotonic() < kept[0]:
                # To the end: what is asked for again and again goes last.
                self._kept[day] = kept
                return kept[1]
        minutes = _between(site_id, since, before, filters)
        with self._lock:
            while len(self._kept) >= PASTS:
                del self._kept[next(iter(self._kept))]
            self._kept[day] = time.monotonic() + PAST_SECONDS, minutes
        return minutes


def _day(day: date, zone: ZoneInfo) -> dict[str, Any]:
    start, end = midnight(day, zone), midnight(day + DAY, zone)
    return {"day": day.isoformat(), "from": _epoch_minute(start), "minutes": (end - start) // MINUTE}


def _flags(site_id: int, since: datetime, before: datetime) -> list[dict[str, Any]]:
    """What owners flagged of the day; `at`: epoch seconds."""
    flagged = Annotation.objects.filter(site=site_id, at__gte=since, at__lt=before)[:MOST_FLAGS]
    return [{"id": each.pk, "at": each.at.timestamp(), "text": each.text} for each in flagged]


def _beside(
    minutes: Sequence[MinuteLevels], today: date, back: timedelta, zone: ZoneInfo
) -> list[MinuteLevels | None]:
    """For each minute of today the one when clocks said the same so long ago: days have 23 to 25 hours."""
    known = {minute.at: minute for minute in minutes}
    start = midnight(today, zone).astimezone(UTC)
    count = (midnight(today + DAY, zone) - start) // MINUTE
    clocks = ((start + at * MINUTE).astimezone(zone).replace(fold=0) for at in range(count))
    # As UTC: what the clock says twice, or never, equals nothing in another zone.
    return [known.get((clock - back).astimezone(UTC)) for clock in clocks]


def _between(site_id: int, since: datetime, before: datetime, filters: Filters) -> list[MinuteLevels]:
    """The minutes from `since` to `before` in which anybody was there."""
    with connection.cursor() as cursor:
        if filters:
            return sweep(cursor, site_id, since, before, filtering.columns(filters))
        rolled = rolled_up_to(cursor)
        edge = min(max(rolled, since), before) if rolled else since
        minutes = rolled_up(cursor, site_id, since, edge)
        if edge < before:
            minutes += sweep(cursor, site_id, edge, before)
        return minutes


def _lists(
    minutes: Sequence[MinuteLevels], kind: str, start: datetime, now: datetime
) -> dict[str, list[int]]:
    reaches = _filled(minutes, kind, start, now)
    return {
        "least": [reach.least for reach in reaches],
        "most": [reach.most for reach in reaches],
        "last": [reach.last for reach in reaches],
    }


def _filled(minutes: Sequence[MinuteLevels], kind: str, start: datetime, end: datetime) -> list[Levels]:
    """One a minute from `start` to `end`, those without anybody too."""
    known = {minute.at: minute for minute in minutes}
    count = (end - start + MINUTE - timedelta(microseconds=1)) // MINUTE
    moments = (start + number * MINUTE for number in range(count))
    return [getattr(known[at], kind) if at in known else Levels(0, 0, at, 0) for at in moments]


def _peak(minutes: Sequence[MinuteLevels], kind: str) -> dict[str, float] | None:
    """The most at once, and since when (epoch seconds); the first of equal ones."""
    reaches = [getattr(minute, kind) for minute in minutes]
    highest = max(reaches, key=lambda reach: (reach.most, -reach.most_at.timestamp()), default=None)
    return {"most": highest.most, "at": highest.most_at.timestamp()} if highest else None


def _epoch_minute(at: datetime) -> int:
    return int(at.timestamp() // 60)
