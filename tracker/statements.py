"""The SQL of one batch, in the order in which `tracker.store` runs it.

Locks are taken in one order by everybody, so that two edges never deadlock: page views by (site, id),
open visits by (site, visitor), recent ids by (site, id), visits by (site, id). Inside one statement the
order is that of a sort; jobs keep to it too.
"""

from functools import lru_cache

from tracker.staging import ORIGIN_TEXTS, TEXTS

# What the staging tables hold once `KNOW` has run: page views that are new to us.
FRESH = "known_at IS NULL AND begun_at IS NOT NULL"


def few(staged: str) -> str:
    """A condition that always holds and lets the planner expect a single row of `staged`.

    So it looks each one up by its key. Left to what it knows of a staging table (nothing) and of a week's
    partition that was never analyzed (that it is tiny), it read the whole week for every batch: 290 µs of
    CPU for a page view at 5,000 rows instead of 140, and more with each row, until the first autovacuum.
    """
    return f"{staged}.site_id + 0 = {staged}.site_id AND {staged}.site_id - 0 = {staged}.site_id"


GAP = "interval '30 minutes'"
LONGEST = "interval '24 hours'"

# Which of the staged page views are stored already. An optimist's look: another edge may be storing the
# same one right now; then `REMEMBER` fails on the key, and the batch is tried again.
KNOW = f"""
WITH known AS (
    UPDATE staged_page s
    SET known_at = r.began_at, visit_id = r.visit_id, visit_began_at = r.visit_began_at
    FROM tracker_recent r
    WHERE r.site_id = s.site_id AND r.id = s.id AND r.kind = 0 AND {few("s")}
    RETURNING r.began_at
)
SELECT min(began_at), max(began_at) FROM known
"""

# Page views that are known: a begin is a claim, which makes its connection the owner and reopens the page
# view; nothing else counts but what its owner says. An owner that gives a sign after the end was taken for
# dead by `jobs` and was not. Engagement only grows, and never beyond the time since the begin. Claims may
# come in any order, and again, since every edge has a spool of its own: the latest by the server's time takes
# the page view, and of one edge also the later connection, so that no step of its clock holds anybody off.
SETTLE = f"""
WITH held AS MATERIALIZED (
    SELECT p.site_id, p.began_at, p.id, p.visitor, p.edge, p.connection, p.claimed_at, p.ended_at,
           p.engaged_ms, p.depth, s.visit_id, s.visit_began_at,
           s.edge AS by_edge, s.connection AS by_connection, s.claimed_at AS by_claimed_at,
           s.ended_at AS end_said, least(s.sign_at, p.began_at + {LONGEST}) AS sign_at,
           s.engaged_ms AS engaged_said, s.depth AS depth_said,
           (p.edge, p.connection) = (s.edge, s.connection) AS owns,
           coalesce((s.claimed_at > coalesce(p.claimed_at, p.began_at)
                     OR (s.edge = p.edge AND s.connection > p.connection))
                    AND s.begun_at < p.began_at + {LONGEST}
                    AND (p.ended_at IS NULL OR s.begun_at < p.ended_at + {GAP}), false) AS takes
    FROM staged_page s JOIN tracker_pageview p
      ON p.site_id = s.site_id AND p.began_at = s.known_at AND p.id = s.id
    WHERE p.began_at >= {{since}} AND p.began_at < {{before}} AND {few("s")}
    ORDER BY p.site_id, p.id
    FOR NO KEY UPDATE OF p
), settled AS MATERIALIZED (
    SELECT site_id, began_at, id, visitor, visit_id, visit_began_at, engaged_ms AS engaged_before,
           owns OR takes AS counts, sign_at,
           CASE WHEN takes THEN by_edge ELSE edge END AS edge,
           CASE WHEN takes THEN by_connection ELSE connection END AS connection,
           CASE WHEN takes THEN by_claimed_at ELSE claimed_at END AS claimed_at,
           CASE WHEN NOT (owns OR takes) THEN ended_at
                WHEN end_said IS NOT NULL THEN greatest(began_at, least(end_said, began_at + {LONGEST}))
                WHEN takes OR (sign_at > ended_at AND sign_at < began_at + {LONGEST}) THEN NULL
                ELSE ended_at END AS ended_at,
           CASE WHEN owns OR takes THEN greatest(engaged_ms, least(
                engaged_said, floor(extract(epoch FROM sign_at - began_at) * 1000))::integer)
                ELSE engaged_ms END AS engaged_ms,
           CASE WHEN owns OR takes THEN greatest(depth, least(depth_said, 100))::smallint
                ELSE depth END AS depth
    FROM held
), changed AS (
    UPDATE tracker_pageview p
    SET edge = n.edge, connection = n.connection, claimed_at = n.claimed_at, ended_at = n.ended_at,
        engaged_ms = n.engaged_ms, depth = n.depth
    FROM settled n
    WHERE p.site_id = n.site_id AND p.began_at = n.began_at AND p.id = n.id
      AND p.began_at >= {{since}} AND p.began_at < {{before}}
      AND (p.edge, p.connection, p.claimed_at, p.ended_at, p.engaged_ms, p.depth)
          IS DISTINCT FROM (n.edge, n.connection, n.claimed_at, n.ended_at, n.engaged_ms, n.depth)
)
INSERT INTO staged_sign
SELECT site_id, visitor, visit_id, visit_began_at,
       coalesce(ended_at, greatest(began_at, sign_at)), ended_at, engaged_ms - engaged_before, 0
FROM settled
WHERE counts
"""

