"""Page views of a span with their events, taken out of Postgres' tables; their visits become what is left.

In portions of some visits, each a transaction that waits for nobody for long: who stores goes on, of this
site, too. Locks are taken in the order of `tracker.storing.statements`. Each portion counts itself in the
note of the erasure, and notes that the day was touched, in its own transaction: so what was killed goes on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from analytics.erasing.visits_left import StoredView, VisitLeft, visits_left
from tracker.contract.spans import LONGEST_PAGE_VIEW

# Some thousand rows: a fraction of a second.
PORTION = 250
LOCK_SECONDS, STATEMENT_SECONDS = 2, 60
# A visit may reach over the ends of a day whose site was in another zone then.
AROUND = timedelta(days=2)

PATHS = """
SELECT DISTINCT path FROM tracker_pageview
WHERE site_id = %(site)s AND began_at >= %(since)s AND began_at < %(before)s
"""
CONDITION = (
    "site_id = %(site)s AND began_at >= %(since)s AND began_at < %(before)s"
    " AND (%(paths)s::text[] IS NULL OR path = ANY(%(paths)s))"
    " AND (%(visitor)s::uuid IS NULL OR visitor = %(visitor)s)"
)
VISITS = f"SELECT DISTINCT visit_id, visitor FROM tracker_pageview WHERE {CONDITION}"
COUNT = f"SELECT count(*), count(DISTINCT visit_id) FROM tracker_pageview WHERE {CONDITION}"
ANY_LEFT = """
SELECT EXISTS (SELECT FROM tracker_pageview
               WHERE site_id = %(site)s AND began_at >= %(since)s AND began_at < %(before)s)
"""
# No plan of a large table for a few rows: as who stores.
PLANNER = """
SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true),
       set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
"""
LOCK_OPEN = """
SELECT FROM tracker_open_visit WHERE site_id = %(site)s AND visitor = ANY(%(visitors)s)
ORDER BY visitor FOR UPDATE
"""
LOCK_VIEWS = f"""
SELECT id, visit_id, began_at, ended_at, engaged_ms, path, {CONDITION} AS gone FROM tracker_pageview
WHERE site_id = %(site)s AND visit_id = ANY(%(visits)s) AND began_at >= %(early)s AND began_at < %(late)s
ORDER BY id FOR UPDATE
"""
EVENTS = """
SELECT page_view_id, count(*) FROM tracker_event
WHERE site_id = %(site)s AND at >= %(early)s AND at < %(late)s AND visit_id = ANY(%(visits)s)
GROUP BY page_view_id
"""
DELETE_EVENTS = """
DELETE FROM tracker_event
WHERE site_id = %(site)s AND at >= %(early)s AND at < %(late)s AND page_view_id = ANY(%(gone)s)
"""
DELETE_VIEWS = """
DELETE FROM tracker_pageview p
USING unnest(%(gone)s::uuid[], %(gone_began)s::timestamptz[]) g (id, began_at)
WHERE p.site_id = %(site)s AND p.began_at = g.began_at AND p.id = g.id
  AND p.began_at >= %(early)s AND p.began_at < %(late)s
"""
_LEFT = """unnest(
    %(was)s::uuid[], %(ids)s::uuid[], %(began)s::timestamptz[], %(ended)s::timestamptz[], %(entries)s::text[],
    %(exits)s::text[], %(views)s::integer[], %(events)s::integer[], %(engaged)s::bigint[]
) g (was, id, began_at, ended_at, entry_path, exit_path, views, events, engaged_ms)"""
# What is told of a visitor stays: a visit's source is that of its first page view, and no other has one.
COPIED = (
    "visitor, width, referrer, referrer_url, channel, browser, system, device, country, language,"
    " utm_source, utm_medium, utm_campaign, utm_term, utm_content"
)
CHANGE_VISITS = f"""
UPDATE tracker_visit v SET ended_at = g.ended_at, entry_path = g.entry_path, exit_path = g.exit_path,
                           views = g.views, events = g.events, engaged_ms = g.engaged_ms
FROM {_LEFT}
WHERE v.site_id = %(site)s AND v.began_at >= %(early)s AND v.began_at < %(late)s
  AND v.id = g.id AND v.began_at = g.began_at AND g.was = g.id
