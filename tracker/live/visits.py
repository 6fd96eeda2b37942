"""Which visits the visitors of a site are on, as far as this process knows: their sources and last pages.

Pure. A forecast, so that whoever opens a second page is at once counted under the source of the visit, also
while Postgres is away. Where a visit begins is decided in one place, when its page views are stored
(`tracker.storing.visits`); a conversation is told of that some 20 ms later, and corrects what was forecast.
"""

from collections import OrderedDict
from uuid import UUID

import msgspec

from tracker.contract.records import VisitSource
from tracker.contract.spans import VISIT_GAP

GAP_SECONDS = VISIT_GAP.total_seconds()
# Of visitors without an open tab, at some 300 bytes each. Beyond it Postgres says what was forgotten.
LEFT_LIMIT = 65_536


class LiveVisit(msgspec.Struct, eq=False, gc=False):
    """A visit that goes on: it has open tabs, or had some less than VISIT_GAP ago."""

    visitor: UUID
    source: VisitSource
    page: str = ""  # the one that began last
    tabs: int = 0


class LiveVisits:
    """The visits of one site's visitors; `now` is a steady clock's."""

    def __init__(self, left_limit: int = LEFT_LIMIT) -> None:
        self._left_limit = left_limit
        self._by_visitor: dict[int, LiveVisit] = {}  # by number: a UUID's hash is Python
        # Those without tabs, in the order in which they came to that, with the time.
        self._left: OrderedDict[int, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_visitor)

    def enter(self, visitor: UUID, source: VisitSource, now: float) -> LiveVisit:
        """A tab of this visitor opens: the visit that goes on, or one that begins from `source`."""
        left_at = self._left.pop(visitor.int, None)
        visit = self._by_visitor.get(visitor.int)
        if visit is None or (left_at is not None and now >= left_at + GAP_SECONDS):
            visit = self._by_visitor[visitor.int] = LiveVisit(visitor, source)
        visit.tabs += 1
        return visit

    def leave(self, visit: LiveVisit, now: float) -> None:
        """A tab closes."""
        visit.tabs -= 1
        number = visit.visitor.int
        if visit.tabs or self._by_visitor.get(number) is not visit:
            return
        self._left[number] = now
        if len(self._left) > self._left_limit:
            oldest, _ = self._left.popitem(last=False)
            del self._by_visitor[oldest]

    def forget(self, now: float) -> None:
        """Forget the visits that are over."""
        while self._left:
            number, left_at = next(iter(self._left.items()))
            if now < left_at + GAP_SECONDS:
                return
            del self._left[number], self._by_visitor[number]
