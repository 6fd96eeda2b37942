"""Which page views of a log nobody else counted: of people without JavaScript, and of who left too soon.

A page view of a log is seen where the site has one of the same visitor (address and browser, on that day) and
page that began from ten seconds before the request until two minutes after it. The snippet is loaded after
its page, on slow connections long after, and clocks of two servers differ.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import psycopg

from analytics.access_logs.past_days import LOGGED_CONNECTION, LOGGED_EDGE
from analytics.access_logs.visit_spans import LoggedView

BEFORE: Final = timedelta(seconds=10)
AFTER: Final = timedelta(seconds=120)
# When a request can be judged: what is seen last is stored some seconds later, while Postgres is there.
JUDGED_AFTER: Final = AFTER + timedelta(seconds=10)
# One walk over the page views of the whole span, however many are asked about.
SEEN = """
SELECT DISTINCT s.id
FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::timestamptz[]) s (id, visitor, path, at)
JOIN tracker_pageview p ON p.visitor = s.visitor AND p.path = s.path
    AND p.began_at BETWEEN s.at - %s AND s.at + %s
WHERE p.site_id = %s AND p.began_at BETWEEN %s AND %s AND (p.edge, p.connection) <> (%s, %s)
"""


def unseen(
    connection: psycopg.Connection, site_id: int, views: Sequence[LoggedView]
) -> tuple[list[LoggedView], list[LoggedView]]:
    """Those that nobody else counted, and those that somebody did. Raises psycopg.Error."""
    if not views:
        return [], []
    began = [view.began for view in views]
    columns = [
        [view.begin.id for view in views],
        [view.begin.attribution.visitor for view in views],
        [view.begin.path for view in views],
        began,
    ]
    span = [site_id, min(began) - BEFORE, max(began) + AFTER]
    asked = [*columns, BEFORE, AFTER, *span, LOGGED_EDGE, LOGGED_CONNECTION]
    seen: set[UUID] = {row[0] for row in connection.execute(SEEN, asked)}
    return [view for view in views if view.begin.id not in seen], [
        view for view in views if view.begin.id in seen
    ]
