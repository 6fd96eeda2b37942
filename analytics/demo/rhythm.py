"""When visitors come: at random, and at a rate that swings over the minutes, as a living site's does."""

import math
from random import Random
from typing import Final

from analytics.demo.facts import SOURCES, SURGES, Source
from analytics.demo.walk import walk

SAMPLES: Final = 1000
# (period in seconds, height): two that never meet in the same way within an hour.
SWINGS: Final = ((420.0, 0.40), (131.0, 0.20))
SURGE_EVERY: Final = 480.0  # seconds, on average
SURGE_SECONDS: Final = 90.0
SURGE_HEIGHT: Final = 1.2  # times the ordinary rate, on top of it


class Rhythm:
    """Arrivals that keep `average` people on the site."""

    def __init__(self, rng: Random, average: float) -> None:
        self._rng = rng
        seconds = sum(walk(rng, source(rng)).seconds for _ in range(SAMPLES)) / SAMPLES
        # Little's law; and the surges' share is taken off, so that the average holds with them.
        self.rate = average / seconds / (1 + SURGE_HEIGHT * SURGE_SECONDS / (SURGE_EVERY + SURGE_SECONDS))
        self._surge: Source | None = None
        self._turn = rng.expovariate(1 / SURGE_EVERY)

    def next(self, now: float) -> tuple[float, Source]:
        """Seconds until the next arrival, and where from; `now` counts from the start."""
        self._turn_tide(now)
        ordinary = self.rate * swing(now)
        surging = self.rate * SURGE_HEIGHT if self._surge else 0.0
        wait = self._rng.expovariate(ordinary + surging)
        if self._surge and self._rng.random() < surging / (ordinary + surging):
            return wait, self._surge
        return wait, source(self._rng)

    def _turn_tide(self, now: float) -> None:
        if now < self._turn:
            return
        if self._surge:
            self._surge = None
            self._turn = now + self._rng.expovariate(1 / SURGE_EVERY)
        else:
            self._surge = self._rng.choices(SURGES, [surge.weight for surge in SURGES])[0]
            self._turn = now + SURGE_SECONDS


def swing(now: float) -> float:
    """The rate at `now` as a share of the average."""
    return 1 + sum(height * math.sin(2 * math.pi * now / period) for period, height in SWINGS)


def source(rng: Random) -> Source:
    """Where an ordinary visitor comes from."""
    return rng.choices(SOURCES, [source.weight for source in SOURCES])[0]
