"""The live state where several processes count as one: what all edges tell, as the collector merges it."""

from collections.abc import Collection

from analytics.live.collector import Collector
from tracker.across.vitals import Vitals
from tracker.edge.process_edge import ProcessEdge
from tracker.live.counters import Counters
from tracker.live.filters import NO_FILTERS, Filters
from tracker.live.refusals import Refusal
from tracker.live.stream import Happening, Stream


class ManyProcesses:
    """A `LiveState` over all edges; `edge` is this process's own, which tells its counters as others do."""

    def __init__(self, collector: Collector, edge: ProcessEdge) -> None:
        self._collector = collector
        self._edge = edge

    @property
    def reachable(self) -> bool:
        return self._collector.reachable

    async def counters(self, site_id: int, filters: Filters = NO_FILTERS) -> Counters:
        return await self._collector.whole(site_id, filters)

    def watched(self, site_id: int, filters: Filters = NO_FILTERS) -> Counters:
        return self._collector.watch(site_id, filters)

    def stream(self, site_id: int, filters: Filters = NO_FILTERS) -> Stream:
        return self._collector.stream(site_id, filters)

    def happened(self, site_id: int, happening: Happening) -> None:
        self._collector.happened(site_id, happening)

    def end_stream(self, site_id: int, filters: Filters = NO_FILTERS) -> None:
        """What comes from other processes ends by itself."""

    def totals(self, site_ids: Collection[int]) -> dict[int, tuple[int, int]]:
        return self._collector.totals(site_ids)

    async def refusals(self, site_id: int) -> list[Refusal] | None:
        return await self._collector.refusals(site_id)

    def others(self) -> list[Vitals]:
        own = self._edge.running
        return self._collector.vitals(besides=f"{own.id:x}" if own else "")

    async def takes_tick(self, site_id: int, seconds: float) -> bool:
        return await self._collector.takes(site_id, seconds)

    def clock(self) -> float:
        return self._collector.now()
