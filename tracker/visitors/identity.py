"""Who is the same visitor: keyed hashes that forget, and which day of a site it is.

A visitor is hashed with the site's salt of the day, which is deleted; nobody can go back from the
hash to an address, not even by trying all of them. Of an IPv6 address the /64 counts: a household has one,
and its devices take a new address of it every few hours (RFC 8981), so that one visitor would be several.
"""

from datetime import date, datetime
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from tracker.visitors.addresses import place_of


def visitor_id(salt: bytes, site_id: int, address: str, agent: str) -> UUID:
    """The visitor as stored: the same for one day of the site (`salt`: 1 to 64 bytes)."""
    # A quarter of what UUID(bytes=…) takes, since it is made in C.
    return msgspec.convert(keyed(salt, b"visitor", site_id, address, agent), UUID)


def live_key(secret: bytes, site_id: int, address: str, agent: str) -> bytes:
    """The visitor as counted live, 16 bytes: the same across midnight, never stored."""
    return keyed(secret, b"live", site_id, address, agent)


def mark(visitor: UUID) -> str:
    """What tells one visitor's rows of a stream from another's, for one day of the site: eight hex digits,
    from which nobody finds back to the id."""
    return blake2b(visitor.bytes, digest_size=4, person=b"mark").hexdigest()


def derive(secret: str, purpose: str) -> bytes:
    """A key for one purpose, from the installation's secret: the same in each of its processes."""
    return blake2b(purpose.encode(), key=blake2b(secret.encode()).digest(), digest_size=32).digest()


def keyed(key: bytes, purpose: bytes, site_id: int, address: str, agent: str) -> bytes:
    """16 bytes; the NUL keeps ("ab", "c") and ("a", "bc") apart, as no address holds one."""
    text = f"{site_id}\0{place_of(address)}\0{agent}".encode(errors="surrogatepass")
    return blake2b(text, key=key, digest_size=16, person=purpose).digest()


def site_day(at: float, zone: ZoneInfo) -> date:
    """The site's calendar day at `at` (seconds since the epoch)."""
    return _day_of_minute(int(at // 60), zone)


# Asked for each page view: 1 µs for 0.2. No zone's day has begun within a minute since 1972.
@lru_cache(1024)
def _day_of_minute(minute: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(minute * 60, zone).date()
