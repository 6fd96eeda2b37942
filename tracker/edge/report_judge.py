"""Judges page views and events of which a server tells: as visitors are, and never live.

The address is hashed like a visitor's with the salt of that day, and forgotten with the batch.
"""

from datetime import date
from uuid import UUID

from tracker.contract.close_codes import Declined
from tracker.contract.drops import Drop
from tracker.contract.records import NO_CONNECTION, EventRecord, Owner
from tracker.contract.server_items import ItemReason, ItemRefused, ServerItem
from tracker.conversation import begin_record
from tracker.conversation.services import Caller
from tracker.edge.edge import Edge
from tracker.edge.server_reports import ServerReports
from tracker.pages import page_url
from tracker.sites.tracked_site import TrackedSite
from tracker.storing.entries import Done, EventEntry, PageEntry
from tracker.visitors import addresses, identity

AGENT_LIMIT = 2048
# What becomes of an item: on its way to be stored.
Told = PageEntry | EventEntry


class ReportJudge:
    """Judges one batch; on the event loop. Who its senders were is looked up once for each."""

    def __init__(self, edge: Edge, site: TrackedSite, reports: ServerReports) -> None:
        self._edge, self._site, self._reports = edge, site, reports
        self._owner = Owner(edge.id, NO_CONNECTION)
        self._callers: dict[tuple[str | None, str | None], Caller] = {}
        self._visitors: dict[tuple[date, str | None, str | None], UUID] = {}

    def view(self, item: ServerItem, own_id: UUID, at: float, done: Done) -> PageEntry:
        """A page view that began and ended at `at`. Raises ItemRefused."""
        site = self._site
        message = item.page(own_id)
        try:
            url = page_url.read(message.url, site.naming)
        except ValueError:
            raise ItemRefused(ItemReason.BAD_URL) from None
        if not site.allows(url.host):
            self._edge.refused(site.id, Drop.FOREIGN_PAGE, url.host)
            raise ItemRefused(Drop.FOREIGN_PAGE)
        caller = self._caller(item)
        if site.excludes_path(url.path):
            self._edge.drop(Drop.EXCLUDED_PATH)
            raise ItemRefused(Drop.EXCLUDED_PATH)
        visitor = self.visitor(item, at)
        begin = begin_record.begin_of(caller, message, url, visitor, self._owner, at, item.server_name)
        return PageEntry.of_told(begin, done)

    def event(self, item: ServerItem, at: float, page_view: UUID, done: Done) -> EventEntry:
        """An event of a page view. Raises ItemRefused."""
        message = item.event(page_view)
        if not message.name:
            self._edge.drop(Drop.NAMELESS)
            raise ItemRefused(Drop.NAMELESS)
        record = EventRecord(
            site_id=self._site.id,
            id=message.key,
            page_view_id=page_view,
            at=at,
            name=message.name,
            properties=message.properties,
            value=message.value,
        )
        return EventEntry(record, [done])

    def check_sender(self, item: ServerItem, own_id: UUID) -> None:
        """Whether an event's sender is counted at all. Raises ItemRefused."""
        if item.url:
            try:
                host = page_url.read(item.page(own_id).url, self._site.naming).host
            except ValueError:
                raise ItemRefused(ItemReason.BAD_URL) from None
            if not self._site.allows(host):
                raise ItemRefused(Drop.FOREIGN_PAGE)
        # A server that knows the page view has no need to say whose it is.
        if item.page_view is None or item.user_agent:
            self._caller(item)

    def visitor(self, item: ServerItem, at: float) -> UUID:
        """Whom a page view or an event at `at` is of. Raises ItemRefused."""
        day = identity.site_day(at, self._site.zone)
        asked = day, item.address, item.user_agent
        known = self._visitors.get(asked)
        if known is None:
            salt = self._reports.salt(self._edge, self._site, day)
            known = identity.visitor_id(salt, self._site.id, _address(item), item.user_agent or "")
            self._visitors[asked] = known
        return known

    def _caller(self, item: ServerItem) -> Caller:
        # Who is declined is asked for anew: each is counted.
        asked = item.address, item.user_agent
        caller = self._callers.get(asked)
        if caller is None:
            agent = (item.user_agent or "")[:AGENT_LIMIT]
            try:
                caller = self._edge.admit_told(self._site, _address(item), agent)
            except Declined as refusal:
                self._edge.drop(refusal.reason)
                raise ItemRefused(refusal.reason) from None
            self._callers[asked] = caller
        return caller


def _address(item: ServerItem) -> str:
    """The address that it says, "" where it says none. Raises ItemRefused."""
    address = addresses.plain(item.address) if item.address else ""
    if address is None:
        raise ItemRefused(ItemReason.BAD_ADDRESS)
    return address
