"""Who is on each site right now: counters over open tabs, O(1) for every change, never a scan.

Pure and in memory. Times are seconds since the epoch, given by the caller.
"""

from collections.abc import Sequence

import msgspec

from tracker.contract.attention import Attention
from tracker.live.counters import ATTENTION, MINUTES, MINUTES_KEPT, VISITORS, Counters
from tracker.live.filtered_counters import FilteredCounters
from tracker.live.filters import Filters
from tracker.live.stream import Streams
from tracker.live.visits import LiveVisits

OTHER = "(other)"


class Tab(msgspec.Struct, eq=False, gc=False):
    """One open page: its names in the order of DIMENSIONS, and the names it is counted under."""

    visitor: bytes
    names: tuple[str, ...]
    counted: tuple[str, ...]
    attention: Attention


class SitePresence(Counters):
    """The open tabs of one site and their counters."""

    def __init__(self, limit: int, started_at: float) -> None:
        super().__init__(started_at)
        self._limit = limit
        self._tabs: set[Tab] = set()
        self._filtered: dict[Filters, FilteredCounters] = {}
        self.streams = Streams()
        self.visits = LiveVisits()

    def filtered(self, filters: Filters) -> FilteredCounters:
        """The counters of the tabs that `filters` keep: found from all tabs, then kept until `forget`."""
        if filters not in self._filtered:
            self._filtered[filters] = self.look(filters)
        return self._filtered[filters]

    def look(self, filters: Filters) -> FilteredCounters:
        """The counters of this moment: those that are kept, else found from all open tabs."""
        if filters in self._filtered:
            return self._filtered[filters]
        filtered = FilteredCounters(filters, self.started_at)
        for tab in self._tabs:
            filtered.join(tab.visitor, tab.names, tab.attention)
        return filtered

    def forget(self, filters: Filters) -> None:
        """Nobody watches what these filters keep any more."""
        self._filtered.pop(filters, None)

    def join(self, visitor: bytes, names: Sequence[str]) -> Tab:
        """A tab opens, active until it says otherwise."""
        names = counted = tuple(names)
        if self._most + len(self._waiting) >= self._limit:
            self._add_up()
            if self._most >= self._limit:
                counted = tuple(map(self._bounded, self._dimensions, names))
        self.count(counted, 1)
        tab = Tab(visitor, names, counted, Attention.ACTIVE)
        self._tabs.add(tab)
        self.add(VISITORS, visitor, 1)
        self.add(ATTENTION, Attention.ACTIVE, 1)
        self.version += 1
        for filtered in self._filtered.values():
            filtered.join(visitor, tab.names, Attention.ACTIVE)
        return tab

    def leave(self, tab: Tab) -> None:
        """Stop counting a tab that closes."""
        self._tabs.remove(tab)
        self.add(VISITORS, tab.visitor, -1)
        self.add(ATTENTION, tab.attention, -1)
        self.count(tab.counted, -1)
        self.version += 1
        for filtered in self._filtered.values():
            filtered.leave(tab.visitor, tab.names, tab.attention)

    def move(self, tab: Tab, names: Sequence[str]) -> None:
        """A tab shows another page; only what differs is counted anew."""
        self._add_up()
        before, counted = tab.names, list(tab.counted)
        for kind, (old, new) in enumerate(zip(before, names, strict=True)):
            if old != new:
                self.add(kind, counted[kind], -1)
                counted[kind] = self._bounded(self._dimensions[kind], new)
                self.add(kind, counted[kind], 1)
        self._most = max(map(len, self._dimensions))
        tab.names, tab.counted = tuple(names), tuple(counted)
        self.version += 1
        for filtered in self._filtered.values():
            filtered.leave(tab.visitor, before, tab.attention)
            filtered.join(tab.visitor, tab.names, tab.attention)

    def attend(self, tab: Tab, attention: Attention) -> None:
        """Count a change of a tab's attention."""
        before = tab.attention
        if before is not attention:
            self.add(ATTENTION, before, -1)
            self.add(ATTENTION, attention, 1)
            tab.attention = attention
            self.version += 1
            for filtered in self._filtered.values():
                filtered.attend(tab.names, before, attention)

    def began(self, at: float) -> None:
        """A page view began at `at`: count it in its minute."""
        minute = int(at // 60)
        if minute not in self.minutes:
            for old in [kept for kept in self.minutes if kept <= minute - MINUTES_KEPT]:
                del self.minutes[old]
        self.add(MINUTES, minute, 1)
        self.version += 1

    def _bounded(self, counter: dict[str, int], name: str) -> str:
        """What a name is counted under: itself, or OTHER where there is no room for one more."""
        # "" says that there is none: it takes no room, and never becomes OTHER.
        if not name or name in counter:
            return name
        room = self._limit + (OTHER in counter) + ("" in counter)
        return name if len(counter) < room else OTHER


class Presence:
    """The sites of one process; `limit` bounds the distinct names per dimension and site."""

    def __init__(self, limit: int, started_at: float) -> None:
        self._limit = limit
        self._started_at = started_at
        self._sites: dict[int, SitePresence] = {}

    def site(self, site_id: int) -> SitePresence:
        """The presence of a site, empty if nobody has come yet."""
        site = self._sites.get(site_id)
        if site is None:
            site = self._sites[site_id] = SitePresence(self._limit, self._started_at)
        return site

    def forget_visits(self, now: float) -> None:
        """Forget the visits that are over; `now` is a steady clock's."""
        for site in self._sites.values():
            site.visits.forget(now)

    def totals(self) -> dict[int, tuple[int, int]]:
        """Tabs and visitors of every site that somebody is on."""
        return {site_id: (site.tabs, site.visitors) for site_id, site in self._sites.items() if site.tabs}

    def tabs(self) -> int:
        """How many tabs are open, over all sites."""
        return sum(site.tabs for site in self._sites.values())

    def visitors(self) -> int:
        """How many distinct visitors there are: per site, added up."""
        return sum(site.visitors for site in self._sites.values())
