"""Puts the demo site's past into Postgres, once, all of it or nothing, beside visitors who come meanwhile."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import sql

from analytics.demo.past import DAYS, Past
from tracker.contract.spans import LONGEST_PAGE_VIEW
from tracker.postgres import partitions
from tracker.rollups import minutes

# A gap that is shorter was a restart.
GAP = timedelta(minutes=10)
LAST = "SELECT max(began_at) FROM tracker_pageview WHERE site_id = %s AND began_at > %s"
# Days that have passed are sealed, again where they were.
TOUCH = (
    "INSERT INTO tracker_touched (site_id, at)"
    " SELECT %s, at FROM generate_series(%s::timestamptz, %s, interval '1 day') AS at"
)
# Sorts of a day stay in memory; only here.
MEMORY = "SET LOCAL work_mem = '64MB'"

# Columns are those of the tuples of `past`, in their order.
PIECES: Final = """
CREATE TEMPORARY TABLE demo_stay (
    walk integer, number integer, begins_ms integer, ends_ms integer, engaged_ms integer,
    engaged_before integer, events_before integer, depth smallint, path text, query text, title text,
    event text, properties jsonb
) ON COMMIT DROP;
CREATE TEMPORARY TABLE demo_whence (
    walk integer, entry_path text, referrer text, referrer_url text, channel text, utm_source text,
    utm_medium text, utm_campaign text, utm_term text, utm_content text
) ON COMMIT DROP;
CREATE TEMPORARY TABLE demo_person (
    person integer, browser text, system text, device text, country text, language text, width integer
) ON COMMIT DROP;
CREATE TEMPORARY TABLE demo_visit (
    visit_id uuid, at_ms bigint, walk integer, person integer, visitor uuid, views integer
) ON COMMIT DROP;
"""
# Without figures the planner would sort what is in order already: page views lie as they would have come.
FIGURES: Final = "ANALYZE demo_stay, demo_whence, demo_person, demo_visit"

# Page views as they are stored. Who is still there when the past ends goes then, and without an event.
VIEWS: Final = """
WITH page_view AS (
    SELECT *, least(engaged_ms, (date_part('epoch', ended_at - began_at) * 1000)::integer) AS spent_ms,
           event <> '' AND ended_at < %(now)s AS said
    FROM (
        -- A visit is named after its first page view.
        SELECT *, CASE number WHEN 0 THEN visit_id ELSE md5(visit_id::text || number)::uuid END AS id,
               %(begin)s + (at_ms + begins_ms) * interval '1ms' AS began_at,
               least(%(begin)s + (at_ms + ends_ms) * interval '1ms', %(now)s) AS ended_at
        FROM demo_visit JOIN demo_stay USING (walk)
        WHERE number < views
    ) AS begun
)
"""
ATTRIBUTION: Final = (
    "visitor, referrer, referrer_url, channel, browser, system, device, country, language, width,"
    " utm_source, utm_medium, utm_campaign, utm_term, utm_content"
)
FROM: Final = "FROM page_view JOIN demo_whence USING (walk) JOIN demo_person USING (person)"
PAGE_VIEWS: Final = f"""{VIEWS}
INSERT INTO tracker_pageview (id, site_id, began_at, ended_at, visit_id, path, query, title, engaged_ms,
                              depth, edge, connection, {ATTRIBUTION})
SELECT id, %(site)s, began_at, ended_at, visit_id, path, query, title, spent_ms, depth, 0, 0, {ATTRIBUTION}
{FROM}
"""
# A visit's last page view knows what was on those before it.
VISITS: Final = f"""{VIEWS}
INSERT INTO tracker_visit (id, site_id, began_at, ended_at, entry_path, exit_path, views, events, engaged_ms,
                           {ATTRIBUTION})
SELECT visit_id, %(site)s, %(begin)s + at_ms * interval '1ms', ended_at, entry_path, path, views,
       events_before + said::integer, engaged_before + spent_ms, {ATTRIBUTION}
{FROM} WHERE number = views - 1
"""
EVENTS: Final = f"""{VIEWS}
INSERT INTO tracker_event (id, site_id, at, page_view_id, visit_id, name, properties)
SELECT md5(id::text || event)::uuid, %(site)s, ended_at, id, visit_id, event, properties
FROM page_view WHERE said
"""


def since(connection: psycopg.Connection, site_id: int, now: datetime) -> datetime | None:
    """From where on it has no past: eight days ago, or since its last page view; None where it has all."""
    first = (now - timedelta(days=DAYS)).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    row = connection.execute(LAST, [site_id, first]).fetchone()
    last: datetime | None = row[0] if row else None
    if last is None:
        return first
    return last if now - last > GAP else None


def fill(connection: psycopg.Connection, site_id: int, past: Past, begin: datetime, now: datetime) -> int:
    """Store the past from `begin` to `now`; returns the number of page views. Raises psycopg.Error."""
    connection.autocommit = True
    # By itself: until it is committed, whoever reads waits.
    with connection.transaction(), connection.cursor() as cursor:
        partitions.ensure(cursor, begin)
    # What nobody rolled up yet has no page views; it takes an instant now, and what comes is rolled up below.
    minutes.roll_up(connection, now)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(MEMORY)
        cursor.execute(PIECES)
        _copy(cursor, "demo_stay", past.stays)
        _copy(cursor, "demo_whence", past.whence)
        _copy(cursor, "demo_person", past.people)
        _copy(cursor, "demo_visit", past.visits(begin, now))
        cursor.execute(FIGURES)
        bounds = {"site": site_id, "begin": begin, "now": now}
        stored = cursor.execute(PAGE_VIEWS, bounds).rowcount
        cursor.execute(VISITS, bounds)
        cursor.execute(EVENTS, bounds)
        cursor.execute(TOUCH, [site_id, begin, now - timedelta(days=1)])
        minutes.again(connection, site_id, begin, now, known=False, portion=LONGEST_PAGE_VIEW)
    return stored


def _copy(cursor: psycopg.Cursor, table: str, rows: Iterable[Sequence[Any]]) -> None:
    """Rows whose texts hold nothing that COPY reads in another way."""
    with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as copy:
        for row in rows:
            copy.write("\t".join(map(str, row)) + "\n")
