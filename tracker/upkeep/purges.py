"""What the write path needs for two days only, deleted when they are over."""

from datetime import UTC, datetime, time, timedelta

import psycopg

from tracker.contract.zones import zone_of
from tracker.upkeep.portions import delete_before

KEPT = timedelta(hours=48)

SALTS = "SELECT t.id, t.day, s.timezone FROM tracker_salt t JOIN tracker_site s ON s.id = t.site_id"


def salts(connection: psycopg.Connection, now: datetime) -> None:
    """Delete salts whose day, in their site's time zone, began 48 hours ago: nobody can be known again."""
    over = [
        salt_id
        for salt_id, day, zone in connection.execute(SALTS).fetchall()
        if datetime.combine(day, time(), zone_of(zone)).astimezone(UTC) + KEPT <= now
    ]
    connection.execute("DELETE FROM tracker_salt WHERE id = ANY(%s)", [over])


def former_keys(connection: psycopg.Connection, now: datetime) -> None:
    """Delete keys that sites had before and that work no longer."""
    connection.execute("DELETE FROM tracker_former_key WHERE until <= %s", [now])


def recent_ids(connection: psycopg.Connection, now: datetime) -> None:
    """Delete ids that began 48 hours ago; nothing says them again."""
    delete_before(connection, "tracker_recent", "began_at", now - KEPT)


def open_visits(connection: psycopg.Connection, now: datetime) -> None:
    """Delete open visits that nothing was heard of for 48 hours: a page view is open for 24 at most."""
    delete_before(connection, "tracker_open_visit", "last_at", now - KEPT)
