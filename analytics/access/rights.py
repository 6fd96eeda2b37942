"""Who may see which site: the one check that pages, admin, API and sockets all go through.

An unknown site and a forbidden one both come out as None, so that no caller can tell them apart.
"""

import re
from typing import TypeGuard

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from analytics.models import Member, Token
from tracker.models import FormerKey, Site

Reader = User | AnonymousUser | Token
"""Whoever reads: a logged-in user, nobody, or an API token."""

ADD_SITES = "tracker.add_site"
SEE_SERVERS = "tracker.see_servers"
KEY = re.compile(r"[a-z0-9]{1,32}")


def is_staff(reader: Reader) -> TypeGuard[User]:
    """Active staff: deactivated users keep their rows as members but see nothing."""
    return isinstance(reader, User) and reader.is_active and reader.is_staff


def sees_all(reader: Reader) -> bool:
    """Whether no site is hidden from the reader: superusers, and tokens made for all sites."""
    if isinstance(reader, Token):
        return reader.all_sites
    return is_staff(reader) and reader.is_superuser


def visible_sites(reader: Reader) -> QuerySet[Site]:
    """The sites that the reader may look at; lazy, so `async for` works on it."""
    if sees_all(reader):
        return Site.objects.all()
    if isinstance(reader, Token):
        return reader.sites.all()
    return _sites_of(Member.objects.filter(user=reader)) if is_staff(reader) else Site.objects.none()


def owned_sites(reader: Reader) -> QuerySet[Site]:
    """The sites whose settings and members the reader may change."""
    if not is_staff(reader):
        return Site.objects.none()
    if sees_all(reader):
        return Site.objects.all()
    return _sites_of(Member.objects.filter(user=reader, role=Member.Role.OWNER))


def _sites_of(members: QuerySet[Member]) -> QuerySet[Site]:
    """The sites of these memberships; one of all sites has none of its own."""
    return Site.objects.filter(Exists(members.filter(Q(site=OuterRef("pk")) | Q(site=None))))


def may_add_sites(reader: Reader) -> bool:
    """Whether the reader may add sites: superusers, and whom the admin gave the right "Can add site"."""
    return is_staff(reader) and reader.has_perm(ADD_SITES)


async def amay_add_sites(reader: Reader) -> bool:
    """`may_add_sites` for the event loop."""
    return is_staff(reader) and await reader.ahas_perm(ADD_SITES)


def sees_servers(reader: Reader) -> bool:
    """Whether the reader may see servers' datapoints: superusers, whom the admin gave the right, and tokens
    that were made for it or for all sites."""
    if isinstance(reader, Token):
        return reader.all_sites or reader.servers
    return is_staff(reader) and reader.has_perm(SEE_SERVERS)


async def asees_servers(reader: Reader) -> bool:
    """`sees_servers` for the event loop."""
    if isinstance(reader, Token):
        return sees_servers(reader)
    return is_staff(reader) and await reader.ahas_perm(SEE_SERVERS)


def site_for(reader: Reader, key: str) -> Site | None:
    """The site with this key if the reader may look at it, else None."""
    # A key comes from a URL: a NUL in it would make Postgres refuse the query.
    return visible_sites(reader).filter(_has_key(key)).first() if KEY.fullmatch(key) else None


def visible_keys(reader: Reader) -> frozenset[str] | None:
    """The keys of the sites that the reader may look at, and those that they had until a while ago.

    None for all sites, whatever comes."""
    if sees_all(reader):
        return None
    sites = visible_sites(reader)
    former = FormerKey.objects.filter(site__in=sites, until__gt=timezone.now())
    return frozenset([*sites.values_list("key", flat=True), *former.values_list("key", flat=True)])


async def asite_for(reader: Reader, key: str) -> Site | None:
    """`site_for` for the event loop; take the user from `request.auser()` or the socket's scope."""
    return await visible_sites(reader).filter(_has_key(key)).afirst() if KEY.fullmatch(key) else None


def _has_key(key: str) -> Q:
    """Of the site whose key this is, or was until a while ago: addresses of boards outlive a change of it."""
    former = FormerKey.objects.filter(key=key, until__gt=timezone.now())
    return Q(key=key) | Q(pk__in=former.values("site"))


def owns(reader: Reader, site: Site) -> bool:
    """Whether the reader may change the site, its members and its exclusions."""
    return owned_sites(reader).filter(pk=site.pk).exists()


def may_save(reader: Reader) -> bool:
    """Whether the reader may save something for a site that it sees: members, and tokens that may write."""
    return reader.write if isinstance(reader, Token) else is_staff(reader)


def may_change(reader: Reader, site: Site) -> bool:
    """Whether the reader may change what a site that it sees has: owners, and tokens that may write."""
    return reader.write if isinstance(reader, Token) else owns(reader, site)
