"""Who is on each site right now: counters over open tabs, O(1) for every change, never a scan.

Pure and in memory. Times are seconds since the epoch, given by the caller.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

K = TypeVar("K")

DIMENSIONS = ("pages", "referrers", "browsers", "systems", "devices", "countries")
OTHER = "(other)"
MINUTES_KEPT = 61  # the current minute and the sixty before it


class Attention(StrEnum):
    """What a tab's reader does: looks and acts, only looks, or has the tab out of sight."""

    ACTIVE = "active"
    IDLE = "idle"
    HIDDEN = "hidden"


@dataclass(slots=True, eq=False)
class Tab:
    """One open page: its names in the order of DIMENSIONS, and the names it is counted under."""

    visitor: bytes
    names: tuple[str, ...]
    counted: tuple[str, ...]
    attention: Attention


class SitePresence:
    """The open tabs of one site and their counters."""

    def __init__(self, limit: int, started_at: float) -> None:
        self.started_at = started_at
        self.version = 0
        self.visitors_by_key: dict[bytes, int] = {}
        self.attention: dict[Attention, int] = dict.fromkeys(Attention, 0)
        self.names: dict[str, dict[str, int]] = {dimension: {} for dimension in DIMENSIONS}
        self.minutes: dict[int, int] = {}
        self._limit = limit
        self._tabs: set[Tab] = set()

    @property
    def tabs(self) -> int:
        """Open tabs."""
        return len(self._tabs)

    @property
    def visitors(self) -> int:
        """Distinct visitors who hold at least one open tab."""
        return len(self.visitors_by_key)

    def open_tabs(self) -> Iterable[Tab]:
        """Every open tab; for filters, which look at each one."""
        return self._tabs

    def join(self, visitor: bytes, names: Sequence[str]) -> Tab:
        """A tab opens, active until it says otherwise."""
        counted = tuple(self._add(dimension, name) for dimension, name in zip(DIMENSIONS, names, strict=True))
        tab = Tab(visitor, tuple(names), counted, Attention.ACTIVE)
        self._tabs.add(tab)
        self.visitors_by_key[visitor] = self.visitors_by_key.get(visitor, 0) + 1
        self.attention[Attention.ACTIVE] += 1
        self.version += 1
        return tab

    def leave(self, tab: Tab) -> None:
        """A tab closes."""
        self._tabs.remove(tab)
        _take(self.visitors_by_key, tab.visitor)
        self.attention[tab.attention] -= 1
        for dimension, name in zip(DIMENSIONS, tab.counted, strict=True):
            _take(self.names[dimension], name)
        self.version += 1

    def move(self, tab: Tab, names: Sequence[str]) -> None:
        """A tab shows another page; only what differs is counted anew."""
        counted = list(tab.counted)
        for index, (dimension, old, new) in enumerate(zip(DIMENSIONS, tab.names, names, strict=True)):
            if old != new:
                _take(self.names[dimension], counted[index])
                counted[index] = self._add(dimension, new)
        tab.names, tab.counted = tuple(names), tuple(counted)
        self.version += 1

    def attend(self, tab: Tab, attention: Attention) -> None:
        """A tab's attention changes."""
        if tab.attention is not attention:
            self.attention[tab.attention] -= 1
            self.attention[attention] += 1
            tab.attention = attention
            self.version += 1

    def began(self, at: float) -> None:
        """A page view began at `at`: count it in its minute."""
        minute = int(at // 60)
        if minute not in self.minutes:
            for old in [kept for kept in self.minutes if kept <= minute - MINUTES_KEPT]:
                del self.minutes[old]
        self.minutes[minute] = self.minutes.get(minute, 0) + 1
        self.version += 1

    def _add(self, dimension: str, name: str) -> str:
        counter = self.names[dimension]
        if name not in counter and len(counter) - (OTHER in counter) >= self._limit:
            name = OTHER
        counter[name] = counter.get(name, 0) + 1
        return name


class Presence:
    """The sites of one process; `limit` bounds the distinct names per dimension and site."""

    def __init__(self, limit: int, started_at: float) -> None:
        self._limit = limit
        self._started_at = started_at
        self._sites: dict[int, SitePresence] = {}

    def site(self, site_id: int) -> SitePresence:
        """The presence of a site, empty if nobody has come yet."""
        found = self._sites.get(site_id)
        if found is None:
            found = self._sites[site_id] = SitePresence(self._limit, self._started_at)
        return found

    def tabs(self) -> int:
        """Open tabs over all sites."""
        return sum(site.tabs for site in self._sites.values())

    def visitors(self) -> int:
        """Distinct visitors per site, added up."""
        return sum(site.visitors for site in self._sites.values())


def _take(counter: dict[K, int], name: K) -> None:
    left = counter[name] - 1
    if left:
        counter[name] = left
    else:
        del counter[name]
