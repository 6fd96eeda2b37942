"""A day's rows, taken out of the tables once they are in the sealed day."""

from datetime import datetime

import psycopg

from tracker.contract.spans import LONGEST_PAGE_VIEW, TOUCHES_AFTER

# An event is of the day of its page view, which is open for a day at most.
EVENTS_BEFORE, EVENTS_AFTER = LONGEST_PAGE_VIEW - TOUCHES_AFTER, LONGEST_PAGE_VIEW * 2 - TOUCHES_AFTER
TAKE_VIEWS = (
    "DELETE FROM tracker_pageview WHERE site_id = %s AND began_at >= %s AND began_at < %s RETURNING id"
)
TAKE_EVENTS = """
DELETE FROM tracker_event WHERE site_id = %s AND at >= %s AND at < %s AND page_view_id = ANY(%s)
"""
TAKE_VISITS = "DELETE FROM tracker_visit WHERE site_id = %s AND began_at >= %s AND began_at < %s"


def take(connection: psycopg.Connection, site_id: int, begins: datetime, ends: datetime) -> int:
    """Delete the page views that began in a span, their events and visits; how many page views.

    In the caller's transaction. Raises psycopg.Error.
    """
    span = [site_id, begins, ends]
    taken = [number for (number,) in connection.execute(TAKE_VIEWS, span).fetchall()]
    connection.execute(TAKE_EVENTS, [site_id, begins - EVENTS_BEFORE, ends + EVENTS_AFTER, taken])
    connection.execute(TAKE_VISITS, span)
    return len(taken)
