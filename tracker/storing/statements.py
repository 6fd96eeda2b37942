"""The SQL of one batch, in the order in which `tracker.storing.store` runs it; columns come as arrays.

Locks are taken in one order by everybody, so that two edges never deadlock: open visits by (site, visitor),
recent ids by (site, id), page views by (site, id), visits by (site, id). Inside one statement the order is
that of a sort, here or in `tracker.storing.store`; jobs keep to it too.
"""

from functools import lru_cache

from tracker.contract.records import SOURCE_COLUMNS
from tracker.contract.spans import LONGEST_PAGE_VIEW, TOUCHES_AFTER, VISIT_GAP, interval


def few(given: str) -> str:
    """A condition that always holds and lets the planner expect a single row of `given`.

    So it looks each one up by its key. Left to what it knows of an array (nothing) and of a week's
    partition that was never analyzed (that it is tiny), it read the whole week for every batch: 290 µs of
    CPU for a page view at 5,000 rows instead of 140, and more with each row, until the first autovacuum.
    Page views are looked for by key and by visit, though the key would do: of such a week it also believes
    that any index that begins with the site is as good, and so reads no more than a visit.
    """
    return f"{given}.site_id + 0 = {given}.site_id AND {given}.site_id - 0 = {given}.site_id"


GAP, LONGEST = interval(VISIT_GAP), interval(LONGEST_PAGE_VIEW)

# Which of the page views are stored already, and from when to when they and their visits began. An optimist's
# look: another edge may be storing the same one right now; then `REMEMBER` fails on the key, and the batch is
# tried again.
KNOW = f"""
SELECT min(least(r.began_at, r.visit_began_at)), max(greatest(r.began_at, r.visit_began_at)),
       coalesce(array_agg(s.number) FILTER (WHERE s.begins), '{{}}')
FROM unnest(%(sites)s, %(ids)s, %(begins)s) WITH ORDINALITY s (site_id, id, begins, number)
JOIN tracker_recent r ON r.site_id = s.site_id AND r.id = s.id AND r.kind = 0
WHERE {few("s")}
"""

# The open visits of visitors who begin page views: made and named after the first of them, or locked. A visit
# goes on when its visitor is back within 30 minutes of `last_at`; beyond that `tracker.storing.store` looks
# closer. Gives back those that were there; only a row that was locked has an `xmax`.
OPEN = f"""
WITH found AS (
    INSERT INTO tracker_open_visit AS o (site_id, visitor, visit_id, visit_began_at, last_at)
    SELECT * FROM unnest(%(sites)s, %(visitors)s, %(ids)s, %(began)s, %(last)s)
    ON CONFLICT (site_id, visitor) DO UPDATE
    SET last_at = CASE WHEN excluded.visit_began_at >= o.visit_began_at
                        AND excluded.visit_began_at < o.last_at + {GAP}
                       THEN greatest(o.last_at, excluded.last_at) ELSE o.last_at END
    RETURNING site_id, visitor, visit_id, visit_began_at, last_at, xmax
)
SELECT site_id, visitor, visit_id, visit_began_at, last_at FROM found WHERE xmax <> 0
"""

