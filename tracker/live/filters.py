"""Which open tabs a live filter keeps: any of its names within a dimension, all dimensions together. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Self

import msgspec

from tracker.live.dimensions import DIMENSIONS


@dataclass(frozen=True, slots=True)
class Filters:
    """Names to keep, by the places of their dimensions in the table; without any, every tab."""

    wanted: tuple[tuple[int, frozenset[str]], ...] = ()

    @classmethod
    def of(cls, **names: Iterable[str]) -> Self:
        """Filters by the names to keep of each dimension: `Filters.of(pages=["/pricing"])`."""
        return cls.of_names(names)

    @classmethod
    def of_names(cls, names: Mapping[str, Iterable[str]]) -> Self:
        """The same from a mapping; dimensions that this process does not know of mean nothing to it."""
        kept = ((kind, frozenset(names.get(each, ()))) for kind, each in enumerate(DIMENSIONS))
        return cls(tuple((kind, each) for kind, each in kept if each))

    def __bool__(self) -> bool:
        return bool(self.wanted)

    def names(self) -> dict[str, list[str]]:
        """The names to keep of every dimension, sorted; none for those that do not filter."""
        kept = dict(self.wanted)
        return {each: sorted(kept.get(kind, ())) for kind, each in enumerate(DIMENSIONS)}

    def keeps(self, names: Sequence[str]) -> bool:
        """Whether a tab with these names, in the order of DIMENSIONS, is kept."""
        return all(names[kind] in kept for kind, kept in self.wanted)

    def key(self) -> str:
        """A short name for the same filters in every process; "" without any."""
        if not self:
            return ""
        return blake2b(msgspec.json.encode(self.names()), digest_size=8).hexdigest()


NO_FILTERS = Filters()
