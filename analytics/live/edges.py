"""Which edges live, by their leases; which went without goodbye, and for how long that is told. Pure.

Times are Redis' clock in seconds, so that every web process judges alike.
"""

from collections.abc import Collection, Mapping

from tracker.across.messages import LEASE_SECONDS, edge_of

# How long an edge that vanished is told as stale: its pages may be on their way back.
STALE_SECONDS = 60.0
# An emptied Redis has forgotten every edge. One that lives notices when it renews its lease, within a
# second; one that died with Redis counts twice for so long, since its pages are with others by then.
HELD_SECONDS = 2.0


class Edges:
    """The edges that live, and those that went, as the last look at the registry saw them."""

    def __init__(self) -> None:
        self.living: dict[str, str] = {}  # incarnation by edge
        self._held: dict[str, float] = {}  # until when, by edge
        self._gone: dict[str, float] = {}

    def look(self, registered: Mapping[str, float], leased: Collection[str], now: float) -> None:
        """Take what Redis says: when each incarnation last renewed its lease, and which leases there are."""
        before = self.living
        self.living = {edge_of(each): each for each in registered if each in leased}
        for each, renewed in registered.items():
            if each not in leased:
                self._gone[edge_of(each)] = renewed + LEASE_SECONDS + STALE_SECONDS
        for edge, each in before.items():
            if each not in registered:
                self._held.setdefault(edge, now + HELD_SECONDS)
        for edge, until in list(self._held.items()):
            if until <= now:
                del self._held[edge]
                self._gone[edge] = now + STALE_SECONDS
        for edge in self.living:
            self._held.pop(edge, None)
            self._gone.pop(edge, None)
        self._gone = {edge: until for edge, until in self._gone.items() if until > now}

    def left(self, incarnation: str) -> None:
        """Note that an edge said goodbye."""
        edge = edge_of(incarnation)
        if self.living.get(edge, incarnation) == incarnation:
            for known in (self.living, self._held, self._gone):
                known.pop(edge, None)

    def counted(self) -> set[str]:
        """The edges whose share counts: the living, and those that an emptied Redis forgot a moment ago."""
        return {*self.living, *self._held}

    def stale(self) -> int:
        """Edges that may hold pages and cannot be heard."""
        return len({*self._held, *self._gone} - self.living.keys())
