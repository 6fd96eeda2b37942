"""What became of pages that were dropped, read out of a ledger: with which code, and when they were back."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from bench.ledger import Entry, EntryKind


@dataclass
class Returns:
    """Of the pages that were dropped after a moment."""

    codes: Counter[int] = field(default_factory=Counter)  # 0: dropped without one
    seconds: list[float] = field(default_factory=list)  # until a page had a connection again, and said itself
    away: int = 0  # dropped, and neither back nor left

    @property
    def dropped(self) -> int:
        return self.codes.total()

    def at(self, share: float) -> float:
        """The seconds within which `share` (0 to 1) of those that came back had done so; NaN without any."""
        return sorted(self.seconds)[math.ceil(share * len(self.seconds)) - 1] if self.seconds else math.nan

    def within(self, seconds: float) -> float:
        """The share of the dropped that was back by then."""
        return sum(each <= seconds for each in self.seconds) / self.dropped if self.dropped else math.nan


def returns(entries: Iterable[Entry], after: float = 0.0, code: int | None = None) -> Returns:
    """Read a run, oldest entry first: what was dropped `after` (epoch seconds), with `code` if given."""
    found = Returns()
    gone: dict[UUID, float] = {}
    for entry in entries:
        if entry.kind is EntryKind.LOST and entry.at >= after and code in (None, entry.path):
            # A try to come back that fails is no second loss.
            if entry.page not in gone:
                found.codes[entry.path] += 1
                gone[entry.page] = entry.at
        elif entry.kind is EntryKind.SAID and entry.page in gone:
            found.seconds.append(entry.at - gone.pop(entry.page))
    found.away = len(gone)
    return found
