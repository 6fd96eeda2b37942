"""What one process that holds visitors' sockets owns, and what it does for them.

An edge has the directory, presence and write buffer, and the sessions with the pages they claim.
Everything but `start` and `stop` runs on the event loop's thread and never waits.
"""

import asyncio
import math
import secrets
import time
from collections.abc import Callable, Mapping
from uuid import UUID

from django.conf import settings
from msgspec import structs

from tracker.contract.close_codes import OVERLOADED, REFUSED, RESTARTING, Declined
from tracker.contract.drops import Drop, Drops
from tracker.contract.pace import Pace
from tracker.contract.records import Begin, EventRecord, Owner, Placed, Progress
from tracker.conversation.claims import Claims
from tracker.conversation.post_leases import PostLeases
from tracker.conversation.services import Caller, Reply
from tracker.conversation.session import Session
from tracker.edge import file_limits
from tracker.edge.admission import Admission, closed_to
from tracker.edge.pulse import Pulse
from tracker.live.presence import Presence, SitePresence
from tracker.live.refusals import SiteRefusals
from tracker.liveness.activity import Activities, go_on
from tracker.postgres.connect import connect
from tracker.sites.directory import Directory
from tracker.sites.tracked_site import TrackedSite
from tracker.storing.buffer import WriteBuffer
from tracker.storing.spool import Spool
from tracker.visitors import identity
from tracker.visitors.request import VisitorRequest

SWEEP_SECONDS = 1.0
# A loop that turns each second or oftener, and has not for so long, hangs or has ended.
PATIENCE_SECONDS = 10.0
DRAIN_SECONDS = 10.0
# Between two portions of pages that are sent elsewhere.
PORTION_SECONDS = 0.1
# From then on staff are told how full it is: somebody must make room before nobody is let in.
NEARLY_FULL = 0.8