"""
MAKE_VISITS = f"""
INSERT INTO tracker_visit
    (site_id, id, began_at, ended_at, entry_path, exit_path, views, events, engaged_ms, {COPIED})
SELECT v.site_id, g.id, g.began_at, g.ended_at, g.entry_path, g.exit_path, g.views, g.events, g.engaged_ms,
       {", ".join(f"v.{name.strip()}" for name in COPIED.split(","))}
FROM {_LEFT}
JOIN tracker_visit v ON v.site_id = %(site)s AND v.id = g.was
 AND v.began_at >= %(early)s AND v.began_at < %(late)s
WHERE g.was <> g.id
"""
DELETE_VISITS = """
DELETE FROM tracker_visit
WHERE site_id = %(site)s AND began_at >= %(early)s AND began_at < %(late)s
  AND id = ANY(%(visits)s) AND NOT id = ANY(%(kept)s)
"""
_MOVED = """unnest(
    %(moved)s::uuid[], %(moved_began)s::timestamptz[], %(moved_to)s::uuid[], %(moved_to_began)s::timestamptz[]
) m (id, began_at, visit, visit_began)"""
MOVE_VIEWS = f"""
UPDATE tracker_pageview p SET visit_id = m.visit FROM {_MOVED}
WHERE p.site_id = %(site)s AND p.began_at = m.began_at AND p.id = m.id
  AND p.began_at >= %(early)s AND p.began_at < %(late)s
