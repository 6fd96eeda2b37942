"""When the next password is looked at: by name and address, by address, and by name. No Django, no I/O.

- A name from an address has some tries; then the next one must wait. Nobody else does.
- An address has more of them for all names together: who tries one password with every name has few, too.
- A name that was tried in vain more often than people are wrong, from wherever, is slow for those who never
  logged in with it before: each address must first ask, and wait, and then has one try. It waits longer the
  more often the name was tried, up to an hour. Who waits is looked at, whatever others do meanwhile: a
  thousand addresses that guess lock nobody out, not even an owner who comes from a new place.

Who logged in with the name before, in this browser or from this address, has the first of these limits only.
"""

from typing import NamedTuple

DAY = 86_400.0


class Count(NamedTuple):
    """So many tries, which mean nothing after `until` (seconds since the epoch, as all times here)."""

    tries: int = 0
    until: float = 0.0


class Counts(NamedTuple):
    """What is known of those who try now. Of a name, `until` alone counts: each try moves it on by its share
    of a day."""

    pair: Count = Count()
    address: Count = Count()
    name: Count = Count()


class Verdict(NamedTuple):
    """Seconds until a password is looked at (0: this one is), why so, and what is to be kept."""

    wait: float
    limit: str  # the field of `Counts` by which it waits
    counts: Counts


class LoginLimits(NamedTuple):
    """Tries of a name from an address, of an address, and of a name in a day; seconds to wait then."""

    pair: int
    address: int
    name: int
    wait: float
    longest: float  # seconds that a name's tries may make one wait

    def judge(self, counts: Counts, known: bool, now: float) -> Verdict:
        """Look at a try. `known`: whoever tries has logged in with this name before."""
        slow = 0.0 if known else self._slow(counts.name, now)
        if not known and (left := _left(counts.address, self.address, now)):
            return Verdict(left, "address", counts)
        if slow and not counts.pair.until:
            asked = counts._replace(pair=Count(self.pair, now + slow))
            return Verdict(slow, "name", asked)
        if left := _left(counts.pair, 1 if slow else self.pair, now):
            return Verdict(left, "name" if slow else "pair", counts)
        pair = Count(self.pair, now + slow) if slow else self._counted(counts.pair, now)
        if known:
            return Verdict(0.0, "", counts._replace(pair=pair))
        # No further than makes one wait the longest: an attack that is over is forgotten in days.
        most = now + DAY * self.longest / self.wait
        name = Count(0, min(max(counts.name.until, now) + DAY / self.name, most))
        return Verdict(0.0, "", Counts(pair, self._counted(counts.address, now), name))

    def right(self, counts: Counts, known: bool) -> Counts:
        """What is kept after the right password: it begins anew, and its own try is given back."""
        if known:
            return counts._replace(pair=Count())
        address = counts.address._replace(tries=max(counts.address.tries - 1, 0))
        return Counts(Count(), address, Count(0, counts.name.until - DAY / self.name))

    def _counted(self, count: Count, now: float) -> Count:
        return Count(1 if count.until <= now else count.tries + 1, now + self.wait)

    def _slow(self, name: Count, now: float) -> float:
        """Seconds that this name's tries make a stranger wait: 0 up to a day's tries, then ever more."""
        tries = max(name.until - now, 0.0) / DAY * self.name
        # What a day gives back while they are made is no further try.
        if tries < self.name - 0.5:
            return 0.0
        return min(self.wait * tries / self.name, self.longest)


def _left(count: Count, most: int, now: float) -> float:
    return count.until - now if count.until > now and count.tries >= most else 0.0
