"""How much one address may hold and say, so that a flood from it costs the others little.

Addresses stay in memory, for as long as they hold sockets and their allowance is being refilled. A page is
never banned for what its neighbours do: beyond these limits it is told to come back later.
"""

from itertools import takewhile

import msgspec

from tracker.visitors.addresses import place_of


class AddressUse(msgspec.Struct, eq=False, gc=False):
    """Everybody behind one address: how many sockets they hold, how many messages they have said."""

    place: str
    burst: float  # messages at once
    rate: float  # messages a second
    sockets: int = 0
    said: float = 0.0  # of the burst, and not given back yet
    heard_at: float = 0.0

    def take_message(self, now: float) -> bool:
        """Take one message from their allowance; False when there is none left."""
        taken = self.said - (now - self.heard_at) * self.rate
        self.heard_at = now
        # It does not save up more than a burst.
        taken = taken + 1 if taken > 0 else 1
        if taken > self.burst:
            self.said = taken - 1
            return False
        self.said = taken
        return True


class AddressLimits:
    """What all addresses that are connected to this process use of their allowances."""

    def __init__(self, sockets: int, burst: int, rate: int) -> None:
        """What one address may have: sockets, messages at once, messages a second."""
        self._sockets = sockets
        self._burst, self._rate = burst, rate
        self._refill_seconds = burst / rate
        self._known: dict[str, AddressUse] = {}
        # Without sockets, in the order in which they came to that, with the time.
        self._leaving: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._known)

    def use_of(self, address: str, now: float) -> AddressUse:
        """What the sockets of an address use together."""
        place = place_of(address)
        use = self._known.get(place)
        if use is None:
            use = self._known[place] = AddressUse(place, self._burst, self._rate)
            self._leaving[place] = now
        return use

    def enter(self, address_use: AddressUse) -> bool:
        """Count one socket more; False when the address holds as many as it may."""
        if address_use.sockets >= self._sockets:
            return False
        self._leaving.pop(address_use.place, None)
        address_use.sockets += 1
        return True

    def leave(self, address_use: AddressUse, now: float) -> None:
        """Count one socket less."""
        address_use.sockets -= 1
        if address_use.sockets == 0:
            self._leaving[address_use.place] = now

    def forget(self, now: float) -> None:
        """Forget those who are gone for so long that their allowance is full again."""
        over = now - self._refill_seconds
        # In one pass: the first of a dict is found by stepping over all that were deleted before it.
        for place in list(takewhile(lambda place: self._leaving[place] <= over, self._leaving)):
            del self._leaving[place], self._known[place]
