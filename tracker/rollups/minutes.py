"""How many tabs were open and how many visitors there at any moment, from page views' begins and ends.

Jobs roll each minute up: least, most with its moment, last. What may still change (a page view that comes
back within 30 minutes is one that never left) is swept from the page views themselves.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg

from tracker.contract.spans import LONGEST_PAGE_VIEW, VISIT_GAP, interval
from tracker.live.dimensions import COLUMNS as FILTERED
from tracker.postgres.partitions import Cursor

JOB = "concurrency"
# How late a batch may be stored without anything being rolled up again.
LATE = timedelta(minutes=4)
# A page view that comes back within the gap was never away; then what is on its way, and the minute itself.
SETTLED = VISIT_GAP + LATE + timedelta(minutes=1)
FIRST_LOOK = timedelta(days=8)
# Each portion reads the page views of a day before it too; a short one would read them many times.
PORTION = timedelta(hours=6)

KEPT = "".join(f" AND (%({name})s::text[] IS NULL OR {name} = ANY(%({name})s::text[]))" for name in FILTERED)

# Least, most with its first moment, and last. A count beside the microseconds of its minute, less than 2^26,
# in one number: finding the greatest of these takes no sort.
LATEST = 2**26 - 1
LEVELS = f"""
       min({{count}})::integer, (max({{count}} << 26 | {LATEST} - microseconds) >> 26)::integer,
       minute + ({LATEST} - (max({{count}} << 26 | {LATEST} - microseconds) & {LATEST})) * interval '1us',
       (max(microseconds << 32 | {{count}}) & {2**32 - 1})::integer
