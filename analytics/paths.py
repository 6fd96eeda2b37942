"""Where the people on a page came from and went to over the last 30 minutes: the steps of their visits.

Page views of one visit in the order of their begins; what came before the first is the visit's source.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from tracker.models import Site

WINDOW, LONGEST = timedelta(minutes=30), timedelta(hours=24)
MINUTES = WINDOW // timedelta(minutes=1)
SHOWN = 5

# A page that is loaded anew is still the same step. The visits are found by the time of the page's own
# views, and their other page views by visit; both bounds of time keep to the partitions of a day.
STEPS = """
WITH here AS MATERIALIZED (
    SELECT DISTINCT visit_id FROM tracker_pageview
    WHERE site_id = %(site)s AND began_at >= %(since)s AND began_at < %(now)s AND path = %(page)s
), view AS (
    SELECT p.visit_id, p.began_at, p.id, p.path, p.referrer, p.ended_at IS NULL AS open,
           lag(p.path) OVER visit AS path_before
    FROM here JOIN tracker_pageview p ON p.site_id = %(site)s AND p.visit_id = here.visit_id
    WHERE p.began_at >= %(earliest)s AND p.began_at < %(now)s
    WINDOW visit AS (PARTITION BY p.visit_id ORDER BY p.began_at, p.id)
), step AS (
    SELECT visit_id, began_at, path, referrer, path_before,
           lead(path) OVER visit AS path_after,
           bool_or(open) OVER (PARTITION BY visit_id) AS open
    FROM view
    WHERE path IS DISTINCT FROM path_before
    WINDOW visit AS (PARTITION BY visit_id ORDER BY began_at, id)
), taken AS (
    SELECT * FROM step WHERE path = %(page)s AND began_at >= %(since)s
)
SELECT 'from', CASE WHEN path_before IS NULL THEN 'source' ELSE 'page' END AS kind,
       coalesce(path_before, referrer) AS name, count(*) AS visits
FROM taken GROUP BY kind, name
UNION ALL
SELECT 'to', CASE WHEN path_after IS NOT NULL THEN 'page' WHEN open THEN 'here' ELSE 'left' END AS kind,
       coalesce(path_after, '') AS name, count(*) AS visits
FROM taken GROUP BY kind, name
ORDER BY visits DESC, kind, name
"""


def around(site: Site, page: str, now: datetime) -> dict[str, Any]:
    """`{"page", "minutes": 30, "steps", "from": [{"kind", "name", "steps"}], "to": […]}`, most first.

    `from`: a `page`, or the `source` that a visit began from (a referrer's name, "" for direct). `to`: a
    `page`, `here` (they are still there) or `left`. At most SHOWN pages and sources a side; `here` and
    `left` are always told.
    """
    bounds: dict[str, Any] = {
        "site": site.pk,
        "page": page,
        "since": now - WINDOW,
        "earliest": now - LONGEST,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(STEPS, bounds)
        rows = cursor.fetchall()
    sides: dict[str, list[dict[str, Any]]] = {"from": [], "to": []}
    for side, kind, name, steps in rows:
        sides[side].append({"kind": kind, "name": name, "steps": steps})
    return {
        "page": page,
        "minutes": MINUTES,
        "steps": sum(row["steps"] for row in sides["to"]),
        "from": sides["from"][:SHOWN],
        "to": [row for at, row in enumerate(sides["to"]) if at < SHOWN or row["kind"] != "page"],
    }
