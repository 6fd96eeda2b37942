"""How Footfall itself is: what this process and all edges hold and cost, for the strip at a board's foot.

Added where a board is sent its snapshot, not where that is made: another process may have made it.
"""

import time

from analytics.live.snapshot import encode, with_member
from analytics.live.state import LiveState
from tracker.across.vitals import together
from tracker.edge.process_edge import ProcessEdge
from tracker.edge.pulse import SAMPLE_SECONDS, Pulse


class System:
    """A sample a second at most, shared by all boards of this process."""

    def __init__(self, edge: ProcessEdge, live: LiveState) -> None:
        self._pulse = Pulse(lambda: edge.running)
        self._live = live
        self._taken_at = float("-inf")  # steady clock
        self._text = ""

    def added_to(self, snapshot: str) -> str:
        """The snapshot (a JSON object) with `system` in it."""
        now = time.monotonic()
        if now - self._taken_at >= SAMPLE_SECONDS:
            self._taken_at = now
            self._text = encode(together([self._pulse.take(), *self._live.others()]))
        return with_member(snapshot, "system", self._text)
