"""How many requests a reader of the API may send in a minute, counted by token or user in this process."""

import time
from collections.abc import Callable
from typing import NamedTuple

from analytics.access.rights import Reader
from analytics.models import Token

WINDOW_SECONDS = 60
# Windows of readers that are over are thrown away when there are so many.
MOST_WINDOWS = 1000


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


class RateLimits:
    """Counts requests in windows of a minute, each beginning with its reader's first request."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`limit`: requests of a window; 0 for any number."""
        self._limit = limit
        self._clock = clock
        self._windows: dict[tuple[str, int], tuple[float, int]] = {}

    def take(self, reader: Reader) -> Rate | None:
        """Count a request; None where there is no limit. Raises TooOften."""
        if not self._limit or reader.pk is None:
            return None
        now = self._clock()
        if len(self._windows) > MOST_WINDOWS:
            self._windows = {
                name: window for name, window in self._windows.items() if now < window[0] + WINDOW_SECONDS
            }
        name = ("token" if isinstance(reader, Token) else "user", reader.pk)
        begun, count = self._windows.get(name, (now, 0))
        if now >= begun + WINDOW_SECONDS:
            begun, count = now, 0
        self._windows[name] = begun, count + 1
        rate = Rate(self._limit, self._limit - count - 1, max(1, round(begun + WINDOW_SECONDS - now)))
        if rate.left < 0:
            raise TooOften(rate)
        return rate
