"""One open page as a state machine: a message in; out come replies, presence changes and records to store.

The only place that knows what a message means. It does no I/O: what it needs of the process stands in
`Services`, and `now` is always a steady clock's seconds, so that a step of the server's clock bends no
duration.
"""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from tracker.contract import messages
from tracker.contract.attention import Attention
from tracker.contract.close_codes import BROKE_PROTOCOL, CLAIMED, OVERLOADED, REFUSED, TOO_FAST, Declined
from tracker.contract.drops import Drop
from tracker.contract.pace import Allowance, Pace
from tracker.contract.records import Begin, EventRecord, Owner, Placed, source_of
from tracker.conversation import begin_record
from tracker.conversation.open_page import OpenPage
from tracker.conversation.services import Caller, Outcome, Reply, Services
from tracker.live.stream import NO_NAMES, Happening
from tracker.live.visits import LiveVisit
from tracker.pages import page_url
from tracker.visitors.identity import mark

PROGRESS_SECONDS = 60.0  # how often, at most, attention is stored while a page view lasts


class Session:
    """The conversation with one page (over a socket, or over POST while its lease lasts)."""

    __slots__ = (
        "_allowance",
        "_close",
        "_events",
        "_reply",
        "_services",
        "caller",
        "closed",
        "owner",
        "page",
        "presence",
    )

    def __init__(
        self,
        services: Services["Session"],
        caller: Caller,
        owner: Owner,
        pace: Pace,
        reply: Reply,
        close: Callable[[int], None],
    ) -> None:
        self.caller = caller
        self.page: OpenPage | None = None
        self.closed = False
        self.owner = owner
        self.presence = services.presence_of(caller.site.id)
        self._services = services
        self._reply = reply
        self._close = close
        self._allowance = Allowance.of(pace)
        self._events: frozenset[UUID] = frozenset()

    def receive(self, frame: str | bytes, now: float) -> None:
        """Take a frame that came over the socket."""
        if self.closed:
            return
        try:
            self.keep_pace(now)
            message = messages.parse(frame)
            if isinstance(message, messages.EndMessage):
                raise Declined(BROKE_PROTOCOL, Drop.MALFORMED)
            self.handle(message, now, self._reply)
        except (Declined, messages.Refused) as refusal:
            self._services.drop(refusal.reason)
            self.close(refusal.code, now)

    def receive_wordless(self, now: float) -> None:
        """Count a frame that is no message, or a piece of one: it costs what a message costs."""
        if self.closed:
            return
        try:
            self._keep_pace(now)
        except Declined as refusal:
            self._services.drop(refusal.reason)
            self.close(refusal.code, now)

    def keep_pace(self, now: float) -> None:
        """Take one message from the page's allowance, and its address's; Declined when there is none left."""
        self._services.count_message()
        self._keep_pace(now)

    def _keep_pace(self, now: float) -> None:
        if not self._allowance.take(now):
            raise Declined(TOO_FAST, Drop.TOO_FAST)
        if not self.caller.address_use.take_message(now):
            raise Declined(OVERLOADED, Drop.ADDRESS_TOO_FAST)

    def handle(self, message: messages.Message, now: float, reply: Reply) -> None:
        """A well-formed message. Every page and event leads to exactly one call of `reply`, now or later.

        Raises Declined where what it says cannot be taken after all.
        """
        match message:
            case messages.PageMessage():
                self._page(message, now, reply)
            case messages.StateMessage():
                self._state(message, now)
            case messages.EventMessage():
                self._event(message, now, reply)
            case messages.EndMessage():
                self._end_said(message, now)

    def answer(self, message_id: UUID, outcome: Outcome, clock: Callable[[], float]) -> str:
        """The frame that tells a socket's page what became of what it said; "" where nothing is to be said.

        What will never be stored closes the conversation; `clock` is the steady one.
        """
        if outcome is Outcome.STORED:
            return messages.ack(message_id)
        if outcome is Outcome.REFUSED:
            self.close(BROKE_PROTOCOL, clock())
        return ""

    def lost(self, now: float) -> None:
        """The connection is gone: its page view ends here."""
        self.closed = True
        self._end_page(now)

    def close(self, code: int, now: float) -> None:
        """End the conversation from this side."""
        if not self.closed:
            self.lost(now)
            self._close(code)

    def renounce(self) -> None:
        """Another connection claimed the page view: let go of it without ending it."""
        self.closed = True
        if self.page:
            self.presence.leave(self.page.tab)
            self.presence.visits.leave(self.page.visit, self.page.progress_at)
            self.page = None
        self._close(CLAIMED)

    def _page(self, message: messages.PageMessage, now: float, reply: Reply) -> None:
        page = self.page
        if page and page.id == message.id:
            page.attended(message.engaged_ms, message.depth, now)
            page.retitled(message.title)
            self._store(page, reply)
            return
        try:
            url = page_url.read(message.url, self.caller.site.naming)
        except ValueError:
            raise Declined(BROKE_PROTOCOL, Drop.MALFORMED) from None
        # A browser says where it is, and asks from there: only a forger says another's page.
        if not self.caller.site.allows(url.host):
            self._services.refused(self.caller.site.id, Drop.FOREIGN_PAGE, url.host)
            raise Declined(REFUSED, Drop.FOREIGN_PAGE)
        if self.caller.site.excludes_path(url.path):
            self._services.drop(Drop.EXCLUDED_PATH)
            self._services.refused(self.caller.site.id, Drop.EXCLUDED_PATH)
            self._end_page(now)
            reply(message.id, Outcome.IGNORED)
            return
        begin = self._begin(message, url, self._services.wall(now))
        # Before it is claimed: whoever lets go of it here must not seem to leave the visit.
        own = source_of(begin.attribution)
        visit = self.presence.visits.enter(begin.attribution.visitor, own, now)
        goes_on = self._services.claim(self, message.id) or message.again
        told = bool(self.presence.streams.watched) and not goes_on
        before = (self._own_page(message.referrer) or visit.page) if told else ""
        names = begin_record.names_of(begin, own, visit.source)
        self.page = self._opened(page, begin, names, visit, before, now)
        if not (goes_on and visit.page):
            visit.page = url.path
        if page:
            self._ended(page, now)
            self.presence.visits.leave(page.visit, now)
            self._services.release(self, page.id)
        if not goes_on:
            self.presence.began(begin.began_at)
            self.page.untold = told
        self._store(self.page, reply)

    def _begin(self, message: messages.PageMessage, url: page_url.PageUrl, wall: float) -> Begin:
        visitor = self._services.visitor(self.caller, wall)
        if visitor is None:
            raise Declined(OVERLOADED, Drop.NOT_READY)
        return begin_record.begin_of(self.caller, message, url, visitor, self.owner, wall)

    def _own_page(self, url: str) -> str:
        """The site's page that this URL is of; "" where it is none."""
        try:
            read = page_url.read(url, self.caller.site.naming) if url else None
        except ValueError:
            return ""
        return read.path if read and self.caller.site.allows(read.host) else ""

    def _opened(
        self,
        before: OpenPage | None,
        begin: Begin,
        names: tuple[str, ...],
        visit: LiveVisit,
        page_before: str,
        now: float,
    ) -> OpenPage:
        if before:
            tab = before.tab
            self.presence.move(tab, names)
            self.presence.attend(tab, Attention.ACTIVE)
        else:
            tab = self.presence.join(self.caller.live_key, names)
        return OpenPage.of_begin(begin, tab, visit, page_before, now)

    def placed(self, placed: Placed) -> None:
        """Storing says where the visit of the open page view came from, and whether that began with it."""
        page = self.page
        if page is None or page.id.int != placed.page_view:
            return
        page.visit.source = placed.source
        page.visit_goes_on = not placed.begins
        if placed.source is page.source:
            return
        page.source = placed.source
        names = begin_record.from_source(page.names, placed.source)
        if names != page.names:
            page.names = names
            self.presence.move(page.tab, names)

    def _store(self, page: OpenPage, reply: Reply) -> None:
        if page.begin is None:
            reply(page.id, Outcome.STORED)
            return
        if page.queued and reply in page.waiting:
            return  # said again over the socket: one ack answers both
        page.waiting += (reply,)
        if page.queued:
            return
        page.queued = self._services.begin(page.begin, partial(self._settled, page))
        if not page.queued:
            self._services.drop(Drop.BUFFER_FULL)
            page.answer(Outcome.FULL)

    def _settled(self, page: OpenPage, stored: bool) -> None:
        if stored and page.untold:
            page.untold = False
            self._tell(page, page.id, page.began_at)
        page.settled(stored)

    def _state(self, message: messages.StateMessage, now: float) -> None:
        page = self.page
        if page is None or page.id != message.id:
            self._services.drop(Drop.NOT_OPEN)
            return
        self.presence.attend(page.tab, message.attention)
        page.attended(message.engaged_ms, message.depth, now)
        if page.retitled(message.title) or now - page.progress_at >= PROGRESS_SECONDS:
            page.progress_at = now
            self._progress(page, now, ended=False)

    def _event(self, message: messages.EventMessage, now: float, reply: Reply) -> None:
        if message.key in self._events:
            reply(message.key, Outcome.IGNORED)  # already waiting: its first saying will be answered
            return
        if not message.name:
            self._services.drop(Drop.NAMELESS)
            reply(message.key, Outcome.IGNORED)
            return
        record = EventRecord(
            site_id=self.caller.site.id,
            id=message.key,
            page_view_id=message.page_view_id,
            at=self._services.wall(now),
            name=message.name,
            properties=message.properties,
            value=message.value,
        )

        watched = bool(self.presence.streams.watched)
        page = self.page if self.page and self.page.id == message.page_view_id else None

        def done(stored: bool) -> None:
            self._events -= {message.key}
            if stored and watched:
                self._tell_event(page, record)
            reply(message.key, Outcome.STORED if stored else Outcome.REFUSED)

        if self._services.event(record, done):
            self._events |= {message.key}
        else:
            self._services.drop(Drop.BUFFER_FULL)
            reply(message.key, Outcome.FULL)

    def _tell_event(self, page: OpenPage | None, record: EventRecord) -> None:
        if page:
            self._tell(page, record.id, record.at, record.name)
        else:
            self.presence.streams.append(Happening(record.id, record.at, "", record.name, NO_NAMES))

    def _tell(self, page: OpenPage, message_id: UUID, at: float, event: str = "") -> None:
        self.presence.streams.append(
            Happening(
                *(message_id, at, mark(page.visit.visitor), event, page.names),
                page.page_before if page.visit_goes_on else None,
            )
        )

    def _end_said(self, message: messages.EndMessage, now: float) -> None:
        if self.page is None or self.page.id != message.id:
            self._services.drop(Drop.NOT_OPEN)
            return
        self.page.attended(message.engaged_ms, message.depth, now)
        self._end_page(now)

    def _end_page(self, now: float) -> None:
        page = self.page
        if page is None:
            return
        self.page = None
        self.presence.leave(page.tab)
        self.presence.visits.leave(page.visit, now)
        self._ended(page, now)
        self._services.release(self, page.id)

    def _ended(self, page: OpenPage, now: float) -> None:
        # A begin that found no room was never said to be stored: there is nothing to end.
        if page.begin is None or page.queued:
            self._progress(page, now, ended=True)

    def _progress(self, page: OpenPage, now: float, ended: bool) -> None:
        self._services.progress(page.progress(self.caller.site.id, self.owner, now, ended))
