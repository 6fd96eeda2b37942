"""What a site looks like right now, as the object that boards, the API and its stream all send.

Made from the counters in O(names), or, under a filter, from one look at every open tab.
"""

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from tracker.presence import DIMENSIONS, Attention, SitePresence, Tab

DEFAULT_LIMIT, LARGEST_LIMIT = 20, 1000


@dataclass(frozen=True, slots=True)
class Filters:
    """Names to keep: any of them within a dimension, all dimensions together; without any, every tab."""

    pages: frozenset[str] = frozenset()
    referrers: frozenset[str] = frozenset()
    browsers: frozenset[str] = frozenset()
    systems: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return any(getattr(self, part.name) for part in fields(self))

    def keep(self, tabs: Iterable[Tab]) -> list[Tab]:
        """The tabs that every filtered dimension wants, by their own names (never by "(other)")."""
        wanted = [(at, names) for at, name in enumerate(DIMENSIONS) if (names := getattr(self, name))]
        return [tab for tab in tabs if all(tab.names[at] in names for at, names in wanted)]


NO_FILTERS = Filters()


@dataclass(slots=True)
class Sequence:
    """The numbers of one process's snapshots: they rise with each one, and across restarts with the clock."""

    last: int = 0

    def following(self, at: float) -> int:
        """The next number; `at` in seconds since the epoch."""
        self.last = max(self.last + 1, int(at * 1000))
        return self.last


SEQUENCE = Sequence()


def snapshot(
    presence: SitePresence,
    key: str,
    seq: int,
    at: datetime,
    limit: int = DEFAULT_LIMIT,
    filters: Filters = NO_FILTERS,
) -> dict[str, Any]:
    """The contract's live object; `limit` (1 to LARGEST_LIMIT) rows a list, `totals` counting all of them."""
    counts = _filtered(presence, filters) if filters else _all(presence)
    return {
        "site": key,
        "at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seq": seq,
        "stale": 0,
        "tabs": counts.tabs,
        "visitors": counts.visitors,
        **{attention.value: counts.attention.get(attention, 0) for attention in Attention},
        **{name: _rows(counts.names[name], limit) for name in DIMENSIONS},
        "totals": {name: len(counts.names[name]) for name in DIMENSIONS},
    }


@dataclass(frozen=True, slots=True)
class _Counts:
    tabs: int
    visitors: int
    attention: dict[Attention, int]
    names: dict[str, dict[str, int]]


def _all(presence: SitePresence) -> _Counts:
    return _Counts(presence.tabs, presence.visitors, presence.attention, presence.names)


def _filtered(presence: SitePresence, filters: Filters) -> _Counts:
    kept = filters.keep(presence.open_tabs())
    return _Counts(
        tabs=len(kept),
        visitors=len({tab.visitor for tab in kept}),
        attention=Counter(tab.attention for tab in kept),
        names={name: Counter(tab.names[at] for tab in kept) for at, name in enumerate(DIMENSIONS)},
    )


def _rows(counter: dict[str, int], limit: int) -> list[dict[str, Any]]:
    # 10,000 names, the 20 largest: nsmallest takes 3 ms where sorting them all takes 5.
    largest = heapq.nsmallest(limit, counter.items(), key=lambda item: (-item[1], item[0]))
    return [{"name": name, "tabs": tabs} for name, tabs in largest]