# Page views that are known: a begin is a claim, which makes its connection the owner and reopens the page
# view; nothing else counts but what its owner says. An owner that gives a sign after the end was taken for
# dead by `jobs` and was not. Engagement only grows, and never beyond the time since the begin. Claims may
# come in any order, and again, since every edge has a spool of its own: the latest by the server's time takes
# the page view, and of one edge also the later connection, so that no step of its clock holds anybody off.
_SETTLED = f"""
known AS MATERIALIZED (
    SELECT s.*, r.began_at, r.visit_id, r.visit_began_at
    FROM unnest(%(sites)s, %(ids)s, %(edges)s, %(connections)s, %(begun)s, %(claimed)s, %(signs)s, %(ended)s,
                %(engaged)s, %(depths)s, %(titles)s)
         AS s (site_id, id, edge, connection, begun_at, claimed_at, sign_at, ended_at, engaged_ms, depth,
               title)
    JOIN tracker_recent r ON r.site_id = s.site_id AND r.id = s.id AND r.kind = 0
    WHERE {few("s")}
), held AS MATERIALIZED (
    SELECT p.site_id, p.began_at, p.id, p.edge, p.connection, p.claimed_at, p.ended_at,
           p.engaged_ms, p.depth, p.title, s.visit_id, s.visit_began_at,
           s.edge AS by_edge, s.connection AS by_connection, s.claimed_at AS by_claimed_at,
           s.ended_at AS end_said, least(s.sign_at, p.began_at + {LONGEST}) AS sign_at,
           s.engaged_ms AS engaged_said, s.depth AS depth_said, s.title AS title_said,
           (p.edge, p.connection) = (s.edge, s.connection) AS owns,
           coalesce((s.claimed_at > coalesce(p.claimed_at, p.began_at)
                     OR (s.edge = p.edge AND s.connection > p.connection))
                    AND s.begun_at < p.began_at + {LONGEST}
                    AND (p.ended_at IS NULL OR s.begun_at < p.ended_at + {GAP}), false) AS takes
    FROM known s JOIN tracker_pageview p
      ON p.site_id = s.site_id AND p.began_at = s.began_at AND p.id = s.id AND p.visit_id = s.visit_id
    WHERE p.began_at >= {{since}} AND p.began_at < {{before}} AND {few("s")}
    ORDER BY p.site_id, p.id
    {{lock}}
), settled AS MATERIALIZED (
    SELECT site_id, began_at, id, visit_id, visit_began_at, engaged_ms AS engaged_before,
           owns OR takes AS counts, sign_at,
           CASE WHEN takes THEN by_edge ELSE edge END AS edge,
           CASE WHEN takes THEN by_connection ELSE connection END AS connection,
           CASE WHEN takes THEN by_claimed_at ELSE claimed_at END AS claimed_at,
           CASE WHEN NOT (owns OR takes) THEN ended_at
                WHEN end_said IS NOT NULL THEN greatest(began_at, least(end_said, began_at + {LONGEST}))
                WHEN takes OR (sign_at > ended_at AND sign_at < began_at + {LONGEST}) THEN NULL
                ELSE ended_at END AS ended_at,
           CASE WHEN owns OR takes THEN greatest(engaged_ms, least(
                engaged_said, floor(extract(epoch FROM sign_at - began_at) * 1000)))::integer
                ELSE engaged_ms END AS engaged_ms,
           CASE WHEN owns OR takes THEN greatest(depth, least(depth_said, 100))::smallint
                ELSE depth END AS depth,
           CASE WHEN owns OR takes THEN coalesce(title_said, title) ELSE title END AS title
    FROM held
)
"""

# Until when the page views of these visits reach, as this batch leaves them; one that is still open reaches
# to its 24th hour. Asked only where somebody comes back 30 minutes after `last_at`, which knows of begins.
REACH = f"""
WITH {_SETTLED.replace("{lock}", "")}
SELECT v.site_id, v.visit_id, max(coalesce(
    CASE WHEN s.id IS NULL THEN p.ended_at ELSE s.ended_at END, p.began_at + {LONGEST}))
FROM unnest(%(visit_sites)s, %(visits)s) AS v (site_id, visit_id)
JOIN tracker_pageview p ON p.site_id = v.site_id AND p.visit_id = v.visit_id
LEFT JOIN settled s ON s.site_id = p.site_id AND s.id = p.id
WHERE p.began_at >= {{since}} AND p.began_at < {{before}} AND {few("v")}
GROUP BY v.site_id, v.visit_id
"""

KEEP_OPEN = f"""
UPDATE tracker_open_visit o
SET visit_id = v.visit_id, visit_began_at = v.visit_began_at, last_at = v.last_at
FROM unnest(%(sites)s, %(visitors)s, %(ids)s, %(began)s, %(last)s)
     AS v (site_id, visitor, visit_id, visit_began_at, last_at)
WHERE o.site_id = v.site_id AND o.visitor = v.visitor AND {few("v")}
"""

REMEMBER = """
INSERT INTO tracker_recent (site_id, id, kind, began_at, visit_id, visit_began_at)
SELECT site_id, id, 0, began_at, visit_id, visit_began_at
FROM unnest(%(sites)s, %(ids)s, %(began)s, %(visits)s, %(visits_began)s)
     AS s (site_id, id, began_at, visit_id, visit_began_at)
"""

# Gives back how many events each visit grows by. `IS TRUE` keeps the planner from making the look-up a join,
# which without hash joins would compare every event with every other: 1,000 took 258 ms.
STORE_EVENTS = f"""
WITH said AS MATERIALIZED (
    SELECT e.*, r.visit_id, r.visit_began_at
    FROM unnest(%(sites)s, %(ids)s, %(pages)s, %(at)s, %(values)s, %(names)s, %(properties)s)
         AS e (site_id, id, page_view_id, at, value, name, properties)
    JOIN tracker_recent r ON r.site_id = e.site_id AND r.id = e.page_view_id AND r.kind = 0
    WHERE {few("e")}
), new AS (
    INSERT INTO tracker_recent (site_id, id, kind, began_at, visit_id, visit_began_at)
    SELECT site_id, id, 1, at, visit_id, visit_began_at FROM said
    ORDER BY site_id, id
    ON CONFLICT DO NOTHING
    RETURNING site_id, id, visit_id, visit_began_at
), stored AS (
    INSERT INTO tracker_event (site_id, at, id, page_view_id, visit_id, value, name, properties)
    SELECT site_id, at, id, page_view_id, visit_id, value, name, properties FROM said
    WHERE ((site_id, id) IN (SELECT site_id, id FROM new)) IS TRUE
)
SELECT site_id, visit_id, visit_began_at, count(*) FROM new GROUP BY site_id, visit_id, visit_began_at
"""

