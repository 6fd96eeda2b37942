"""What a web process knows of the sites' live state, whether it counts alone or edges count beside it."""

from collections.abc import Collection
from typing import Protocol

from tracker.across.vitals import Vitals
from tracker.live.counters import Counters
from tracker.live.filters import NO_FILTERS, Filters
from tracker.live.refusals import Refusal
from tracker.live.stream import Happening, Stream


class LiveState(Protocol):
    """`one_process.OneProcess`, or with Redis `many_processes.ManyProcesses`."""

    @property
    def reachable(self) -> bool:
        """Whether what the other processes tell arrives; always so where there are none."""

    async def counters(self, site_id: int, filters: Filters = NO_FILTERS) -> Counters:
        """The counters of this moment; across processes, complete or stale."""

    def watched(self, site_id: int, filters: Filters = NO_FILTERS) -> Counters | None:
        """The counters as they are known without waiting; None before this process has any."""

    def stream(self, site_id: int, filters: Filters = NO_FILTERS) -> Stream | None:
        """What happens on the site, kept from the first call on; None before this process has any."""

    def end_stream(self, site_id: int, filters: Filters = NO_FILTERS) -> None:
        """Nobody here asks for the stream any more."""

    def happened(self, site_id: int, happening: Happening) -> None:
        """Something that no edge tells of, for the streams that are asked for here."""

    def totals(self, site_ids: Collection[int]) -> dict[int, tuple[int, int]]:
        """Tabs and visitors of these sites, as they are known without waiting."""

    async def refusals(self, site_id: int) -> list[Refusal] | None:
        """Who was refused at the site's door in the last hours, the last first; None where nobody can say."""

    def others(self) -> list[Vitals]:
        """How the other processes are, a second ago at most."""

    async def takes_tick(self, site_id: int, seconds: float) -> bool:
        """Whether this process makes the site's next snapshot for all: the first to ask in `seconds` seconds.

        Raises one of REDIS_ERRORS.
        """

    def clock(self) -> float:
        """Seconds since the epoch, on the clock that all web processes share."""
