"""How many requests a reader of the API may send in a minute, counted by token or user over all processes."""

import logging
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from analytics.access.rights import Reader
from analytics.models import Token

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 60
# Windows of readers that are over are thrown away when there are so many.
MOST_WINDOWS = 1000
# For so long nobody waits again for shared counts that were away.
AWAY_SECONDS = 5.0


class Rate(NamedTuple):
    """Where a reader stands: requests of a window, those that are left, and seconds until the next one."""

    limit: int
    left: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        """As the field's drafts write them (draft-ietf-httpapi-ratelimit-headers-07)."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.left)),
            "RateLimit-Reset": str(self.reset),
            "RateLimit-Policy": f"{self.limit};w={WINDOW_SECONDS}",
        }


class TooOften(Exception):
    """A reader has sent all requests of this window."""

    def __init__(self, rate: Rate) -> None:
        super().__init__()
        self.rate = rate


class SharedCounts(Protocol):
    """Counts that all web processes have in common."""

    async def count(self, name: str, seconds: int) -> tuple[int, float] | None:
        """One more in the window of this name: how many it has now, and for how many seconds it still is.

        None where nobody answers.
        """


class RateLimits:
    """Counts requests in windows of a minute, each beginning with its reader's first request.

    While the shared counts are away each process counts by itself: a reader has then as many requests as the
    limit says of each. To refuse everybody would stop reports that Postgres could answer, and to count nobody
    would let one reader keep all others waiting.
    """

    def __init__(
        self, limit: int, clock: Callable[[], float] = time.monotonic, shared: SharedCounts | None = None
    ) -> None:
        """`limit`: requests of a window; 0 for any number. Without `shared`, this process counts alone."""
        self._limit = limit
        self._clock = clock
        self._shared = shared
        self._away_until = 0.0
        self._windows: dict[str, tuple[float, int]] = {}

    async def take(self, reader: Reader) -> Rate | None:
        """Count a request; None where there is no limit. Raises TooOften."""
        if not self._limit or reader.pk is None:
            return None
        name = f"{'token' if isinstance(reader, Token) else 'user'}:{reader.pk}"
        # Counted here too: where the shared counts are lost, nobody begins anew.
        own = self._own(name)
        count, seconds = await self._others(name) or own
        rate = Rate(self._limit, self._limit - count, max(1, round(seconds)))
        if rate.left < 0:
            raise TooOften(rate)
        return rate

    async def _others(self, name: str) -> tuple[int, float] | None:
        if self._shared is None or self._clock() < self._away_until:
            return None
        told = await self._shared.count(name, WINDOW_SECONDS)
        if told is None:
            self._away_until = self._clock() + AWAY_SECONDS
            logger.warning("rate limits: Redis does not answer: each process counts by itself meanwhile")
        return told

    def _own(self, name: str) -> tuple[int, float]:
        now = self._clock()
        if len(self._windows) > MOST_WINDOWS:
            self._windows = {
                each: window for each, window in self._windows.items() if now < window[0] + WINDOW_SECONDS
            }
        begun, count = self._windows.get(name, (now, 0))
        if now >= begun + WINDOW_SECONDS:
            begun, count = now, 0
        self._windows[name] = begun, count + 1
        return count + 1, begun + WINDOW_SECONDS - now
