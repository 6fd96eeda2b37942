"""What pages are called: the title of each path's newest page view, shown beside the path on boards."""

from datetime import datetime
from typing import Any

from django.db import connection

from tracker.contract.spans import LONGEST_PAGE_VIEW
from tracker.models import Site

# Within a day, since whatever is open now began then. The day is read once for all paths.
NEWEST = """
SELECT DISTINCT ON (path) path, title FROM tracker_pageview
WHERE site_id = %s AND path = ANY(%s) AND title <> '' AND began_at >= %s AND began_at < %s
ORDER BY path, began_at DESC
"""


def titles(site: Site, pages: list[str], until: datetime) -> dict[str, Any]:
    """`{"titles": {path: title}}` of those of the pages that said one within the day before `until`."""
    with connection.cursor() as cursor:
        cursor.execute(NEWEST, [site.pk, pages, until - LONGEST_PAGE_VIEW, until])
        return {"titles": dict(cursor.fetchall())}
