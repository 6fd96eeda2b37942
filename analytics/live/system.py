"""How Footfall itself is: what this process and all edges hold and cost, for the strip at a board's foot.

Added where a board is sent its snapshot, not where that is made: another process may have made it.
"""

import time

import msgspec

from analytics.live import collector
from tracker.across.vitals import Vitals, together
from tracker.edge import edge
from tracker.edge.pulse import SAMPLE_SECONDS, Pulse


class System:
    """A sample a second at most, shared by all boards of this process."""

    def __init__(self) -> None:
        self._pulse = Pulse(edge.running)
        self._taken_at = float("-inf")  # steady clock
        self._text = ""

    def added_to(self, snapshot: str) -> str:
        """The snapshot (a JSON object) with `system` in it."""
        now = time.monotonic()
        if now - self._taken_at >= SAMPLE_SECONDS:
            self._taken_at = now
            self._text = msgspec.json.encode(together([self._pulse.take(), *_others()])).decode()
        return f'{snapshot[:-1]},"system":{self._text}}}'


def _others() -> list[Vitals]:
    across, here = collector.running(), edge.running()
    return across.vitals(besides=f"{here.id:x}" if here else "") if across else []


SYSTEM = System()
