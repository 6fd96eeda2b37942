"""API tokens: `ff_NAME_SECRET`, 256 random bits, of which the database keeps only a SHA-256.

The name is public and finds the row; what is secret is only ever compared in constant time.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from datetime import timedelta

from django.utils import timezone

from analytics.models import Token
from tracker.models import Site

SHAPE = re.compile(r"ff_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")
# `used_at` tells an owner which tokens are still in use; a write for every request would be a waste.
USED_EVERY = timedelta(minutes=1)


def _digest(text: str) -> bytes:
    # One pass is enough: 256 random bits cannot be guessed, so there is nothing to slow down.
    return hashlib.sha256(text.encode()).digest()


def issue(sites: Collection[Site] = (), write: bool = False) -> str:
    """Make a token for these sites (none named: for all) and return its text, the only time it is seen."""
    name = secrets.token_hex(4)
    text = f"ff_{name}_{secrets.token_urlsafe(32)}"
    token = Token.objects.create(name=name, digest=_digest(text), all_sites=not sites, write=write)
    token.sites.set(sites)
    return text


async def find(text: str) -> Token | None:
    """The token that this text stands for, or None."""
    shape = SHAPE.fullmatch(text)
    token = await Token.objects.filter(name=shape[1]).afirst() if shape else None
    if token is None or not hmac.compare_digest(bytes(token.digest), _digest(text)):
        return None
    now = timezone.now()
    if token.used_at is None or now - token.used_at > USED_EVERY:
        await Token.objects.filter(pk=token.pk).aupdate(used_at=now)
    return token


async def from_header(header: str) -> Token | None:
    """The token of an `Authorization` header, or None when it is not `Bearer TOKEN` or not known."""
    scheme, _, text = header.partition(" ")
    return await find(text.strip()) if scheme.lower() == "bearer" else None
