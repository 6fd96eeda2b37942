"""The live state where this process alone counts: its own edge's counters, read in place."""

import time
from collections.abc import Collection

from analytics.live.filtered_cache import FilteredCache
from tracker.across.vitals import Vitals
from tracker.edge.process_edge import ProcessEdge
from tracker.live.counters import Counters
from tracker.live.filters import NO_FILTERS, Filters
from tracker.live.refusals import Refusal, merged
from tracker.live.stream import Happening, Stream


class OneProcess:
    """A `LiveState` of one process."""

    reachable = True

    def __init__(self, edge: ProcessEdge) -> None:
        self._edge = edge
        self._filtered = FilteredCache()

    async def counters(self, site_id: int, filters: Filters = NO_FILTERS) -> Counters:
        presence = (await self._edge.start()).presence.site(site_id)
        return self._filtered.look(presence, filters) if filters else presence

    def watched(self, site_id: int, filters: Filters = NO_FILTERS) -> Counters | None:
        if self._edge.running is None:
            return None
        presence = self._edge.running.presence.site(site_id)
        return self._filtered.look(presence, filters) if filters else presence

    def stream(self, site_id: int, filters: Filters = NO_FILTERS) -> Stream | None:
        edge = self._edge.running
        return edge.presence.site(site_id).streams.follow(filters) if edge else None

    def happened(self, site_id: int, happening: Happening) -> None:
        if self._edge.running:
            self._edge.running.presence.site(site_id).streams.append(happening)

    def end_stream(self, site_id: int, filters: Filters = NO_FILTERS) -> None:
        if self._edge.running:
            self._edge.running.presence.site(site_id).streams.forget(filters)

    def totals(self, site_ids: Collection[int]) -> dict[int, tuple[int, int]]:
        return self._edge.running.presence.totals() if self._edge.running else {}

    async def refusals(self, site_id: int) -> list[Refusal] | None:
        return merged((await self._edge.start()).refusals.of(site_id), time.time())

    def others(self) -> list[Vitals]:
        return []

    async def takes_tick(self, site_id: int, seconds: float) -> bool:
        return True

    def clock(self) -> float:
        return time.time()
