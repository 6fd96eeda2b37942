"""What a site keeps for less than others: page views by the day, and sealed days by the month.

Weeks of all sites are dropped whole (`tracker.upkeep.expiry`) when no site keeps them any more. A day of a
site that keeps less goes in one transaction, once it is sealed and untouched, and is noted in it as gone: so
a day's page views are all there, or all gone.
"""

import logging
from datetime import datetime, timedelta
from typing import NamedTuple

import psycopg

from analytics.history import day_rows
from analytics.history.due_days import due_days, raw_since
from analytics.history.local_days import DAY, LocalDay, day_at

logger = logging.getLogger(__name__)

SEALING_LOCK = 0x0F007FA12  # `history.sealing.LOCK`, which a native library stands behind
LOCK_SECONDS, STATEMENT_SECONDS = 2, 300
MONTH = timedelta(days=31)

SITES = "SELECT id, key, timezone, raw_days, history_months FROM tracker_site ORDER BY id"
FIRST = "SELECT min(began_at) FROM tracker_pageview WHERE site_id = %s"
LIMITS = "SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true)"
TOUCHED = "SELECT EXISTS (SELECT FROM tracker_touched WHERE site_id = %s AND at >= %s AND at < %s)"
MINUTES = "DELETE FROM tracker_minute WHERE site_id = %s AND at >= %s AND at < %s"
GONE = """
INSERT INTO tracker_watermark (job, at) VALUES (%s, %s)
ON CONFLICT (job) DO UPDATE SET at = greatest(tracker_watermark.at, excluded.at)
"""
FORGET = "DELETE FROM history_day WHERE site_id = %s AND day < %s"
ALONE = "SELECT pg_try_advisory_lock(%s)"
LEAVE = "SELECT pg_advisory_unlock(%s)"


class SiteRetention(NamedTuple):
    """How long a site keeps what; 0: for ever."""

    site_id: int
    key: str
    zone: str
    days: int  # page views
    months: int  # sealed days


def retentions(connection: psycopg.Connection, days: int) -> list[SiteRetention]:
    """What each site keeps; `days`: what those keep that say nothing. Raises psycopg.Error."""
    found = []
    for site, key, zone, own, months in connection.execute(SITES).fetchall():
        kept, months = days if own is None else own, months or 0
        if months:
            # Page views would be sealed again, and again.
            kept = min(kept or months * MONTH.days, months * MONTH.days)
        found.append(SiteRetention(site, key, zone, kept, months))
    return found


def weeks_kept(connection: psycopg.Connection, days: int) -> int:
    """For how many days any site keeps page views; 0: for ever. Raises psycopg.Error."""
    found = [each.days for each in retentions(connection, days)] or [days]
    return 0 if 0 in found else max(found)


def expire(connection: psycopg.Connection, now: datetime, days: int) -> None:
    """Delete what sites keep no longer; the connection is in autocommit. Raises psycopg.Error."""
    for each in retentions(connection, days):
        if each.days:
            _page_views(connection, now, each)
        if each.months:
            today = day_at(now, each.zone).day
            gone = connection.execute(FORGET, [each.site_id, today - each.months * MONTH]).rowcount
            if gone:
                logger.warning("jobs: deleted %d files of sealed days of %s, kept no longer", gone, each.key)


def _page_views(connection: psycopg.Connection, now: datetime, site: SiteRetention) -> None:
    row = connection.execute(FIRST, [site.site_id]).fetchone()
    if row is None or row[0] is None:
        return
    day, last = day_at(row[0], site.zone), day_at(now - timedelta(days=site.days), site.zone).day
    if day.day >= last:
        return
    unsealed = {due.day.day for due in due_days(connection, now, site.site_id)}
    number = 0
    while day.day < last:
        gone = None if day.day in unsealed else _day(connection, site.site_id, day)
        if gone is None:
            # In order, since one moment says what is gone: the next round.
            break
        number += gone
        day = LocalDay(day.day + DAY, site.zone)
    if number:
        logger.warning("jobs: deleted %d page views of %s, kept no longer", number, site.key)


def _day(connection: psycopg.Connection, site_id: int, day: LocalDay) -> int | None:
    """Delete a day's rows, which are sealed; how many page views. None: not now."""
    row = connection.execute(ALONE, [SEALING_LOCK]).fetchone()
    if not row or not row[0]:
        return None
    try:
        with connection.transaction():
            connection.execute(LIMITS, [f"{LOCK_SECONDS}s", f"{STATEMENT_SECONDS}s"])
            since = raw_since(connection, site_id)
            touched = connection.execute(TOUCHED, [site_id, day.begins, day.ends]).fetchone()
            if touched and touched[0]:
                return None
            gone = day_rows.take(connection, site_id, day.begins, day.ends)
            if gone or since is None or since < day.ends:
                connection.execute(MINUTES, [site_id, day.begins, day.ends])
                connection.execute(GONE, [f"raw:{site_id}", day.ends])
    finally:
        connection.execute(LEAVE, [SEALING_LOCK])
    return gone