# A visitor without an open visit gets one, named after the first page view of the batch.
OPEN = f"""
WITH made AS (
    INSERT INTO tracker_open_visit (site_id, visitor, visit_id, visit_began_at, last_at)
    SELECT DISTINCT ON (site_id, visitor) site_id, visitor, id, begun_at, coalesce(ended_at, begun_at)
    FROM staged_page
    WHERE {FRESH}
    ORDER BY site_id, visitor, begun_at, id
    ON CONFLICT (site_id, visitor) DO NOTHING
    RETURNING site_id, visitor, visit_id, visit_began_at, last_at
)
INSERT INTO staged_visit SELECT * FROM made
"""

# The others' are locked; a statement of its own, to see what a rival edge has committed meanwhile.
LOCK = f"""
WITH held AS MATERIALIZED (
    SELECT o.*
    FROM (SELECT site_id, visitor FROM staged_page WHERE {FRESH}
          UNION SELECT site_id, visitor FROM staged_sign WHERE ended_at IS NOT NULL) v
    JOIN tracker_open_visit o ON o.site_id = v.site_id AND o.visitor = v.visitor
    WHERE NOT EXISTS (SELECT FROM staged_visit t WHERE t.site_id = v.site_id AND t.visitor = v.visitor)
      AND {few("v")}
    ORDER BY o.site_id, o.visitor
    FOR NO KEY UPDATE OF o
)
INSERT INTO staged_visit
SELECT h.site_id, h.visitor, h.visit_id, h.visit_began_at, greatest(h.last_at, max(s.ended_at))
FROM held h LEFT JOIN staged_sign s
  ON s.site_id = h.site_id AND s.visitor = h.visitor AND s.visit_id = h.visit_id
GROUP BY h.site_id, h.visitor, h.visit_id, h.visit_began_at, h.last_at
"""

