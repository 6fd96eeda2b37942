"""How much a page may say: a burst, and a rate that it may keep up; and what one page has left of that."""

from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class Pace:
    """How many messages a page may send: a burst, and a rate per second that it may keep up.

    A frame that is no message (a ping, a pong that nobody asked for, a piece) counts as one does.
    """

    burst: float
    rate: float


class Allowance(msgspec.Struct, eq=False, gc=False):
    """What a page has left of its pace."""

    pace: Pace
    left: float
    counted_at: float = 0.0  # steady clock

    @classmethod
    def of(cls, pace: Pace) -> "Allowance":
        """A whole one."""
        return cls(pace, pace.burst)

    def take(self, now: float) -> bool:
        """Take one; False when there is none left. `now` is a steady clock's seconds."""
        pace = self.pace
        # Without a call of `min`: each message comes by here.
        left = self.left + (now - self.counted_at) * pace.rate
        self.left = left = (left if left < pace.burst else pace.burst) - 1
        self.counted_at = now
        return left >= 0

    def give_back(self) -> None:
        """Give one back, that was taken for what is nobody's fault."""
        self.left += 1