""".strip()

# Begins and ends at the same moment are summed first: a navigation inside an app is no peak of two. The page
# views of one visitor that overlap or touch are one span of presence.
SWEEP = f"""
WITH span AS (
    SELECT site_id, visitor, id, greatest(began_at, %(since)s::timestamptz) AS began_at,
           least(ended_at, began_at + {interval(LONGEST_PAGE_VIEW)}, %(before)s::timestamptz) AS ended_at
    FROM tracker_pageview
    WHERE began_at > %(since)s::timestamptz - {interval(LONGEST_PAGE_VIEW)}
      AND began_at < %(before)s::timestamptz
      AND (ended_at IS NULL OR ended_at > %(since)s::timestamptz)
      AND (%(site)s::integer IS NULL OR site_id = %(site)s::integer){KEPT}
), marked AS MATERIALIZED (
    SELECT site_id, began_at, ended_at, max(ended_at) OVER own AS until, lead(began_at) OVER own AS next,
           began_at > max(ended_at) OVER (own ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS apart
    FROM span
    WINDOW own AS (PARTITION BY site_id, visitor ORDER BY began_at, id)
), change (site_id, at, tabs, visitors) AS (
    SELECT site_id, began_at, 1, coalesce(apart, true)::integer FROM marked
    UNION ALL SELECT site_id, ended_at, -1, 0 FROM marked
    UNION ALL SELECT site_id, until, 0, -1 FROM marked WHERE next IS NULL OR next > until
    UNION ALL
    SELECT site_id, at, 0, 0
    FROM (SELECT DISTINCT site_id FROM marked) s,
         generate_series(%(since)s::timestamptz, %(before)s::timestamptz, interval '1 minute') at
), moment AS (
    SELECT site_id, at, sum(tabs)::integer AS tabs, sum(visitors)::integer AS visitors
    FROM change
    GROUP BY site_id, at
), level AS (
    SELECT site_id, at, date_trunc('minute', at, 'UTC') AS minute,
           date_part('microseconds', at)::bigint AS microseconds,
           greatest(sum(tabs) OVER since_then, 0) AS tabs,
           greatest(sum(visitors) OVER since_then, 0) AS visitors
    FROM moment
    WINDOW since_then AS (PARTITION BY site_id ORDER BY at)
)
SELECT site_id, minute, {LEVELS.format(count="tabs")}, {LEVELS.format(count="visitors")}
FROM level
WHERE at < %(before)s::timestamptz
GROUP BY site_id, minute
HAVING max(tabs) > 0
ORDER BY site_id, minute
"""

ALL: Mapping[str, Sequence[str]] = {}
UNFILTERED: dict[str, Any] = dict.fromkeys(FILTERED)

COLUMNS = (
    "site_id, at, tabs_least, tabs_most, tabs_most_at, tabs_last,"
    " visitors_least, visitors_most, visitors_most_at, visitors_last"
)
CLEAR = "DELETE FROM tracker_minute WHERE at >= %(since)s AND at < %(before)s"
CLEAR_SITE = f"{CLEAR} AND site_id = %(site)s"
ROLLED = f"""
SELECT {COLUMNS} FROM tracker_minute
WHERE site_id = %(site)s AND at >= %(since)s AND at < %(before)s
ORDER BY at
"""
FILL = f"INSERT INTO tracker_minute ({COLUMNS}) {SWEEP}"
LOOKED = "SELECT at FROM tracker_watermark WHERE job = %s"
BEGIN = "INSERT INTO tracker_watermark (job, at) VALUES (%s, %s) ON CONFLICT (job) DO NOTHING"
LOOK = "UPDATE tracker_watermark SET at = %s WHERE job = %s"
# Where a clock was ahead, minutes were rolled up that had not been, and before those some not settled yet.
GO_BACK = "UPDATE tracker_watermark SET at = %(back)s WHERE job = %(job)s AND at > %(until)s"
# Whoever stores late waits for a portion that is being rolled up, which may not have seen it.
# To a whole minute: portions that began within one would both hold it, and none could be rolled up any more.
PULL_BACK = (
    "UPDATE tracker_watermark SET at = least(at, greatest(%s, date_trunc('minute', now(), 'UTC') - %s))"
    " WHERE job = %s"
)


class Levels(NamedTuple):
    """One minute's least, most with its moment, and last."""

    least: int
    most: int
    most_at: datetime
    last: int


class MinuteLevels(NamedTuple):
    """A site's minute in which anybody was there."""

    at: datetime
    tabs: Levels
    visitors: Levels

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> "MinuteLevels":
        """From a row of `COLUMNS`."""
        return cls(row[1], Levels(*row[2:6]), Levels(*row[6:10]))


def sweep(
    cursor: Cursor, site_id: int, since: datetime, before: datetime, kept: Mapping[str, Sequence[str]] = ALL
) -> list[MinuteLevels]:
    """The minutes from `since` (a whole one) to `before`, from the page views themselves.

    `kept`: names to keep, by column of `FILTERED`.
    """
    cursor.execute(SWEEP, {**UNFILTERED, **kept, "site": site_id, "since": since, "before": before})
    return [MinuteLevels.of(row) for row in cursor.fetchall()]


def rolled_up_to(cursor: Cursor) -> datetime | None:
    """Before when every minute has been rolled up; None before the first time."""
    cursor.execute(LOOKED, [JOB])
    rows = cursor.fetchall()
    return rows[0][0] if rows else None


def rolled_up(cursor: Cursor, site_id: int, since: datetime, before: datetime) -> list[MinuteLevels]:
    """The minutes from `since` to `before`, as far as they have been rolled up."""
    cursor.execute(ROLLED, {"site": site_id, "since": since, "before": before})
    return [MinuteLevels.of(row) for row in cursor.fetchall()]


def roll_up(connection: psycopg.Connection, now: datetime) -> None:
    """Roll up what has settled since the last time, and what was stored late."""
    connection.execute(BEGIN, [JOB, _minute(now - FIRST_LOOK)])
    until = _minute(now - SETTLED)
    connection.execute(GO_BACK, {"back": until - LONGEST_PAGE_VIEW, "until": until, "job": JOB})
    while _roll(connection, until):
        pass


def _roll(connection: psycopg.Connection, until: datetime) -> bool:
    """Roll up one portion; whether there may be more."""
    with connection.transaction():
        row = connection.execute(f"{LOOKED} FOR UPDATE", [JOB]).fetchone()
        if row is None or row[0] >= until:
            return False
        before = min(until, row[0] + PORTION)
        bounds = {**UNFILTERED, "site": None, "since": row[0], "before": before}
        connection.execute(CLEAR, bounds)
        connection.execute(FILL, bounds)
        connection.execute(LOOK, [before, JOB])
    return True


def again(
    connection: psycopg.Connection,
    site_id: int,
    since: datetime,
    before: datetime,
    known: bool = True,
    portion: timedelta = PORTION,
) -> None:
    """Roll a site's minutes up again, as far as they have been: page views were taken away, or came in.

    `known`: only where there are some. The connection is in autocommit, or in the transaction that stored
    them: then nobody rolls up until that ends. Raises psycopg.Error.
    """
    while since < before:
        end = min(_minute(since) + portion, before)
        bounds = {**UNFILTERED, "site": site_id, "since": _minute(since), "before": _minute(end)}
        with connection.transaction():
            # Whoever rolls up waits, and who stores late.
            row = connection.execute(f"{LOOKED} FOR UPDATE", [JOB]).fetchone()
            if row is None or row[0] <= bounds["since"]:
                return
            bounds["before"] = min(bounds["before"], row[0])
            if connection.execute(CLEAR_SITE, bounds).rowcount or not known:
                connection.execute(FILL, bounds)
        since = end


def stored(cursor: Cursor, earliest: datetime, now: datetime) -> None:
    """Have minutes rolled up again that a batch landed too late for.

    Called in its transaction, with the earliest moment that it is about.
    """
    if earliest < now - LATE:
        cursor.execute(PULL_BACK, [_minute(earliest - VISIT_GAP), FIRST_LOOK, JOB])


def _minute(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)
