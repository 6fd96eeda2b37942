"""Who comes: made-up people, some of whom come again."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from random import Random
from typing import Final

from analytics.demo.facts import COUNTRIES, DEVICES

ADDRESSES: Final = 40  # kept for each country
TRIES: Final = 60_000  # random addresses looked up at start: about 50 ms
COMES_AGAIN: Final = 0.2
# Who comes again is the one who was here longest ago; that many others came since.
GONE_BY: Final = 150


@dataclass(frozen=True, slots=True)
class Person:
    """One visitor as a site sees him."""

    address: str
    user_agent: str
    width: int
    language: str
    zone: str


class People:
    """An endless crowd; `country_of` is the server's own look-up, so that countries come out as meant."""

    def __init__(self, rng: Random, country_of: Callable[[str], str]) -> None:
        self._rng = rng
        self._addresses = _addresses(rng, country_of)
        self._seen: deque[Person] = deque(maxlen=2 * GONE_BY)

    def next(self) -> Person:
        """Somebody new, or at times one who was here before."""
        again = len(self._seen) >= GONE_BY and self._rng.random() < COMES_AGAIN
        person = self._seen.popleft() if again else self._new()
        self._seen.append(person)
        return person

    def _new(self) -> Person:
        rng = self._rng
        countries = list(self._addresses)
        country = rng.choices(countries, [COUNTRIES[name][0] for name in countries])[0]
        device = rng.choices(DEVICES, [device.weight for device in DEVICES])[0]
        _, zone, languages = COUNTRIES[country]
        return Person(
            address=rng.choice(self._addresses[country]),
            user_agent=device.user_agent,
            width=rng.choice(device.widths),
            language=rng.choice(languages),
            zone=zone,
        )


def _addresses(rng: Random, country_of: Callable[[str], str]) -> dict[str, list[str]]:
    """Some addresses of each country, by trying random ones; what nobody holds, the look-up calls ""."""
    by_country: dict[str, list[str]] = {country: [] for country in COUNTRIES}
    for _ in range(TRIES):
        address = str(IPv4Address(rng.getrandbits(32)))
        places = by_country.get(country_of(address))
        if places is not None and len(places) < ADDRESSES:
            places.append(address)
    # With a database that knows no country at all, everybody comes from nowhere in particular.
    return {country: places for country, places in by_country.items() if places} or {"US": ["192.0.2.1"]}
