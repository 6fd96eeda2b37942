"""Live filters that are asked for again and again, in one process: their counters are kept at the presence.

The first look scans the open tabs; from the second within ten seconds on, a look costs nothing but its rows.
"""

import asyncio

from tracker.live.filtered_counters import FilteredCounters
from tracker.live.filters import Filters
from tracker.live.presence import SitePresence

KEPT_SECONDS = 10.0
# Every filter that is kept is looked at with each change to its site; further ones scan.
LIMIT = 64


class FilteredCache:
    """Keeps the counters of filters that were asked for in the last seconds."""

    def __init__(self) -> None:
        self._timers: dict[tuple[SitePresence, Filters], asyncio.TimerHandle] = {}

    def look(self, presence: SitePresence, filters: Filters) -> FilteredCounters:
        """The counters that a filter keeps at this moment."""
        key = (presence, filters)
        timer = self._timers.pop(key, None)
        if timer is None and len(self._timers) >= LIMIT:
            return presence.look(filters)
        filtered = presence.filtered(filters) if timer else presence.look(filters)
        if timer:
            timer.cancel()
        self._timers[key] = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._forget, key)
        return filtered

    def _forget(self, key: tuple[SitePresence, Filters]) -> None:
        del self._timers[key]
        presence, filters = key
        presence.forget(filters)
