"""The cookie of a browser in which somebody has logged in before: signed, so that it is believed unread.

What OWASP calls a device cookie. It opens nothing: whoever brings it still needs the password. It only keeps
the tries of others, from wherever, from being counted as the owner's.
"""

import hmac
import secrets
from hashlib import sha256
from typing import NamedTuple

from django.conf import settings
from django.core import signing
from django.http.response import HttpResponseBase

from tracker.visitors import identity

COOKIE = "footfall_browser"
SECONDS = 90 * 86_400
SALT = "footfall.browser"


class KnownBrowser(NamedTuple):
    """A browser, and a mark of the name with which somebody logged in there last."""

    id: str
    name: str


def of(cookie: str) -> KnownBrowser | None:
    """The browser that a cookie says, or None where we have not said it, or too long ago."""
    try:
        browser, _, name = signing.TimestampSigner(salt=SALT).unsign(cookie, max_age=SECONDS).partition(".")
    except signing.BadSignature:
        return None
    return KnownBrowser(browser, name)


def mark(name: str) -> str:
    """What stands for a name in the cookie: the same each time, and nothing that can be read."""
    key = identity.derive(settings.SECRET_KEY, "browser")
    return hmac.new(key, name.encode(errors="surrogatepass"), sha256).hexdigest()[:32]


def keep(response: HttpResponseBase, name: str) -> None:
    """Let the browser that this answer goes to be known from now on, for this name."""
    response.set_cookie(
        COOKIE,
        signing.TimestampSigner(salt=SALT).sign(f"{secrets.token_hex(16)}.{mark(name)}"),
        max_age=SECONDS,
        secure=settings.FOOTFALL_HTTPS,
        httponly=True,
        samesite="Strict",
    )