# Which visits page views that are known belong to.
VISITS = f"""
SELECT s.site_id, s.id, r.visit_id, r.visit_began_at FROM unnest(%(sites)s, %(ids)s) AS s (site_id, id)
JOIN tracker_recent r ON r.site_id = s.site_id AND r.id = s.id AND r.kind = 0
WHERE {few("s")}
"""

# Where visits came from.
SOURCES = f"""
SELECT v.id, {", ".join(f"v.{column}" for column in SOURCE_COLUMNS)}
FROM unnest(%(sites)s, %(ids)s, %(began)s) AS s (site_id, id, began_at)
JOIN tracker_visit v ON v.site_id = s.site_id AND v.began_at = s.began_at AND v.id = s.id
WHERE v.began_at >= {{since}} AND v.began_at < {{before}} AND {few("s")}
"""

ORPHANS = """
SELECT e.site_id, e.id FROM unnest(%(sites)s, %(ids)s, %(pages)s) AS e (site_id, id, page_view_id)
WHERE NOT EXISTS (
    SELECT FROM tracker_recent r WHERE r.site_id = e.site_id AND r.id = e.page_view_id AND r.kind = 0)
"""

# Only for batches that are about a page view of a day ago: what is stored about it may be of a sealed day.
TOUCH = f"""
INSERT INTO tracker_touched (site_id, at)
SELECT DISTINCT s.site_id, date_bin('15 minutes', r.began_at, 'epoch')
FROM unnest(%(sites)s, %(ids)s) AS s (site_id, id)
JOIN tracker_recent r ON r.site_id = s.site_id AND r.id = s.id AND r.kind = 0
WHERE r.began_at < now() - {interval(TOUCHES_AFTER)} AND {few("s")}
"""

# Settles known page views, and grows each visit once by all that the batch changes about it: what they settle
# for, events, and new page views.
SETTLE = f"""
WITH {_SETTLED.replace("{lock}", "FOR NO KEY UPDATE OF p")}, changed AS (
    UPDATE tracker_pageview p
    SET edge = n.edge, connection = n.connection, claimed_at = n.claimed_at, ended_at = n.ended_at,
        engaged_ms = n.engaged_ms, depth = n.depth, title = n.title
    FROM settled n
    WHERE p.site_id = n.site_id AND p.began_at = n.began_at AND p.id = n.id AND p.visit_id = n.visit_id
      AND p.began_at >= {{since}} AND p.began_at < {{before}}
      AND (p.edge, p.connection, p.claimed_at, p.ended_at, p.engaged_ms, p.depth, p.title) IS DISTINCT FROM
          (n.edge, n.connection, n.claimed_at, n.ended_at, n.engaged_ms, n.depth, n.title)
), growth AS MATERIALIZED (
    SELECT site_id, visit_id, visit_began_at, max(last_at) AS last_at, sum(engaged_ms) AS engaged_ms,
           sum(events) AS events, sum(views) AS views,
           (array_agg(path ORDER BY began_at DESC) FILTER (WHERE began_at >= visit_began_at))[1] AS path
    FROM (
        SELECT site_id, visit_id, visit_began_at, coalesce(ended_at, greatest(began_at, sign_at)) AS last_at,
               engaged_ms - engaged_before AS engaged_ms, 0 AS events, 0 AS views,
               NULL::timestamptz AS began_at, NULL::text AS path
        FROM settled WHERE counts
        UNION ALL
        SELECT * FROM unnest(%(grown_sites)s, %(grown_visits)s, %(grown_began)s, %(grown_last)s,
                             %(grown_engaged)s, %(grown_events)s, %(grown_views)s, %(grown_page_began)s,
                             %(grown_paths)s)
    ) g
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


@lru_cache(64)
def between(statement: str, since: str, before: str) -> str:
    """A statement that touches only partitions from `since` to `before` (ISO timestamps).

    Written into the text, since only constants let the planner leave the other partitions alone, and
    rounded to weeks by the caller, so that the text, and with it the prepared plan, stays the same.
    """
    return statement.replace("{since}", f"'{since}'").replace("{before}", f"'{before}'")
