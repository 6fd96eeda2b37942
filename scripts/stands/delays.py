"""Delays in buckets 2 % wide: small to send between processes, and merged without loss."""

import math
from collections import Counter
from collections.abc import Mapping

GROWTH = math.log(1.02)
LEAST = 1e-5  # seconds


class Delays:
    """How long something took, many times."""

    def __init__(self, buckets: Mapping[str, int] | None = None) -> None:
        """`buckets`: what another's `buckets()` gave."""
        self._counts = Counter({int(name): count for name, count in (buckets or {}).items()})

    def add(self, seconds: float) -> None:
        self._counts[int(math.log(max(seconds, LEAST) / LEAST) / GROWTH)] += 1

    def merge(self, other: "Delays") -> None:
        self._counts.update(other._counts)

    def buckets(self) -> dict[str, int]:
        """What can be written as JSON."""
        return {str(bucket): count for bucket, count in self._counts.items()}

    def __len__(self) -> int:
        return self._counts.total()

    def at(self, share: float) -> float:
        """The delay in seconds that `share` (0 to 1) stayed within; NaN without any."""
        left = share * len(self)
        for bucket in sorted(self._counts):
            left -= self._counts[bucket]
            if left <= 0:
                return LEAST * math.exp((bucket + 0.5) * GROWTH)
        return math.nan
