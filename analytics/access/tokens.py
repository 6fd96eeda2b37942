"""API tokens: issued once, found by their text, noted when they are used."""

from collections.abc import Collection
from datetime import timedelta

from django.utils import timezone

from analytics.access.token_text import digest, is_of, name_in, new_text, text_in
from analytics.models import Token
from tracker.models import Site

# `used_at` tells an owner which tokens are still in use; a write for every request would be a waste.
USED_EVERY = timedelta(minutes=1)


def issue(sites: Collection[Site] = (), write: bool = False) -> str:
    """Make a token for these sites (none named: for all) and return its text, the only time it is seen."""
    name, text = new_text()
    token = Token.objects.create(name=name, digest=digest(text), all_sites=not sites, write=write)
    token.sites.set(sites)
    return text


async def find(text: str) -> Token | None:
    """The token that this text stands for, or None."""
    name = name_in(text)
    token = await Token.objects.filter(name=name).afirst() if name else None
    if token is None or not is_of(text, bytes(token.digest)):
        return None
    now = timezone.now()
    if token.used_at is None or now - token.used_at > USED_EVERY:
        await Token.objects.filter(pk=token.pk).aupdate(used_at=now)
    return token


async def from_header(header: str) -> Token | None:
    """The token of an `Authorization` header, or None when it is not `Bearer TOKEN` or not known."""
    return await find(text_in(header))
