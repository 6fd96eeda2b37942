"""How Footfall itself is: what the process that serves a board holds and costs, for the strip at its foot.

Added where a board is sent its snapshot, not where that is made: another process may have made it.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tracker import edge

SAMPLE_SECONDS = 1.0
STATM = Path("/proc/self/statm")


@dataclass(slots=True)
class System:
    """A sample a second at most, shared by all boards of this process."""

    sampled_at: float = float("-inf")  # steady clock
    messages: int = 0
    cpu: float = 0.0
    text: str = ""

    def added_to(self, snapshot: str) -> str:
        """The snapshot (a JSON object) with `system` in it."""
        now = time.monotonic()
        if now - self.sampled_at >= SAMPLE_SECONDS:
            self._sample(now)
        return f'{snapshot[:-1]},"system":{self.text}}}'

    def _sample(self, now: float) -> None:
        here = edge.running()
        elapsed = now - self.sampled_at
        messages, cpu = here.messages if here else 0, time.process_time()
        figures: dict[str, float | str] = {
            "sockets": here.held() if here else 0,
            "messages": round((messages - self.messages) / elapsed, 1),
            "delay": round(max(here.buffer.delay, here.buffer.oldest_age()), 3) if here else 0.0,
            "depth": here.buffer.depth if here else 0,
            "cpu": round((cpu - self.cpu) / elapsed, 3),
            "memory": _memory(),
            "trouble": here.buffer.trouble if here else "",
        }
        self.sampled_at, self.messages, self.cpu = now, messages, cpu
        self.text = msgspec.json.encode(figures).decode()


def _memory() -> int:
    """Bytes of this process that are in memory; 0 where there is no /proc."""
    try:
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


SYSTEM = System()
