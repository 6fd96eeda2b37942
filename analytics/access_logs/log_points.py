"""Status codes and times of an access log as datapoints: of every request, whoever made it. Pure."""

from collections import Counter
from typing import Final

from analytics.access_logs.logged_request import LoggedRequest
from tracker.signals.json_points import JsonPoint

REQUESTS: Final = "access.requests"
TIME: Final = "access.time"
UPSTREAM_TIME: Final = "access.upstream_time"
# Of one pass: what comes faster is counted in full, and timed for so many.
TIMES_MOST: Final = 20_000


class LogPoints:
    """What requests came to since the last time."""

    def __init__(self, site: str) -> None:
        """`site`: its key, a tag of all."""
        self._tags = {"site": site}
        self._counted: Counter[int] = Counter()
        self._times: list[JsonPoint] = []

    def add(self, request: LoggedRequest) -> None:
        """One more request."""
        self._counted[request.status] += 1
        for name, seconds in ((TIME, request.seconds), (UPSTREAM_TIME, request.upstream_seconds)):
            if seconds is not None and len(self._times) < TIMES_MOST:
                self._times.append(JsonPoint(name, "ms", round(seconds * 1000, 3), self._tags))

    def take(self) -> list[JsonPoint]:
        """The datapoints: a counter by status, and a timer in milliseconds for each time that is known."""
        points = [
            JsonPoint(REQUESTS, "c", float(count), {**self._tags, "status": str(status)})
            for status, count in self._counted.items()
        ]
        points += self._times
        self._counted.clear()
        self._times = []
        return points