# Which visit each new page view belongs to. The open visit and the new page views are spans of time; spans
# less than 30 minutes apart are one visit, which keeps its name if it had one. A page view that is still
# open reaches to its 24th hour; whether the open visit has one is looked up only where it matters.
PLACE = f"""
WITH first AS (
    SELECT site_id, visitor, max(begun_at) AS latest FROM staged_page WHERE {FRESH} GROUP BY site_id, visitor
), span AS (
    SELECT v.site_id, v.visitor, v.visit_id AS id, v.visit_began_at AS began_at, true AS stored,
           CASE WHEN f.latest >= v.last_at + {GAP} THEN greatest(v.last_at, (
                    SELECT max(p.began_at) + {LONGEST} FROM tracker_pageview p
                    WHERE p.site_id = v.site_id AND p.visit_id = v.visit_id AND p.ended_at IS NULL
                      AND p.began_at >= {{since}} AND p.began_at < {{before}}))
                ELSE v.last_at END AS until
    FROM first f JOIN staged_visit v ON v.site_id = f.site_id AND v.visitor = f.visitor
    UNION ALL
    SELECT site_id, visitor, id, begun_at, false, coalesce(ended_at, begun_at + {LONGEST})
    FROM staged_page WHERE {FRESH}
), marked AS (
    SELECT *, began_at >= {GAP} + max(until) OVER (
               PARTITION BY site_id, visitor ORDER BY began_at, stored DESC, id
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS apart
    FROM span
), numbered AS (
    SELECT *, count(*) FILTER (WHERE apart) OVER (
               PARTITION BY site_id, visitor ORDER BY began_at, stored DESC, id) AS number
    FROM marked
), named AS MATERIALIZED (
    SELECT site_id, id, stored, first_value(id) OVER visit AS visit_id,
           first_value(began_at) OVER visit AS visit_began_at
    FROM numbered
    WINDOW visit AS (PARTITION BY site_id, visitor, number ORDER BY stored DESC, began_at, id)
)
UPDATE staged_page s SET visit_id = n.visit_id, visit_began_at = n.visit_began_at
FROM named n
WHERE NOT n.stored AND s.site_id = n.site_id AND s.id = n.id
"""

_SHARED = ("width", *ORIGIN_TEXTS)
_ROOM = "floor(extract(epoch FROM coalesce(ended_at, sign_at) - begun_at) * 1000)"
_ENGAGED = f"greatest(0, least(engaged_ms, {_ROOM}, 86400000))::integer"
_LAST = "coalesce(ended_at, greatest(begun_at, sign_at))"

STORE_PAGES = f"""
INSERT INTO tracker_pageview (site_id, began_at, id, ended_at, visit_id, visitor, edge, connection,
                              claimed_at, engaged_ms, depth, width, {", ".join(TEXTS)})
SELECT site_id, begun_at, id, ended_at, visit_id, visitor, edge, connection,
       nullif(claimed_at, begun_at), {_ENGAGED}, greatest(0, least(depth, 100)), width, {", ".join(TEXTS)}
FROM staged_page WHERE {FRESH}
"""

REMEMBER = f"""
INSERT INTO tracker_recent (site_id, id, kind, began_at, visit_id, visit_began_at)
SELECT site_id, id, 0, begun_at, visit_id, visit_began_at
FROM staged_page WHERE {FRESH}
ORDER BY site_id, id
"""

STORE_EVENTS = f"""
WITH new AS (
    INSERT INTO tracker_recent (site_id, id, kind, began_at, visit_id, visit_began_at)
    SELECT e.site_id, e.id, 1, e.at, r.visit_id, r.visit_began_at
    FROM staged_event e JOIN tracker_recent r
      ON r.site_id = e.site_id AND r.id = e.page_view_id AND r.kind = 0
    WHERE {few("e")}
    ORDER BY e.site_id, e.id
    ON CONFLICT DO NOTHING
    RETURNING site_id, id, visit_id, visit_began_at
), stored AS (
    INSERT INTO tracker_event (site_id, at, id, page_view_id, visit_id, value, name, properties)
    SELECT e.site_id, e.at, e.id, e.page_view_id, n.visit_id, e.value, e.name, e.properties
    FROM new n JOIN staged_event e ON e.site_id = n.site_id AND e.id = n.id
    RETURNING site_id, id, at
)
INSERT INTO staged_sign (site_id, visit_id, visit_began_at, engaged_ms, events)
SELECT site_id, visit_id, visit_began_at, 0, count(*) FROM new GROUP BY site_id, visit_id, visit_began_at
"""

ORPHANS = """
SELECT e.site_id, e.id FROM staged_event e
WHERE NOT EXISTS (
    SELECT FROM tracker_recent r WHERE r.site_id = e.site_id AND r.id = e.page_view_id AND r.kind = 0)
"""

