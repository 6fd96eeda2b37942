"""Who was refused at the doors of sites in the last hours, and why: what an owner can mend. Pure.

Hosts of pages and families of programs; no address, no path, no agent. Bounded, whatever strangers send.
Moments are seconds since the epoch.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

HOURS: Final = 6  # for how long a refusal is told
HOUR: Final = 3600
MOST_SITES: Final = 1_000  # of one process, those that refused last
MOST_ROWS: Final = 50  # of one site; what is beyond that is OTHER
LONGEST: Final = 253
OTHER: Final = "(other)"


class RefusalRow(msgspec.Struct, array_like=True):
    """One reason and host (or program) at one process: how often in each hour, and when at last."""

    reason: str
    of: str
    at: float
    hours: dict[int, int]  # by hours since the epoch

    def count(self, at: float) -> None:
        """It was refused once more."""
        hour = int(at // HOUR)
        if hour not in self.hours:
            self.hours = {each: count for each, count in self.hours.items() if each > hour - HOURS}
        self.hours[hour] = self.hours.get(hour, 0) + 1
        self.at = max(self.at, at)


class Refusal(msgspec.Struct, frozen=True):
    """The same over all processes: `count` times in the last HOURS, at last at `at`."""

    reason: str
    of: str
    count: int
    at: float


class SiteRefusals:
    """What one process refused."""

    def __init__(self) -> None:
        self._sites: dict[int, dict[tuple[str, str], RefusalRow]] = {}
        self._changed: dict[int, None] = {}

    def note(self, site_id: int, reason: str, of: str, at: float) -> None:
        """Somebody was refused; `of`: the page's host, or the program, "" where nobody said it."""
        # The last one that was refused stands last.
        rows = self._sites[site_id] = self._sites.pop(site_id, {})
        if len(self._sites) > MOST_SITES:
            forgotten = next(iter(self._sites))
            del self._sites[forgotten]
            self._changed.pop(forgotten, None)
        key = (reason, of[:LONGEST])
        if key not in rows and len(rows) >= MOST_ROWS:
            _forget(rows, at)
            key = key if len(rows) < MOST_ROWS else (reason, OTHER)
        if key not in rows:
            rows[key] = RefusalRow(*key, at, {})
        rows[key].count(at)
        self._changed[site_id] = None

    def of(self, site_id: int) -> list[RefusalRow]:
        """The rows of a site."""
        return list(self._sites.get(site_id, {}).values())

    def news(self, most: int) -> list[int]:
        """So many sites at most whose rows changed and were not told; they are told now."""
        told = list(self._changed)[:most]
        for site_id in told:
            del self._changed[site_id]
        return told

    def say_all(self) -> None:
        """What was told is lost: tell it again."""
        self._changed = dict.fromkeys(self._sites)


def merged(parts: Iterable[RefusalRow], now: float) -> list[Refusal]:
    """The rows of all processes as one list, the last refusal first."""
    oldest = int(now // HOUR) - HOURS
    found: dict[tuple[str, str], tuple[int, float]] = {}
    for row in parts:
        if count := sum(count for hour, count in row.hours.items() if hour > oldest):
            before, at = found.get((row.reason, row.of), (0, row.at))
            found[row.reason, row.of] = (before + count, max(at, row.at))
    told = (Refusal(reason, of, count, at) for (reason, of), (count, at) in found.items())
    return sorted(told, key=lambda each: (-each.at, each.reason, each.of))


def _forget(rows: dict[tuple[str, str], RefusalRow], now: float) -> None:
    """Drop the rows of hours that are not told any more."""
    oldest = int(now // HOUR) - HOURS
    for key in [key for key, row in rows.items() if max(row.hours, default=0) <= oldest]:
        del rows[key]
