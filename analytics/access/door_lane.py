"""A lane: who stands at a door together, how many of them may be one's, and how many have their turn."""

import asyncio
from collections import Counter


class DoorLane:
    """Those who stand at a door together; for one event loop."""

    def __init__(self, room: int, each: int, turns: int) -> None:
        """`room`: those inside and waiting, together; `each`: of one among them; `turns`: those inside."""
        self.turn = asyncio.Semaphore(turns)
        self._room, self._each = room, each
        self._here: Counter[str] = Counter()

    def enter(self, who: str) -> bool:
        """Take room for one more; False where there is none."""
        if self._here.total() >= self._room or self._here[who] >= self._each:
            return False
        self._here[who] += 1
        return True

    def leave(self, who: str) -> None:
        """Give the room back."""
        self._here[who] -= 1
        if not self._here[who]:
            del self._here[who]
