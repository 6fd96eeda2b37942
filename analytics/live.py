"""A site's live state on demand, for the API: one snapshot of what this process holds."""

import time
from datetime import UTC, datetime
from typing import Any

from analytics import snapshots
from tracker import edge
from tracker.models import Site


async def now(site: Site, limit: int, filters: snapshots.Filters) -> dict[str, Any]:
    """The contract's live object of this moment."""
    presence = (await edge.start()).presence.site(site.pk)
    at = time.time()
    seq = snapshots.SEQUENCE.following(at)
    return snapshots.snapshot(presence, site.key, seq, datetime.fromtimestamp(at, UTC), limit, filters)
