"""Who is let in: addresses, hosts, bots, and how much may come from one address.

On the event loop's thread, and without waiting for anything.
"""

import hmac
import logging
import os
import time
from collections.abc import Callable
from math import inf
from sys import intern
from typing import NoReturn

from django.conf import settings

from tracker.contract.close_codes import OVERLOADED, REFUSED, Declined
from tracker.contract.drops import Drop
from tracker.conversation.services import Caller
from tracker.pages.host_names import ascii_host
from tracker.sites.directory import Directory
from tracker.sites.tracked_site import TrackedSite
from tracker.visitors import addresses, agents, identity
from tracker.visitors.address_limits import AddressLimits, AddressUse
from tracker.visitors.countries import Countries
from tracker.visitors.request import VisitorRequest
from tracker.visitors.unnamed_proxy import UnnamedProxy

logger = logging.getLogger(__name__)

UNBOUNDED = AddressUse("", inf, inf)


class Admission:
    """Judges the requests that reach one process: who may open a conversation."""

    def __init__(self, directory: Directory, refused: Callable[[int, Drop, str], None]) -> None:
        """`refused`: is told whom a site refused and why, with the host or the program that it was."""
        self._refused = refused
        self.address_limits = AddressLimits(
            settings.FOOTFALL_SOCKETS_PER_ADDRESS,
            settings.FOOTFALL_ADDRESS_BURST,
            settings.FOOTFALL_ADDRESS_RATE,
        )
        self._directory = directory
        self._countries = Countries(settings.FOOTFALL_GEO)
        self._proxies = addresses.networks(settings.FOOTFALL_TRUSTED_PROXIES)
        self.unnamed_proxy = UnnamedProxy()
        self._live_secret = identity.derive(settings.SECRET_KEY, "live")
        self._demo_secret = os.environ.get("FOOTFALL_DEMO_SECRET", "")

    def admit(self, request: VisitorRequest) -> Caller:
        """Who asks, or Declined. The steps cost alike: their time tells nobody which one refused."""
        if not self._directory.ready:
            raise Declined(OVERLOADED, Drop.NOT_READY)
        site = self._directory.site(request.key)
        # Interned: thousands of pages have the same few browsers.
        user_agent = intern(request.headers.get("user-agent", ""))
        host = request.host()
        address = self._address(request, site)
        reason = closed_to(site, host, address)
        address_use = self.address_limits.use_of(address, now := time.monotonic())
        if not address_use.take_message(now):
            raise Declined(OVERLOADED, Drop.ADDRESS_TOO_FAST)
        if site is None:
            raise Declined(REFUSED, Drop.UNKNOWN_SITE)
        if reason:
            self._refuse(site, reason, named(host) if reason is Drop.WRONG_ORIGIN else "")
        self._refuse_bots(site, user_agent)
        if site.honour_dnt and "1" in (request.headers.get("dnt"), request.headers.get("sec-gpc")):
            self._refuse(site, Drop.OPTED_OUT)
        return self._caller(site, host, address, user_agent, address_use)

    def admit_told(self, site: TrackedSite, address: str, user_agent: str) -> Caller:
        """A visitor of whom a server tells, or Declined: how much comes from one address is the server's own
        affair, whoever opted out did not come this way, and nobody of them is ever live."""
        if site.excludes_address(address):
            self._refuse(site, Drop.EXCLUDED_ADDRESS)
        self._refuse_bots(site, user_agent)
        return Caller(
            site=site,
            host="",
            address=address,
            user_agent=intern(user_agent),
            agent=agents.read(user_agent),
            country=self._countries.of(address),
            live_key=b"",
            address_use=UNBOUNDED,
        )

    def _refuse_bots(self, site: TrackedSite, user_agent: str) -> None:
        if agents.is_bot(user_agent):
            self._refuse(site, Drop.BOT, agents.read(user_agent).browser)

    def _caller(
        self, site: TrackedSite, host: str, address: str, user_agent: str, address_use: AddressUse
    ) -> Caller:
        return Caller(
            site=site,
            host=host,
            address=address,
            user_agent=user_agent,
            agent=agents.read(user_agent),
            country=self._countries.of(address),
            live_key=identity.live_key(self._live_secret, site.id, address, user_agent),
            address_use=address_use,
        )

    def _refuse(self, site: TrackedSite, reason: Drop, of: str = "") -> NoReturn:
        self._refused(site.id, reason, of)
        raise Declined(REFUSED, reason)

    def _address(self, request: VisitorRequest, site: TrackedSite | None) -> str:
        if site and site.demo and self._demo_secret:
            secret = request.headers.get("x-footfall-demo", "")
            if hmac.compare_digest(secret.encode(), self._demo_secret.encode()):
                return addresses.plain(request.headers.get("x-footfall-demo-address", "")) or ""
        forwarded_for = request.headers.get("x-forwarded-for", "")
        address = addresses.client_address(request.peer, forwarded_for, self._proxies)
        if self.unnamed_proxy.came(bool(forwarded_for) and self._is_stranger(request.peer, address)):
            # Without the address: it may be a visitor's.
            logger.warning(
                "X-Forwarded-For came from an address that FOOTFALL_TRUSTED_PROXIES does not name, and is not"
                " believed. If that is your proxy, all visitors look like one: name it there."
            )
        return address

    def _is_stranger(self, peer: str | None, address: str) -> bool:
        """Whether the peer itself is taken for the visitor, and is no proxy of ours."""
        if peer is None or not address or addresses.plain(peer) != address:
            return False
        return not addresses.within(address, self._proxies)


def closed_to(site: TrackedSite | None, host: str, address: str) -> Drop | None:
    """Why a site takes nobody from this page and address, or None."""
    if site is None or not site.enabled:
        return Drop.UNKNOWN_SITE
    if not host or not site.allows(host):
        return Drop.WRONG_ORIGIN
    if site.excludes_address(address):
        return Drop.EXCLUDED_ADDRESS
    return None


def named(host: str) -> str:
    """The host of an origin as it is told of; "" for what is none."""
    try:
        return ascii_host(host) if host else ""
    except ValueError:
        return ""