"""
MOVE_EVENTS = f"""
UPDATE tracker_event e SET visit_id = m.visit FROM {_MOVED}
WHERE e.site_id = %(site)s AND e.at >= %(early)s AND e.at < %(late)s AND e.page_view_id = m.id
"""
MOVE_RECENT = f"""
UPDATE tracker_recent r SET visit_id = m.visit, visit_began_at = m.visit_began FROM {_MOVED}
WHERE r.site_id = %(site)s AND r.id = m.id AND r.kind = 0
"""
MOVE_OPEN = """
UPDATE tracker_open_visit o SET visit_id = g.id, visit_began_at = g.began_at, last_at = g.last_at
FROM unnest(
    %(open_was)s::uuid[], %(open_ids)s::uuid[], %(open_began)s::timestamptz[], %(open_last)s::timestamptz[]
) g (was, id, began_at, last_at)
WHERE o.site_id = %(site)s AND o.visitor = ANY(%(visitors)s) AND o.visit_id = g.was
"""
DELETE_OPEN = """
DELETE FROM tracker_open_visit
WHERE site_id = %(site)s AND visitor = ANY(%(visitors)s) AND visit_id = ANY(%(over)s)
"""
TOUCH = (
    "INSERT INTO tracker_touched (site_id, at) VALUES (%(site)s, date_bin('15 minutes', %(since)s, 'epoch'))"
)
UNTOUCH = "DELETE FROM tracker_touched WHERE site_id = %(site)s AND at >= %(since)s AND at < %(before)s"
COUNTED = """
UPDATE analytics_erasure SET views = views + %s, visits = visits + %s, events = events + %s WHERE id = %s
"""


@dataclass(frozen=True)
class RawSpan:
    """Which page views of a site: those that began in a span, of these paths, of this visitor."""

    site_id: int
    since: datetime
    before: datetime
    paths: list[str] | None = None
    visitor: UUID | None = None

    @property
    def values(self) -> dict[str, Any]:
        """As parameters of statements."""
        return {
            "site": self.site_id,
            "since": self.since,
            "before": self.before,
            "paths": self.paths,
            "visitor": self.visitor,
            "early": self.since - AROUND,
            "late": self.before + AROUND + LONGEST_PAGE_VIEW,
        }


def paths_of(connection: psycopg.Connection, site_id: int, since: datetime, before: datetime) -> list[str]:
    """The names of pages that were seen in a span. Raises psycopg.Error."""
    values = {"site": site_id, "since": since, "before": before}
    return [path for (path,) in connection.execute(PATHS, values).fetchall()]


def count(connection: psycopg.Connection, span: RawSpan) -> tuple[int, int]:
    """How many page views there are of a span, and of how many visits. Raises psycopg.Error."""
    row = connection.execute(COUNT, span.values).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def erase(connection: psycopg.Connection, span: RawSpan, erasure_id: int) -> int:
    """Erase the page views of a span; how many. The connection is in autocommit.

    Raises psycopg.Error: what was erased until then stays erased and counted.
    """
    people = connection.execute(VISITS, span.values).fetchall()
    return sum(_portion(connection, span, erasure_id, some) for some in _portions(people))


def settle_if_empty(connection: psycopg.Connection, span: RawSpan) -> bool:
    """Whether nothing is left of a span; then nobody needs to look at it again. Raises psycopg.Error."""
    row = connection.execute(ANY_LEFT, span.values).fetchone()
    if row and row[0]:
        return False
    connection.execute(UNTOUCH, span.values)
    return True


def _portions(people: Sequence[tuple[UUID, UUID]]) -> Iterator[Sequence[tuple[UUID, UUID]]]:
    for start in range(0, len(people), PORTION):
        yield people[start : start + PORTION]


def _portion(
    connection: psycopg.Connection, span: RawSpan, erasure_id: int, people: Sequence[tuple[UUID, UUID]]
) -> int:
    visits = list({visit for visit, _ in people})
    values = {**span.values, "visits": visits, "visitors": list({visitor for _, visitor in people})}
    with connection.transaction():
        connection.execute(PLANNER, [f"{LOCK_SECONDS}s", f"{STATEMENT_SECONDS}s"])
        connection.execute(LOCK_OPEN, values)
        rows = connection.execute(LOCK_VIEWS, values).fetchall()
        said: dict[UUID, int] = dict(connection.execute(EVENTS, values).fetchall())
        gone = [(row[0], row[2]) for row in rows if row[-1]]
        left = visits_left(_view(row, said) for row in rows if not row[6])
        values |= {"gone": [each for each, _ in gone], "gone_began": [began for _, began in gone]}
        events = connection.execute(DELETE_EVENTS, values).rowcount
        connection.execute(DELETE_VIEWS, values)
        _keep(connection, values, visits, left)
        connection.execute(TOUCH, values)
        fewer = max(0, len(visits) - len(left))
        connection.execute(COUNTED, [len(gone), fewer, events, erasure_id])
    return len(gone)


def _view(row: Sequence[Any], said: dict[UUID, int]) -> StoredView:
    view, visit, began, ended, engaged_ms, path, _ = row
    return StoredView(view, visit, began, ended, engaged_ms, path, said.get(view, 0))


def _keep(
    connection: psycopg.Connection, values: dict[str, Any], visits: list[UUID], left: list[VisitLeft]
) -> None:
    """Have the visits be those that are left."""
    moved = [(view, visit) for visit in left for view in visit.views if view.visit != visit.id]
    last = {visit.was: visit for visit in sorted(left, key=lambda visit: visit.began)}
    values |= {
        "was": [visit.was for visit in left],
        "ids": [visit.id for visit in left],
        "began": [visit.began for visit in left],
        "ended": [visit.ended for visit in left],
        "entries": [visit.views[0].path for visit in left],
        "exits": [visit.views[-1].path for visit in left],
        "views": [len(visit.views) for visit in left],
        "events": [sum(view.events for view in visit.views) for visit in left],
        "engaged": [sum(view.engaged_ms for view in visit.views) for visit in left],
        "kept": [visit.id for visit in left],
        "moved": [view.id for view, _ in moved],
        "moved_began": [view.began for view, _ in moved],
        "moved_to": [visit.id for _, visit in moved],
        "moved_to_began": [visit.began for _, visit in moved],
    }
    if left:
        connection.execute(CHANGE_VISITS, values)
        connection.execute(MAKE_VISITS, values)
    connection.execute(DELETE_VISITS, values)
    if moved:
        for statement in (MOVE_VIEWS, MOVE_EVENTS, MOVE_RECENT):
            connection.execute(statement, values)
    if last:
        opened = {
            "open_was": list(last),
            "open_ids": [visit.id for visit in last.values()],
            "open_began": [visit.began for visit in last.values()],
            "open_last": [visit.views[-1].began for visit in last.values()],
        }
        connection.execute(MOVE_OPEN, values | opened)
    if over := [visit for visit in visits if visit not in last]:
        connection.execute(DELETE_OPEN, values | {"over": over})
