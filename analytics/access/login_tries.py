"""How often a password was tried: by account name and address, so that nobody else is ever locked out.

In Postgres, where all web processes see it; under a keyed hash, which names neither account nor address.
"""

import hmac
from functools import cache
from hashlib import sha256

from django.conf import settings
from django.db import connection
from django.http import HttpRequest

from analytics.models import LoginTries
from tracker.visitors import address_limits, addresses, identity

TABLE = LoginTries._meta.db_table

# One statement counts and judges, and is committed before the password is looked at: tries at once do not
# slip through. Once they are too many, the wait runs from the last one that was looked at.
COUNT = f"""
    INSERT INTO {TABLE} AS kept (digest, tries, at) VALUES (%(digest)s, 1, now())
    ON CONFLICT (digest) DO UPDATE SET (tries, at) = (
        SELECT CASE WHEN over THEN 1 ELSE least(kept.tries, %(most)s) + 1 END,
            CASE WHEN over OR kept.tries < %(most)s THEN now() ELSE kept.at END
        FROM (SELECT kept.at + %(wait)s::interval <= now() AS over) AS known
    )
    RETURNING tries > %(most)s, extract(epoch FROM at + %(wait)s::interval - now())::float8
"""  # noqa: S608 (the table's name is ours)
# What others delete at this moment is skipped: two who wait for each other's rows would be a deadlock.
FORGET = f"""
    DELETE FROM {TABLE} WHERE digest IN (
        SELECT digest FROM {TABLE} WHERE at <= now() - %(wait)s::interval LIMIT 1000 FOR UPDATE SKIP LOCKED
    )
"""  # noqa: S608


class Tries:
    """The passwords that were tried for one account name from one address."""

    def __init__(self, request: HttpRequest, name: str) -> None:
        address = addresses.client_address(
            request.META.get("REMOTE_ADDR"), request.headers.get("X-Forwarded-For", ""), _proxies()
        )
        tried = f"{address_limits.place_of(address)}\0{name}".encode(errors="surrogatepass")
        self._digest = hmac.digest(identity.derive(settings.SECRET_KEY, "login"), tried, sha256)

    def count(self) -> float:
        """One try more; 0 when the password may be looked at, else the seconds until it may be again."""
        wait = f"{settings.FOOTFALL_LOGIN_WAIT} seconds"
        with connection.cursor() as cursor:
            cursor.execute(FORGET, {"wait": wait})
            cursor.execute(
                COUNT,
                {"digest": self._digest, "wait": wait, "most": settings.FOOTFALL_LOGIN_TRIES},
            )
            too_many, left = cursor.fetchone()
        return max(left, 1.0) if too_many else 0.0

    def forget(self) -> None:
        """Begin to count anew, after the right password."""
        LoginTries.objects.filter(digest=self._digest).delete()


@cache
def _proxies() -> tuple[addresses.Network, ...]:
    return addresses.networks(settings.FOOTFALL_TRUSTED_PROXIES)
