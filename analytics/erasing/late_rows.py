"""What is stored after it was erased: of a deleted site out of a spool, of page views that are still open."""

from datetime import datetime, timedelta

import psycopg

from analytics.erasing import site_rows
from analytics.models import Erasure
from tracker.models import Site
from tracker.postgres import partitions

# For how long something may be said of a page view: it is open for a day, and its id known for two.
SAID_FOR = timedelta(hours=49)
# An event is stored with its page view in sight; one without it was said of one that is erased.
ORPHANS = """
DELETE FROM tracker_event e
WHERE e.site_id = %(site)s AND e.at >= %(since)s AND e.at < %(before)s
  AND NOT EXISTS (SELECT FROM tracker_pageview p
                  WHERE p.site_id = e.site_id AND p.visit_id = e.visit_id AND p.id = e.page_view_id)
"""


def sweep(connection: psycopg.Connection, now: datetime) -> None:
    """Delete what came late; the connection is in autocommit. Raises psycopg.Error."""
    done = Erasure.objects.filter(state=Erasure.State.DONE)
    deleted = dict(done.filter(kind=Erasure.Erased.SITE).values_list("site_id", "pk"))
    there = set(Site.objects.filter(pk__in=deleted).values_list("pk", flat=True))
    for site_id in deleted.keys() - there:
        site_rows.erase(connection, site_id, deleted[site_id])
    young = done.exclude(kind=Erasure.Erased.SITE).filter(ended_at__gt=now - SAID_FOR)
    for site_id in set(young.values_list("site_id", flat=True)):
        since = partitions.midnight((now - SAID_FOR).date())
        connection.execute(ORPHANS, {"site": site_id, "since": since, "before": now + SAID_FOR})
