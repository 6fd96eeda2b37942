"""API tokens: issued once, found by their text, noted when they are used."""

from collections.abc import Collection
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from analytics.access import rights
from analytics.access.token_text import digest, is_of, name_in, new_text, text_in
from analytics.models import Token
from tracker.models import Site

# `used_at` tells an owner which tokens are still in use; a write for every request would be a waste.
USED_EVERY = timedelta(minutes=1)


def issue(sites: Collection[Site] = (), write: bool = False, servers: bool = False) -> str:
    """Make a token for these sites (none named: for all) and return its text, the only time it is seen.

    `servers`: it sees servers' datapoints, too, as one for all sites does anyway.
    """
    token = Token(all_sites=not sites, write=write, servers=servers)
    text = make(token)
    token.sites.set(sites)
    return text


def make(token: Token) -> str:
    """Save a token that says what it reads, and return its text, the only time it is seen."""
    token.name, text = new_text()
    token.digest = digest(text)
    token.save()
    return text


def revocable(reader: rights.Reader) -> QuerySet[Token]:
    """The tokens that a reader sees and may revoke: all, or an owner's that read only sites of theirs."""
    if rights.is_staff(reader) and rights.sees_all(reader):
        return Token.objects.all()
    owned = rights.owned_sites(reader)
    theirs = Token.objects.filter(all_sites=False, sites__in=owned).values("pk")
    foreign = Token.objects.filter(sites__in=Site.objects.exclude(pk__in=owned.values("pk"))).values("pk")
    return Token.objects.filter(pk__in=theirs).exclude(pk__in=foreign)


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
