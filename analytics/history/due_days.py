"""Which days are to be sealed: past, settled, and not sealed yet as their page views are now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import psycopg

from analytics.history.day_format import AGAIN_BEFORE
from analytics.history.local_days import DAY, LocalDay, day_at
from tracker.contract.spans import SETTLES_AFTER

SITES = """
SELECT s.id, s.key, s.timezone,
       (SELECT min(p.began_at) FROM tracker_pageview p WHERE p.site_id = s.id)
FROM tracker_site s WHERE %(site)s::integer IS NULL OR s.id = %(site)s ORDER BY s.id
"""
SEALED = """
SELECT site_id, day, min(format), min(zone), max(zone), min(begins_at), max(ends_at) FROM history_day
WHERE %(site)s::integer IS NULL OR site_id = %(site)s GROUP BY site_id, day
"""
TOUCHED = (
    "SELECT DISTINCT site_id, at FROM tracker_touched WHERE %(site)s::integer IS NULL OR site_id = %(site)s"
)
# One probe of an index for each day.
SEEN = """
SELECT d.number FROM unnest(%s::integer[], %s::timestamptz[], %s::timestamptz[])
     WITH ORDINALITY d (site_id, begins, ends, number)
WHERE EXISTS (SELECT FROM tracker_pageview p
              WHERE p.site_id = d.site_id AND p.began_at >= d.begins AND p.began_at < d.ends)
"""
# Before when rows have been dropped: what is stored of older days comes late, and is all there is of them.
# Of all sites, or of one that keeps less.
RAW_SINCE = "SELECT job, at FROM tracker_watermark WHERE job = 'raw' OR job LIKE 'raw:%'"
PROBES = 10_000
# A mark for each day that is sealed and cannot be yet; those that have one are read from Postgres meanwhile.
MARK_EARLY = """
INSERT INTO tracker_touched (site_id, at)
SELECT site_id, min(begins_at) FROM history_day d
WHERE ends_at >= %s
  AND NOT EXISTS (SELECT FROM tracker_touched t
                  WHERE t.site_id = d.site_id AND t.at >= d.begins_at AND t.at < d.ends_at)
GROUP BY site_id, day
"""


@dataclass(frozen=True)
class DueDay:
    """A day of a site that is to be sealed."""

    site_id: int
    key: str
    day: LocalDay
    why: str  # new, touched, zone, format, asked
    # Whether Postgres still has all rows of it; else those that it has came late, and are added to the day.
    whole: bool = True
    # From when to when its rows lay when it was sealed, and lie now: in another zone they are another day's.
    since: datetime | None = None
    before: datetime | None = None


class SealedDay(NamedTuple):
    """A day as it is sealed."""

    format: int
    first_zone: str
    last_zone: str
    begins: datetime
    ends: datetime


def settled_before(now: datetime) -> datetime:
    """A day that ended before this moment has settled."""
    return now - SETTLES_AFTER


def seal_again_later(connection: psycopg.Connection, now: datetime) -> None:
    """Have days sealed again, once they have settled, that a clock ahead of this one had sealed before.

    Raises psycopg.Error.
    """
    connection.execute(MARK_EARLY, [settled_before(now)])


def raw_since(connection: psycopg.Connection, site_id: int) -> datetime | None:
    """Before when a site's page views have been dropped; None where none ever was. Raises psycopg.Error."""
    return _raw_since(_marks(connection), site_id)


def _marks(connection: psycopg.Connection) -> dict[str, datetime]:
    return dict(connection.execute(RAW_SINCE).fetchall())


def _raw_since(marks: Mapping[str, datetime], site_id: int) -> datetime | None:
    return max((marks[name] for name in ("raw", f"raw:{site_id}") if name in marks), default=None)


def due_days(
    connection: psycopg.Connection, now: datetime, site_id: int | None = None, again: bool = False
) -> list[DueDay]:
    """The days that are to be sealed, the newest first; `again`: all that have rows, sealed or not.

    Raises psycopg.Error.
    """
    asked = {"site": site_id}
    marks = _marks(connection)
    sealed = {(site, day): SealedDay(*rest) for site, day, *rest in connection.execute(SEALED, asked)}
    touched: dict[int, list[datetime]] = {}
    for site, at in connection.execute(TOUCHED, asked).fetchall():
        touched.setdefault(site, []).append(at)
    found: list[DueDay] = []
    for site, key, zone, first in connection.execute(SITES, asked).fetchall():
        late = {day_at(at, zone).day for at in touched.get(site, ())}
        since = _raw_since(marks, site)
        for day in _days(first, zone, now):
            whole = since is None or day.begins >= since
            was = sealed.get((site, day.day))
            why = _why(was, day, day.day in late, whole, again)
            if why:
                since_then = min(was.begins, day.begins) if was else None
                until_then = max(was.ends, day.ends) if was else None
                found.append(DueDay(site, key, day, why, whole, since_then, until_then))
    found = [due for due, seen in zip(found, _seen(connection, found), strict=True) if seen]
    return sorted(found, key=lambda due: (due.day.day, due.site_id), reverse=True)


def _days(first: datetime | None, zone: str, now: datetime) -> Iterator[LocalDay]:
    if first is None:
        return
    # And the day before, which may have been sealed in another zone.
    day = LocalDay(day_at(first, zone).day - DAY, zone)
    while day.ends < settled_before(now):
        yield day
        day = LocalDay(day.day + DAY, zone)


def _why(sealed: SealedDay | None, day: LocalDay, touched: bool, whole: bool, again: bool) -> str | None:
    if sealed is None:
        return "new"
    same_zone = sealed.first_zone == sealed.last_zone == day.zone
    if not whole:
        # Its rows are there only until they have been added to it; but of another zone's day, some are in it.
        return "touched" if same_zone else None
    if touched:
        return "touched"
    if sealed.format < AGAIN_BEFORE:
        return "format"
    if not same_zone:
        return "zone"
    return "asked" if again else None


def _seen(connection: psycopg.Connection, days: Sequence[DueDay]) -> list[bool]:
    """Of which of these days Postgres has page views."""
    seen = [False] * len(days)
    for start in range(0, len(days), PROBES):
        some = days[start : start + PROBES]
        values = [
            [due.site_id for due in some],
            [due.since or due.day.begins for due in some],
            [due.before or due.day.ends for due in some],
        ]
        for (number,) in connection.execute(SEEN, values).fetchall():
            seen[start + number - 1] = True
    return seen


def unsealed_since(connection: psycopg.Connection, now: datetime) -> datetime:
    """From when on page views are in no sealed day: what is older may be dropped. Raises psycopg.Error."""
    oldest = min((due.day.begins for due in due_days(connection, now)), default=None)
    # No zone's day that has not settled began earlier.
    return min(oldest or now, settled_before(now) - timedelta(hours=25)).astimezone(UTC)
