"""Where visits came from: told of each of their page views, and to the conversations that hold these.

A visit's source never changes, so that what was once read or written is kept; Postgres is asked only for
visits that began elsewhere, or before this process.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable

from msgspec.structs import replace

from tracker.contract.records import SOURCE_COLUMNS, Begin, Placed, VisitSource, known_source, source_of
from tracker.storing.visits import NewPage, VisitName

KEPT = 32_768  # visits, at some 150 bytes each
Asked = Callable[[list[tuple[int, VisitName]]], Iterable[tuple[bytes, VisitSource]]]


class VisitSources:
    """The sources of the visits that one store has met."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._known: OrderedDict[bytes, VisitSource] = OrderedDict()

    def learn(self, visits: Collection[tuple[int, VisitName]], ask: Asked) -> None:
        """Make the sources of these visits known; `ask` says those that are not."""
        missing = {visit.id: (site, visit) for site, visit in visits if visit.id not in self._known}
        if missing:
            self._known.update(ask(list(missing.values())))

    def place(self, page: NewPage) -> Placed:
        """Give a new page view, whose visit is known, the source of that."""
        begins = page.visit.id == page.id
        own = source_of(page.begin.attribution)
        source = own if begins else self._known.get(page.visit.id, own)
        if begins:
            self._known[page.id] = own
        elif source is not own:
            page.begin = from_source(page.begin, source)
        return Placed(page.entry.site_id, page.entry.id.int, source, begins)

    def of(self, visit: bytes) -> VisitSource | None:
        """Where this visit came from, if that is known."""
        return self._known.get(visit)

    def forget(self) -> None:
        """Keep no more than the newest."""
        while len(self._known) > self._kept:
            self._known.popitem(last=False)


def from_source(begin: Begin, source: VisitSource) -> Begin:
    """The begin of a page view whose visit came from `source`."""
    told = {column: getattr(source, column) for column in SOURCE_COLUMNS}
    return replace(begin, attribution=replace(begin.attribution, **told))


def read_source(texts: Iterable[bytes]) -> VisitSource:
    """The source that Postgres gives as columns."""
    return known_source(*(text.decode() for text in texts))
