"""Takes datapoints from wherever they arrive, and hands over each window as it ends."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable

from tracker.signals.datapoint import Datapoint, Reason, Series, SeriesKind
from tracker.signals.statsd import Statsd
from tracker.signals.windows import Row, Windows

logger = logging.getLogger(__name__)

TURN_SECONDS = 0.25
# A clock that goes back by less stands still for as long; by more, windows would not end for hours.
BACK_SECONDS = 10.0
REFUSED = "footfall.signals.refused"
TAKEN = "footfall.signals.taken"


class Signals:
    """All datapoints of one process. What it takes and refuses it says in series of its own."""

    def __init__(
        self,
        put: Callable[[list[Row]], None],
        clock: Callable[[], float] = time.time,
        put_back: Callable[[], None] = lambda: None,
    ) -> None:
        """`put_back`: called when the clock was; what is put then may be of windows that were put before."""
        self.reader = Statsd()
        self.windows = Windows(clock())
        self.refused: Counter[Reason] = Counter()
        """What those who receive have to say, beside what is read here."""
        self._put = put
        self._put_back = put_back
        self._clock = clock
        self._now = clock()
        self._taken = 0

    def take(self, datapoints: list[Datapoint]) -> None:
        """Take datapoints into the windows that are open now."""
        self._taken += len(datapoints)
        self.windows.add(datapoints)

    async def run(self, before: Callable[[], None]) -> None:
        """Hand over windows as they end, until cancelled. `before`: called before each closes."""
        while True:
            await asyncio.sleep(TURN_SECONDS)
            now = self._clock()
            if now < self._now - BACK_SECONDS:
                self._begin_again(now)
            # One that is corrected by moments must not bring windows back that are stored.
            self._now = max(self._now, now)
            if self.windows.is_over(self._now):
                before()
                self._say_of_itself()
                rows: list[Row] = []
                for portion in self.windows.close(self._now):
                    rows += portion
                    await asyncio.sleep(0)
                if rows:
                    self._put(rows)

    def _begin_again(self, now: float) -> None:
        logger.warning("signals: the clock was put back by %.0f s; windows begin anew", self._now - now)
        self.end()
        self._put_back()
        self.windows.begin_again(now)
        self._now = now

    def end(self) -> None:
        """Hand over all that there is."""
        self._say_of_itself()
        rows = [row for portion in self.windows.end() for row in portion]
        if rows:
            self._put(rows)

    def _say_of_itself(self) -> None:
        """How many datapoints were taken, and refused for which reason, since the last time."""
        refused = self.refused + self.reader.refused + self.windows.refused
        said = [
            Datapoint(Series(REFUSED, SeriesKind.COUNTER, (("reason", reason.value),)), count)
            for reason, count in refused.items()
        ]
        if self._taken:
            said.append(Datapoint(Series(TAKEN, SeriesKind.COUNTER), self._taken))
        for counted in (self.refused, self.reader.refused, self.windows.refused):
            counted.clear()
        self._taken = 0
        self.windows.add(said, own=True)
