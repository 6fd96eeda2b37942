"""A live filter's counters, kept while somebody watches: built once, then O(1) for every change. Pure."""

from collections.abc import Sequence

from tracker.contract.attention import Attention
from tracker.live.counters import ATTENTION, VISITORS, Counters
from tracker.live.filters import Filters


class FilteredCounters(Counters):
    """The open tabs of one site that a filter keeps, counted under their own names (never "(other)")."""

    def __init__(self, filters: Filters, started_at: float) -> None:
        super().__init__(started_at)
        self._filters = filters

    def join(self, visitor: bytes, names: Sequence[str], attention: Attention) -> None:
        """Count a tab that opens, if the filter keeps it."""
        self._count(visitor, names, attention, 1)

    def leave(self, visitor: bytes, names: Sequence[str], attention: Attention) -> None:
        """Stop counting a tab that closes."""
        self._count(visitor, names, attention, -1)

    def attend(self, names: Sequence[str], before: Attention, after: Attention) -> None:
        """Count a change of a tab's attention."""
        if self._filters.keeps(names):
            self.add(ATTENTION, before, -1)
            self.add(ATTENTION, after, 1)
            self.version += 1

    def _count(self, visitor: bytes, names: Sequence[str], attention: Attention, by: int) -> None:
        if self._filters.keeps(names):
            for kind, name in enumerate(names):
                self.add(kind, name, by)
            self.add(VISITORS, visitor, by)
            self.add(ATTENTION, attention, by)
            self.version += 1
