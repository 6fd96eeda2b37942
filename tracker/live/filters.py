"""Which open tabs a live filter keeps: any of its names within a dimension, all dimensions together. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b

import msgspec

from tracker.live.dimensions import DIMENSIONS


@dataclass(frozen=True, slots=True)
class Filters:
    """Names to keep, by dimension; without any, every tab."""

    pages: frozenset[str] = frozenset()
    referrers: frozenset[str] = frozenset()
    browsers: frozenset[str] = frozenset()
    systems: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    campaigns: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return any(getattr(self, part.name) for part in fields(self))

    def wanted(self) -> list[tuple[int, frozenset[str]]]:
        """The filtered dimensions: index in DIMENSIONS, and the names that will do."""
        return [(at, names) for at, name in enumerate(DIMENSIONS) if (names := getattr(self, name))]

    def keeps(self, names: Sequence[str]) -> bool:
        """Whether a tab with these names, in the order of DIMENSIONS, is kept."""
        return all(names[at] in wanted for at, wanted in self.wanted())

    def view(self) -> str:
        """A short name for the same filters in every process; "" without any."""
        if not self:
            return ""
        return blake2b(msgspec.json.encode(self, order="deterministic"), digest_size=8).hexdigest()


NO_FILTERS = Filters()