class Edge:
    """The sockets of this process; implements `tracker.conversation.services.Services`."""

    def __init__(self, activities: Activities) -> None:
        """`activities`: what goes on in this process, here and elsewhere. Raises TooFewFiles."""
        self.id = secrets.randbits(62) + 1
        self.activities = activities
        self.drops = Drops()
        self.directory = Directory(connect, activities)
        spool = Spool(settings.FOOTFALL_SPOOL, self.id, settings.FOOTFALL_SPOOL_BYTES)
        self.buffer = WriteBuffer(
            connect, self.id, settings.FOOTFALL_BUFFER, spool, self.drops, activities, self._place
        )
        self.hearing = activities.new("What pages say")
        self._sweeping = activities.new("Clean-up of conversations", PATIENCE_SECONDS)
        self.presence = Presence(settings.FOOTFALL_NAMES, time.time())
        self.sessions: set[Session] = set()
        self.refusals = SiteRefusals()
        self._admission = Admission(self.directory, self.refused)
        self._address_limits = self._admission.address_limits
        self._pace = Pace(settings.FOOTFALL_MESSAGE_BURST, settings.FOOTFALL_MESSAGE_RATE)
        self.room = file_limits.room(settings.FOOTFALL_SOCKETS)
        self._claims = Claims(f"{self.id:x}", self._forget)
        self._publisher = None
        if settings.REDIS_URL:
            # Here, since redis takes a fifth of the start, and one process alone has no use for it.
            from tracker.across.publisher import Publisher

            self._publisher = Publisher(
                *(f"{self.id:x}", self.presence, self._claims, self.refusals, settings.REDIS_URL),
                *(Pulse(lambda: self).take, activities),
            )
        self._leases = PostLeases()
        self.messages = 0  # heard from pages since it started
        self._connections = 0
        self._shift = 0.0
        self._sites: Mapping[int, TrackedSite] = {}
        self._stopping = False
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to serve: load sites and salts, and start the threads that keep and write."""
        self._shift = time.time() - time.monotonic()
        self.directory.start()
        self.buffer.start(asyncio.get_running_loop())
        self._sweeper = asyncio.create_task(go_on(self._sweeping, self._sweep))

    async def stop(self, over: float) -> None:
        """Close every socket with 4502 over so many seconds, end their page views, and flush what waits."""
        self._stopping = True
        await self._see_off(over)
        if self._sweeper:
            self._sweeper.cancel()
            self._sweeping.ended()
        if self._publisher:
            await self._publisher.stop()
        await self.buffer.drain(DRAIN_SECONDS)
        await asyncio.to_thread(self._stop_threads)

    def admit(self, request: VisitorRequest) -> Caller:
        """The caller behind a request. Raises Declined where it is not let in."""
        if self._stopping:
            raise Declined(RESTARTING, Drop.NOT_READY)
        return self._admission.admit(request)

    def admit_told(self, site: TrackedSite, address: str, user_agent: str) -> Caller:
        """The caller of whom a server tells. Raises Declined where nobody like that is counted."""
        if self._stopping:
            raise Declined(RESTARTING, Drop.NOT_READY)
        return self._admission.admit_told(site, address, user_agent)

    def open(self, caller: Caller, reply: Reply, close: Callable[[int], None]) -> Session:
        """A conversation over a socket; the adapter calls `finished` when the socket is gone.

        Raises Declined when there is no room for it.
        """
        if len(self.sessions) >= self.room:
            raise Declined(OVERLOADED, Drop.PROCESS_FULL)
        if not self._address_limits.enter(caller.address_use):
            raise Declined(OVERLOADED, Drop.ADDRESS_FULL)
        if self._publisher:
            # A process that never held anybody is not missed when it goes.
            self._publisher.start()
        self._connections += 1
        session = Session(self, caller, Owner(self.id, self._connections), self._pace, reply, close)
        self.sessions.add(session)
        return session

    def finished(self, session: Session) -> None:
        """Forget a conversation whose connection is gone, and end its page view."""
        if not session.closed:
            session.lost(time.monotonic())
        self._forget(session)

    def posting(self, caller: Caller, page_view_id: UUID) -> Session:
        """The conversation of a page that posts: the one whose lease lasts, or a new one. `renew` it then."""
        session = self._claims.holder((caller.site.id, page_view_id.int))
        return session if session and session in self._leases else self.open(caller, _nobody, _nothing)

    def renew(self, session: Session) -> None:
        """A page that posts gave a sign: its lease begins anew, for as long as its attention asks."""
        if session.page is None:
            self.finished(session)
            return
        self._leases.renew(session, time.monotonic())

    @property
    def problem(self) -> str:
        """Why what pages say is not stored or counted as it should be, for staff; empty while all is well."""
        full = "" if self.held() < self.room else f"Full: {self.room:,} pages, and no room for more."
        return self.buffer.problem or self.activities.problem or full

    @property
    def notice(self) -> str:
        """What staff should look at, though all goes on; empty when there is nothing."""
        nearly_full = self.room * NEARLY_FULL <= self.held() < self.room
        filling = f"{self.held():,} of the {self.room:,} pages that a process holds." if nearly_full else ""
        told = (self._admission.unnamed_proxy, self.buffer.spool.unreadable, self.activities)
        return " ".join(filter(None, (filling, *(each.notice for each in told))))

    def held(self) -> int:
        """How many conversations are open now."""
        return len(self.sessions)

    def presence_of(self, site_id: int) -> SitePresence:
        return self.presence.site(site_id)

    def visitor(self, caller: Caller, wall: float) -> UUID | None:
        site = self.directory.by_id(caller.site.id)
        if site is None:
            return None
        salt = self.directory.salt(site.id, identity.site_day(wall, site.zone))
        if salt is None:
            return None
        return identity.visitor_id(salt, site.id, caller.address, caller.user_agent)

    def wall(self, now: float) -> float:
        return now + self._shift

    def claim(self, session: Session, page_view_id: UUID) -> bool:
        """Make `session` the page view's only one; True when another one held it here."""
        return self._claims.take((session.caller.site.id, page_view_id.int), session)

    def release(self, session: Session, page_view_id: UUID) -> None:
        self._claims.release((session.caller.site.id, page_view_id.int), session)

    def begin(self, record: Begin, done: Callable[[bool], None]) -> bool:
        return self.buffer.begin(record, done)

    def progress(self, record: Progress) -> None:
        self.buffer.progress(record)

    def event(self, record: EventRecord, done: Callable[[bool], None]) -> bool:
        return self.buffer.event(record, done)

    def drop(self, reason: Drop) -> None:
        self.drops.count(reason)

    def refused(self, site_id: int, reason: Drop, of: str = "") -> None:
        """Tell a site's owner whom it refused: a page on the host `of`, or a program of this name."""
        self.refusals.note(site_id, reason.value, of, time.time())
        if self._publisher:
            # Of a new site everybody may be refused.
            self._publisher.start()

    def _place(self, placed: Placed) -> None:
        if session := self._claims.holder((placed.site_id, placed.page_view)):
            session.placed(placed)

    def count_message(self) -> None:
        """Count a message that a page sent."""
        self.messages += 1

    async def _see_off(self, over: float) -> None:
        """Close all conversations in portions, so that those who take the pages over are not overrun."""
        leaving = list(self.sessions)
        portion = math.ceil(len(leaving) * PORTION_SECONDS / over) if over else len(leaving)
        for start in range(0, len(leaving), max(1, portion)):
            if start:
                await asyncio.sleep(PORTION_SECONDS)
            for session in leaving[start : start + portion]:
                session.close(RESTARTING, time.monotonic())
        for session in list(self.sessions):
            session.close(RESTARTING, time.monotonic())

    def _forget(self, session: Session) -> None:
        if session in self.sessions:
            self.sessions.remove(session)
            self._address_limits.leave(session.caller.address_use, time.monotonic())
        self._leases.drop(session)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = time.monotonic()
            # Followed once a second, so that the server's clock may be set while pages are open: each page
            # keeps the shift it opened with, and its duration stays right.
            self._shift = time.time() - now
            for session in self._leases.over(now):
                self.finished(session)
            self._address_limits.forget(now)
            self.presence.forget_visits(now)
            self._follow_sites(now)
            self._sweeping.progressed()

    def _follow_sites(self, now: float) -> None:
        """Let open conversations follow a change to their site; who would not be let in any more must go."""
        before, self._sites = self._sites, self.directory.sites()
        if before is self._sites:
            return
        changed = {site_id for site_id, site in before.items() if self._sites.get(site_id) != site}
        for session in [session for session in self.sessions if session.caller.site.id in changed]:
            site = self._sites.get(session.caller.site.id)
            reason = closed_to(site, session.caller.host, session.caller.address)
            if site is None or reason:
                self.drop(reason or Drop.UNKNOWN_SITE)
                session.close(REFUSED, now)
            else:
                session.caller = structs.replace(session.caller, site=site)

    def _stop_threads(self) -> None:
        self.buffer.stop()
        self.directory.stop()


def _nobody(page_view_id: UUID, outcome: object) -> None:
    """A page that posts is answered by its request, never in between."""


def _nothing(code: int) -> None:
    """A page that posts has no socket to close."""
