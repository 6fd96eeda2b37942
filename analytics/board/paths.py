"""Where the people on some pages came from and went to within 30 minutes: the steps of their visits.

Page views of one visit in the order of their begins; what came before the first is the visit's source.
Several pages are taken as one: a step from one of them to another leads nowhere.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from analytics.queries import filtering
from tracker.contract.spans import LONGEST_PAGE_VIEW
from tracker.live.filters import Filters
from tracker.models import Site
from tracker.rollups.minutes import KEPT, UNFILTERED

WINDOW = timedelta(minutes=30)
MINUTES = WINDOW // timedelta(minutes=1)
SHOWN = 5

# A page that is loaded anew is still the same step. The visits are found by the time of the pages' own
# views, and their other page views by visit; both bounds of time keep to the partitions of a day.
STEPS = f"""
WITH here AS MATERIALIZED (
    SELECT DISTINCT visit_id FROM tracker_pageview
    WHERE site_id = %(site)s AND began_at >= %(since)s AND began_at < %(until)s{KEPT}
), view AS (
    SELECT p.visit_id, p.began_at, p.id, p.path, p.referrer, true{KEPT} AS ours,
           p.ended_at IS NULL OR p.ended_at >= %(until)s AS open,
           lag(p.path) OVER visit AS path_before, coalesce(lag(true{KEPT}) OVER visit, false) AS ours_before
    FROM here JOIN tracker_pageview p ON p.site_id = %(site)s AND p.visit_id = here.visit_id
    WHERE p.began_at >= %(earliest)s AND p.began_at < %(until)s
    WINDOW visit AS (PARTITION BY p.visit_id ORDER BY p.began_at, p.id)
), step AS (
    SELECT visit_id, began_at, ours, referrer, path_before,
           lead(path) OVER visit AS path_after,
           bool_or(open) OVER (PARTITION BY visit_id) AS open
    FROM view
    WHERE CASE WHEN ours THEN NOT ours_before ELSE path IS DISTINCT FROM path_before END
    WINDOW visit AS (PARTITION BY visit_id ORDER BY began_at, id)
), taken AS (
    SELECT * FROM step WHERE ours AND began_at >= %(since)s
)
SELECT 'from', CASE WHEN path_before IS NULL THEN 'source' ELSE 'page' END AS kind,
       coalesce(path_before, referrer) AS name, count(*) AS visits
FROM taken GROUP BY kind, name
UNION ALL
SELECT 'to', CASE WHEN path_after IS NOT NULL THEN 'page' WHEN open THEN 'here' ELSE 'left' END AS kind,
       coalesce(path_after, '') AS name, count(*) AS visits
FROM taken GROUP BY kind, name
ORDER BY visits DESC, kind, name
"""  # noqa: S608 (put together from constants of ours)


def around(site: Site, filters: Filters, until: datetime) -> dict[str, Any]:
    """`{"pages", "minutes": 30, "steps", "from": [{"kind", "name", "steps"}], "to": […]}`, most first.

    The pages are those that `filters` name, of the people that they keep. `from`: a `page`, or the `source`
    that a visit began from (a referrer's name, "" for direct). `to`: a `page`, `here` (they are still there)
    or `left`. At most SHOWN pages and sources a side; `here` and `left` are always told.
    """
    bounds: dict[str, Any] = {
        **UNFILTERED,
        **filtering.columns(filters),
        "site": site.pk,
        "since": until - WINDOW,
        "earliest": until - LONGEST_PAGE_VIEW,
        "until": until,
    }
    with connection.cursor() as cursor:
        cursor.execute(STEPS, bounds)
        rows = cursor.fetchall()
    sides: dict[str, list[dict[str, Any]]] = {"from": [], "to": []}
    for side, kind, name, steps in rows:
        sides[side].append({"kind": kind, "name": name, "steps": steps})
    return {
        "pages": filters.names()["pages"],
        "minutes": MINUTES,
        "steps": sum(row["steps"] for row in sides["to"]),
        "from": sides["from"][:SHOWN],
        "to": [row for at, row in enumerate(sides["to"]) if at < SHOWN or row["kind"] != "page"],
    }
