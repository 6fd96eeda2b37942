"""What happens on a watched site, as it happens: page views that begin, and events; the newest of them.

Pure. O(1) for each and filter that is watched, and nothing at all for a site that nobody watches. It is for
looking at, not for counting: what a board has no room for, or missed, is only told as a number.
"""

from collections import OrderedDict
from collections.abc import Iterable
from uuid import UUID

import msgspec

from tracker.live.dimensions import DIMENSIONS
from tracker.live.filters import Filters

KEPT = 200  # of a stream; a board shows no more
NEWEST = 50  # of what one tick tells, and of what a board begins with
# Of an event whose page view is not open any more, or is open elsewhere: Postgres knows them. No page is "".
NO_NAMES = ("",) * len(DIMENSIONS)


class Happening(msgspec.Struct, array_like=True, frozen=True):
    """A page view that began, or with a name an event."""

    id: UUID
    at: float  # seconds since the epoch
    mark: str  # whose (`identity.mark`)
    event: str
    names: tuple[str, ...]  # of the page view, in the order of DIMENSIONS
    page_before: str | None = None  # the one before it in its visit; None where the visit begins with it
    logged: bool = False  # out of a server's log: nobody has it open


class Stream:
    """The newest happenings, numbered from 1 in the order in which they came to be known here."""

    def __init__(self) -> None:
        self.told = 0  # the last one's number
        self._kept: OrderedDict[UUID, tuple[int, Happening]] = OrderedDict()
        self._nameless: OrderedDict[UUID, Happening] = OrderedDict()

    @property
    def lacks_names(self) -> bool:
        """Whether something is to be named before anybody is told of it."""
        return bool(self._nameless)

    def take_nameless(self) -> list[Happening]:
        """What is to be named, oldest first; once it is, it is to be appended."""
        taken = list(self._nameless.values())
        self._nameless.clear()
        return taken

    def append(self, happening: Happening) -> None:
        """One more. An event that its page says again counts once, as long as the first is still kept."""
        if happening.id in self._kept:
            return
        if happening.names == NO_NAMES:
            self._nameless[happening.id] = happening
            if len(self._nameless) > KEPT:
                self._nameless.popitem(last=False)
            return
        self.told += 1
        self._kept[happening.id] = self.told, happening
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def extend(self, passed: int, happenings: Iterable[Happening]) -> None:
        """Append what another process tells, oldest first, behind so many that it passed over."""
        self.told += passed
        for happening in happenings:
            self.append(happening)

    def after(self, number: int, most: int, until: int | None = None) -> tuple[int, list[Happening]]:
        """The newest `most` with numbers over `number` up to `until`, newest first; and before them, how many
        more there were."""
        last = self.told if until is None else until
        newest: list[Happening] = []
        for own, happening in reversed(self._kept.values()):
            if own <= number or len(newest) == most:
                break
            if own <= last:
                newest.append(happening)
        return max(0, last - number - len(newest)), newest


class Streams:
    """The streams of one site that are watched, by filter."""

    def __init__(self) -> None:
        self.watched: dict[Filters, Stream] = {}

    def follow(self, filters: Filters) -> Stream:
        """The stream of what these filters keep, from now on until `forget`."""
        return self.watched.setdefault(filters, Stream())

    def forget(self, filters: Filters) -> None:
        """Stop following what these filters keep."""
        self.watched.pop(filters, None)

    def append(self, happening: Happening) -> None:
        """Something happened."""
        for filters, stream in self.watched.items():
            # Whether a filter keeps what has no names yet is found when it is named.
            if happening.names == NO_NAMES or filters.keeps(happening.names):
                stream.append(happening)