STORE_VISITS = f"""
INSERT INTO tracker_visit (site_id, began_at, id, visitor, ended_at, entry_path, exit_path, views, events,
                           engaged_ms, {", ".join(_SHARED)})
SELECT site_id, begun_at, id, visitor, last_at, path, exit_path, views, 0, engaged, {", ".join(_SHARED)}
FROM (
    SELECT *, max({_LAST}) OVER visit AS last_at, count(*) OVER visit AS views,
           sum({_ENGAGED}) OVER visit AS engaged,
           last_value(path) OVER (visit ORDER BY begun_at, id
                                  ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS exit_path
    FROM staged_page WHERE {FRESH}
    WINDOW visit AS (PARTITION BY site_id, visit_id)
) f
WHERE id = visit_id
"""

# Everything that the batch changes about a visit that exists, at once: signs of known page views, events,
# and new page views. Visits made in this batch have no signs but events.
GROWTH = f"""
SELECT site_id, visit_id, visit_began_at, last_at, engaged_ms, events, 0 AS views,
       NULL::timestamptz AS begun_at, NULL::text AS path
FROM staged_sign
UNION ALL
SELECT site_id, visit_id, visit_began_at, {_LAST}, {_ENGAGED}, 0, 1, begun_at, path
FROM (SELECT *, bool_or(id = visit_id) OVER (PARTITION BY site_id, visit_id) AS new
      FROM staged_page WHERE {FRESH}) f
WHERE NOT new
"""

VISIT_BOUNDS = f"SELECT min(visit_began_at), max(visit_began_at) FROM ({GROWTH}) g"

GROW_VISITS = f"""
WITH growth AS MATERIALIZED (
    SELECT site_id, visit_id, visit_began_at, max(last_at) AS last_at, sum(engaged_ms) AS engaged_ms,
           sum(events) AS events, sum(views) AS views,
           (array_agg(path ORDER BY begun_at DESC) FILTER (WHERE begun_at >= visit_began_at))[1] AS path
    FROM ({GROWTH}) g
    GROUP BY site_id, visit_id, visit_began_at
    ORDER BY site_id, visit_id
)
UPDATE tracker_visit v
SET ended_at = greatest(v.ended_at, g.last_at), engaged_ms = v.engaged_ms + g.engaged_ms,
    events = v.events + g.events, views = v.views + g.views, exit_path = coalesce(g.path, v.exit_path)
FROM growth g
WHERE v.site_id = g.site_id AND v.began_at = g.visit_began_at AND v.id = g.visit_id
  AND v.began_at >= {{since}} AND v.began_at < {{before}}
  AND {few("g")}
  AND (g.views > 0 OR g.events > 0 OR g.engaged_ms <> 0 OR g.last_at > v.ended_at)
"""

# The latest visit of each visitor is the open one; one that arrived late and lies before it is not.
KEEP_OPEN = f"""
WITH visits AS (
    SELECT site_id, visitor, visit_id, visit_began_at, max(last_at) AS last_at
    FROM (SELECT site_id, visitor, visit_id, visit_began_at, last_at FROM staged_visit
          UNION ALL
          SELECT site_id, visitor, visit_id, visit_began_at, coalesce(ended_at, begun_at)
          FROM staged_page WHERE {FRESH}) s
    GROUP BY site_id, visitor, visit_id, visit_began_at
), latest AS MATERIALIZED (
    SELECT DISTINCT ON (site_id, visitor) * FROM visits
    ORDER BY site_id, visitor, visit_began_at DESC, visit_id
)
UPDATE tracker_open_visit o
SET visit_id = l.visit_id, visit_began_at = l.visit_began_at, last_at = l.last_at
FROM latest l
WHERE o.site_id = l.site_id AND o.visitor = l.visitor AND {few("l")}
  AND (o.visit_id, o.visit_began_at, o.last_at) IS DISTINCT FROM (l.visit_id, l.visit_began_at, l.last_at)
"""


@lru_cache(64)
def between(statement: str, since: str, before: str) -> str:
    """A statement that touches only partitions from `since` to `before` (ISO timestamps).

    Written into the text, since only constants let the planner leave the other partitions alone, and
    rounded to weeks by the caller, so that the text, and with it the prepared plan, stays the same.
    """
    return statement.replace("{since}", f"'{since}'").replace("{before}", f"'{before}'")
