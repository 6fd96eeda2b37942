"""Page views and events that a server tells of: judged as visitors are, stored as theirs are, and never live.

The address is hashed like a visitor's with the salt of that day, and forgotten with the item. Of a day whose
salt is deleted a secret of this process stands in, which is never stored.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable
from datetime import date
from enum import StrEnum
from uuid import UUID

from tracker.contract.close_codes import Declined
from tracker.contract.drops import Drop
from tracker.contract.records import NO_CONNECTION, EventRecord, Owner, Progress
from tracker.contract.server_items import ItemReason, ItemRefused, ServerItem
from tracker.conversation import begin_record
from tracker.conversation.services import Caller
from tracker.edge.edge import Edge
from tracker.pages import page_url
from tracker.sites.tracked_site import TrackedSite
from tracker.visitors import addresses, identity

# Longer than a commit takes, shorter than a proxy's patience.
ANSWER_SECONDS = 20.0
LATE_SALTS_MOST = 10_000
Said = Callable[[str], None]  # "" where it is stored, else why not


class ServerReports:
    """What servers say to one process; on its event loop."""

    def __init__(self) -> None:
        self._late_salts: dict[tuple[int, date], bytes] = {}
        self._under_way: set[tuple[int, str, UUID]] = set()

    def visitor(self, edge: Edge, site: TrackedSite, item: ServerItem, at: float) -> UUID:
        """Whom a page view or an event at `at` is of. Raises ItemRefused."""
        address = addresses.plain(item.address) if item.address else ""
        if address is None:
            raise ItemRefused(ItemReason.BAD_ADDRESS)
        day = identity.site_day(at, site.zone)
        salt = edge.directory.salt(site.id, day) or self._late_salt(site.id, day)
        return identity.visitor_id(salt, site.id, address, item.user_agent or "")

    def view(
        self, edge: Edge, site: TrackedSite, item: ServerItem, own_id: UUID, at: float, said: Said
    ) -> None:
        """Store a page view that began and ended at `at`. Raises ItemRefused, or calls `said` later."""
        message = item.page(own_id)
        try:
            url = page_url.read(message.url, site.naming)
        except ValueError:
            raise ItemRefused(ItemReason.BAD_URL) from None
        if not site.allows(url.host):
            edge.refused(site.id, Drop.FOREIGN_PAGE, url.host)
            raise ItemRefused(Drop.FOREIGN_PAGE)
        caller = self._caller(edge, site, item, url.host)
        if site.excludes_path(url.path):
            edge.drop(Drop.EXCLUDED_PATH)
            raise ItemRefused(Drop.EXCLUDED_PATH)
        visitor = self.visitor(edge, site, item, at)
        owner = Owner(edge.id, NO_CONNECTION)
        begin = begin_record.begin_of(caller, message, url, visitor, owner, at)
        if not edge.buffer.begin(begin, self._done(site.id, "view", begin.id, Drop.REFUSED, said)):
            raise self._full(edge)
        # Nobody holds a socket: it is over as it begins, and so never open.
        edge.buffer.progress(Progress(site.id, begin.id, owner, at, 0, 0, ended=True))

    def event(
        self, edge: Edge, site: TrackedSite, item: ServerItem, at: float, page_view: UUID, said: Said
    ) -> None:
        """Store an event of a page view. Raises ItemRefused, or calls `said` later."""
        message = item.event(page_view)
        if not message.name:
            edge.drop(Drop.NAMELESS)
            raise ItemRefused(Drop.NAMELESS)
        record = EventRecord(
            site_id=site.id,
            id=message.key,
            page_view_id=page_view,
            at=at,
            name=message.name,
            properties=message.properties,
            value=message.value,
        )
        done = self._done(site.id, "event", record.id, ItemReason.NO_PAGE_VIEW, said)
        if not edge.buffer.event(record, done):
            raise self._full(edge)

    def judge(self, edge: Edge, site: TrackedSite, item: ServerItem, own_id: UUID) -> None:
        """Whether an event's sender is counted at all. Raises ItemRefused."""
        if item.url:
            try:
                host = page_url.read(item.page(own_id).url, site.naming).host
            except ValueError:
                raise ItemRefused(ItemReason.BAD_URL) from None
            if not site.allows(host):
                raise ItemRefused(Drop.FOREIGN_PAGE)
        # A server that knows the page view has no need to say whose it is.
        if item.page_view is None or item.user_agent:
            self._caller(edge, site, item, "")

    def _caller(self, edge: Edge, site: TrackedSite, item: ServerItem, host: str) -> Caller:
        address = addresses.plain(item.address) if item.address else ""
        if address is None:
            raise ItemRefused(ItemReason.BAD_ADDRESS)
        try:
            return edge.admit_told(site, host, address, (item.user_agent or "")[:2048])
        except Declined as refusal:
            edge.drop(refusal.reason)
            raise ItemRefused(refusal.reason) from None

    def _late_salt(self, site_id: int, day: date) -> bytes:
        if len(self._late_salts) > LATE_SALTS_MOST:
            self._late_salts.clear()
        return self._late_salts.setdefault((site_id, day), secrets.token_bytes(32))

    def enter(self, site_id: int, kind: str, own_id: UUID) -> None:
        """Hold an item, before it is asked whether it is known. Raises ItemRefused where another batch does.

        Of two batches with the same item at once, the second would else seem a page that is back.
        """
        if (site_id, kind, own_id) in self._under_way:
            raise ItemRefused(ItemReason.UNDER_WAY)
        self._under_way.add((site_id, kind, own_id))

    def leave(self, site_id: int, kind: str, own_id: UUID) -> None:
        """Let go of an item: it is stored, or will not be."""
        self._under_way.discard((site_id, kind, own_id))

    def _done(
        self, site_id: int, kind: str, own_id: UUID, otherwise: StrEnum, said: Said
    ) -> Callable[[bool], None]:
        def done(stored: bool) -> None:
            self.leave(site_id, kind, own_id)
            said("" if stored else otherwise.value)

        return done

    def _full(self, edge: Edge) -> ItemRefused:
        edge.drop(Drop.BUFFER_FULL)
        return ItemRefused(Drop.BUFFER_FULL)


class Verdicts:
    """What becomes of the items of one batch, by their places in it."""

    def __init__(self) -> None:
        self.said: dict[int, str] = {}
        self._waiting: set[int] = set()
        self._all_here = asyncio.Event()

    def expect(self, place: int) -> Said:
        """One more whose verdict comes later."""
        self._waiting.add(place)
        self._all_here.clear()

        def say(reason: str) -> None:
            self._waiting.discard(place)
            self.said[place] = reason
            if not self._waiting:
                self._all_here.set()

        return say

    def refuse(self, place: int, reason: str) -> None:
        """This one is refused."""
        self._waiting.discard(place)
        self.said[place] = reason

    def open(self, places: Iterable[int]) -> list[int]:
        """Those of which nothing is said yet."""
        return [place for place in places if place not in self.said]

    async def wait(self) -> bool:
        """Whether all verdicts came in time."""
        if not self._waiting:
            return True
        try:
            await asyncio.wait_for(self._all_here.wait(), ANSWER_SECONDS)
        except TimeoutError:
            return False
        return True
