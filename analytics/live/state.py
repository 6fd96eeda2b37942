"""A site's live state on demand: this process's own counters, or with Redis all edges' merged."""

import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from analytics.live import collector, snapshot
from analytics.live.filtered_cache import VIEWS
from tracker.edge import edge
from tracker.live.counters import Counters
from tracker.live.filters import NO_FILTERS, Filters
from tracker.live.stream import Stream
from tracker.models import Site


async def now(site: Site, limit: int, filters: Filters) -> dict[str, Any]:
    """The contract's live object of this moment."""
    counted = await counters(site.pk, filters)
    at = clock()
    seq = snapshot.SEQUENCE.following(at)
    return snapshot.snapshot(counted, site.key, seq, datetime.fromtimestamp(at, UTC), limit)


async def counters(site_id: int, filters: Filters = NO_FILTERS) -> Counters:
    """The counters of this moment; across processes, complete or stale."""
    across = collector.running()
    if across:
        return await across.whole(site_id, filters)
    presence = (await edge.start()).presence.site(site_id)
    return VIEWS.look(presence, filters) if filters else presence


def watched(site_id: int, filters: Filters = NO_FILTERS) -> Counters | None:
    """The counters as they are known without waiting; None before this process has any."""
    across = collector.running()
    if across:
        return across.watch(site_id, filters)
    here = edge.running()
    if here is None:
        return None
    presence = here.presence.site(site_id)
    return VIEWS.look(presence, filters) if filters else presence


def stream(site_id: int, filters: Filters = NO_FILTERS) -> Stream | None:
    """What happens there, kept from the first asking on; None before this process has any."""
    here, across = edge.running(), collector.running()
    if across:
        return across.stream(site_id, filters)
    return here.presence.site(site_id).streams.follow(filters) if here else None


def end_stream(site_id: int, filters: Filters = NO_FILTERS) -> None:
    """Nobody here asks for it any more. What comes from other processes ends by itself."""
    here = edge.running()
    if here and collector.running() is None:
        here.presence.site(site_id).streams.forget(filters)


def totals(site_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Tabs and visitors of these sites, as they are known without waiting."""
    here, across = edge.running(), collector.running()
    if across:
        return across.totals(site_ids)
    return here.presence.totals() if here else {}


def clock() -> float:
    """Seconds since the epoch, on the clock that all web processes share."""
    across = collector.running()
    return across.now() if across else time.time()
