"""Frees what refers to itself: by the clock, since a few objects may hold much.

Python looks for it after so many allocations. Few enough that it bounds memory were 10 % of what page loads
cost; so many that it costs nothing are minutes of requests: each leaves 76 objects behind, and a failed
connection to Postgres 12 KB of libpq's that count as one. Measured: 55,000 objects of no use after 150 s of
five requests a second.
"""

import asyncio
import gc
from itertools import count

EVERY_SECONDS = 10.0
# Turns after which those are looked at, too, that were in use at a turn before, and all that there is.
SOME, ALL = 6, 60
YOUNG, OLDER, OLDEST = range(3)


async def collect(oldest: int) -> None:
    """Look for it until cancelled, never among older objects than of generation `oldest` (see `gc`)."""
    for turn in count(1):
        await asyncio.sleep(EVERY_SECONDS)
        gc.collect(min(oldest, generation(turn)))


def generation(turn: int) -> int:
    """How old the objects are that this turn looks at."""
    if turn % ALL == 0:
        return OLDEST
    return YOUNG if turn % SOME else OLDER
