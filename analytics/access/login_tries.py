"""How often passwords were tried, and from where who logged in: `login_rules` says what follows from it.

In Postgres, where all web processes see it; under keyed hashes, which name neither account nor address.
"""

import hmac
from collections.abc import Mapping
from functools import cache
from hashlib import sha256

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest

from analytics.access import known_browser
from analytics.access.login_rules import Count, Counts, LoginLimits, Verdict
from analytics.models import LoginTries
from tracker.visitors import addresses, identity

TABLE = LoginTries._meta.db_table
# How long an address counts as one from which an account logged in.
KNOWN_SECONDS = 90 * 86_400.0

# What is there already is locked, in one order for all: tries at once do not slip through, and no two wait
# for each other.
READ = f"""
    INSERT INTO {TABLE} AS kept (digest, tries, until)
    SELECT digest, 0, to_timestamp(0) FROM unnest(%s::bytea[]) AS digest ORDER BY digest
    ON CONFLICT (digest) DO UPDATE SET tries = kept.tries
    RETURNING digest, tries, extract(epoch FROM until)::float8, extract(epoch FROM clock_timestamp())::float8
"""  # noqa: S608 (the table's name is ours)
WRITE = f"""
    UPDATE {TABLE} AS kept SET tries = said.tries, until = to_timestamp(said.until)
    FROM unnest(%s::bytea[], %s::int[], %s::float8[]) AS said (digest, tries, until)
    WHERE kept.digest = said.digest
"""  # noqa: S608
# What others delete at this moment is skipped: two who wait for each other's rows would be a deadlock.
FORGET = f"""
    DELETE FROM {TABLE} WHERE digest IN (
        SELECT digest FROM {TABLE} WHERE until <= now() - %s * interval '1 second' LIMIT 1000
        FOR UPDATE SKIP LOCKED
    )
"""  # noqa: S608


class Tries:
    """The passwords that were tried for one account name, by whoever sent this request."""

    def __init__(self, request: HttpRequest, name: str) -> None:
        place = _place(request)
        browser = known_browser.of(request.COOKIES.get(known_browser.COOKIE, ""))
        self._known = browser is not None and browser.name == known_browser.mark(name)
        # Counted by itself: whoever shares an address with the owner takes none of his tries.
        self._pair = (
            _digest("browser", browser.id) if browser and self._known else _digest("pair", place, name)
        )
        self._address, self._name = _digest("address", place), _digest("name", name)
        self._place = _digest("place", place, name)

    def count(self) -> Verdict:
        """One try more: whether its password is looked at now, and if not, when one will be."""
        _forget()
        with transaction.atomic():
            counts, now = self._read()
            verdict = _limits().judge(counts, self._known, now)
            self._write(verdict.counts)
        return verdict

    def right(self) -> None:
        """It was the right one: begin to count anew, and know this place from now on."""
        with transaction.atomic():
            counts, now = self._read()
            self._write(_limits().right(counts, self._known), {self._place: Count(0, now + KNOWN_SECONDS)})

    def _read(self) -> tuple[Counts, float]:
        rows, now = _read([self._pair, self._address, self._name, self._place])
        self._known = self._known or rows[self._place].until > now
        return Counts(rows[self._pair], rows[self._address], rows[self._name]), now

    def _write(self, counts: Counts, more: Mapping[bytes, Count] | None = None) -> None:
        _write(dict(zip((self._pair, self._address, self._name), counts, strict=True)) | dict(more or {}))


class SomebodysTries:
    """What one address or session tried, of whatever kind it is counted by."""

    def __init__(self, *words: str) -> None:
        self._digest = _digest(*words)

    def count(self) -> Verdict:
        """One try more, as with `Tries`."""
        _forget()
        with transaction.atomic():
            rows, now = _read([self._digest])
            verdict = _limits().judge(Counts(rows[self._digest]), known=True, now=now)
            _write({self._digest: verdict.counts.pair})
        return verdict

    def right(self) -> None:
        """It was the right one."""
        _write({self._digest: Count()})


class OldPasswordTries(SomebodysTries):
    """The old passwords that were tried in one session, to change it: by whoever found that browser, perhaps.

    Its owner logs in anew where these are used up, and changes it in that session.
    """

    def __init__(self, session: str) -> None:
        super().__init__("change", session)


class LinkTries(SomebodysTries):
    """The secrets of personal links that were tried from one address."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__("link", _place(request))


class ForgottenTries(SomebodysTries):
    """The letters with new passwords that were asked for from one address."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__("forgotten", _place(request))


def _forget() -> None:
    with connection.cursor() as cursor:
        cursor.execute(FORGET, [settings.LOGIN_GRACE])


def _read(digests: list[bytes]) -> tuple[dict[bytes, Count], float]:
    """What is remembered under these, locked until the end of the transaction, and Postgres' time."""
    with connection.cursor() as cursor:
        cursor.execute(READ, [digests])
        rows = cursor.fetchall()
    return {bytes(digest): Count(tries, until) for digest, tries, until, _ in rows}, max(
        row[3] for row in rows
    )


def _write(kept: Mapping[bytes, Count]) -> None:
    tries, until = [each.tries for each in kept.values()], [each.until for each in kept.values()]
    with connection.cursor() as cursor:
        cursor.execute(WRITE, [list(kept), tries, until])


def _place(request: HttpRequest) -> str:
    peer, forwarded = request.META.get("REMOTE_ADDR"), request.headers.get("X-Forwarded-For", "")
    return addresses.place_of(addresses.client_address(peer, forwarded, _proxies()))


def _digest(*words: str) -> bytes:
    tried = "\0".join(words).encode(errors="surrogatepass")
    return hmac.digest(identity.derive(settings.SECRET_KEY, "login"), tried, sha256)


def _limits() -> LoginLimits:
    return LoginLimits(
        settings.FOOTFALL_LOGIN_TRIES,
        settings.FOOTFALL_LOGIN_TRIES_PER_ADDRESS,
        settings.FOOTFALL_LOGIN_TRIES_PER_NAME,
        settings.FOOTFALL_LOGIN_WAIT,
        settings.FOOTFALL_LOGIN_LONGEST_WAIT,
    )


@cache
def _proxies() -> tuple[addresses.Network, ...]:
    return addresses.networks(settings.FOOTFALL_TRUSTED_PROXIES)
