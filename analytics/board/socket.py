"""`WS /board/KEY`: a board's socket. Latest wins, one in flight: the next leaves after the page's ack.

Daphne buffers without bound for a client that does not read, so nothing goes to a board that has not acked.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Protocol

import msgspec
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError, InterfaceError
from django.http import QueryDict

from analytics.access import socket_origin
from analytics.access.board_readers import BoardReaders
from analytics.board.stream import BoardStream, Cursor
from analytics.board.ticker import Ticker
from analytics.live.system import System
from analytics.queries import filtering
from tracker.contract.close_codes import BROKE_PROTOCOL, FAILED, REFUSED
from tracker.live.filters import NO_FILTERS, Filters
from tracker.liveness.activity import Activities
from tracker.models import Site

SILENT = 4408
FRAME_LIMIT = 256  # characters; an ack has about 25
# Who stopped answering is gone within 30 s: after the next check, and a second for the answer to the close.
ACK_SECONDS = 25.0
CHECK_SECONDS = 3.0


class Closable(Protocol):
    """A board, whichever way it takes its snapshots."""

    async def close(self, code: int) -> None: ...


class OpenBoards(set[Closable]):
    """Every board of this process."""

    def __init__(self, activities: Activities) -> None:
        """`activities`: where it is told when a board failed."""
        super().__init__()
        self.activity = activities.new("Boards")

    async def close(self, code: int) -> None:
        """Close them (4502 when the process is about to stop); they come back by themselves."""
        await asyncio.gather(*(board.close(code) for board in list(self)), return_exceptions=True)


class Ack(msgspec.Struct):
    """What a page says when it has shown a snapshot."""

    ack: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class BoardConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """One open board. Refused by accepting and closing: a refused handshake reaches a page only as 1006."""

    # Snapshots come from the ticker, which hears the channel layer once for all boards.
    channel_layer_alias = "none"

    site: Site | None = None
    filters: Filters = NO_FILTERS
    tasks: tuple[asyncio.Task[None], ...] = ()
    stream: BoardStream | None = None
    cursor: Cursor | None = None
    pending: tuple[int, str] | None = None
    in_flight: int | None = None
    newest = 0
    sent_at = 0.0  # steady clock

    def __init__(self, boards: OpenBoards, ticker: Ticker, readers: BoardReaders, system: System) -> None:
        super().__init__()
        self._boards, self._ticker, self._readers, self._system = boards, ticker, readers, system
        self.news = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # Not in `disconnect`: a server that ends, or a fault of ours, never comes to that.
            self._forget()

    async def connect(self) -> None:
        await self.accept()
        if not self._from_own_page() or (site := await self._visible_site()) is None:
            await self.close(REFUSED)
            return
        try:
            self.filters = filtering.filters(QueryDict(self.scope["query_string"]))
        except (ValueError, SuspiciousOperation):
            await self.close(BROKE_PROTOCOL)
            return
        self.site = site
        self._boards.add(self)
        self.stream = self._ticker.join(site, self, self.filters)
        self.tasks = (asyncio.create_task(self._whole(self._guard)),)
        self.offer(*await self._ticker.first(site, self.filters))
        # Not before: a tick's snapshot may be quicker than what the stream begins with.
        self.tasks += (asyncio.create_task(self._whole(self._speak)),)

    def _forget(self) -> None:
        self._boards.discard(self)
        for task in self.tasks:
            task.cancel()
        if self.site:
            self._ticker.leave(self.site, self, self.filters)

    def offer(self, seq: int, text: str) -> None:
        """Take a snapshot, to be sent as soon as the page has acknowledged the one before."""
        # One that another process made before this board's first may still come after it.
        if seq > self.newest:
            self.newest, self.pending = seq, (seq, text)
            self.news.set()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            if text_data is None or len(text_data) > FRAME_LIMIT:
                raise msgspec.DecodeError
            seq = msgspec.json.decode(text_data, type=Ack).ack
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            await self.close(BROKE_PROTOCOL)
            return
        if seq == self.in_flight:
            self.in_flight = None
            self.news.set()

    async def _whole(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do work without which a board must not stay open: it would be frozen, or open to all for ever."""
        try:
            await work()
        except Exception as error:
            self._boards.activity.stumbled(error)
            with contextlib.suppress(OSError, RuntimeError):
                await self.close(FAILED)

    async def websocket_wordless(self, message: object) -> None:
        """A ping, or a piece of an ack: the server itself holds boards to a page's pace."""

    async def _speak(self) -> None:
        """Send what is new, when the page has acknowledged what came before."""
        while await self.news.wait():
            self.news.clear()
            if self.pending and self.in_flight is None:
                (self.in_flight, text), self.pending = self.pending, None
                self.sent_at = time.monotonic()
                if self.stream:
                    text, self.cursor = self.stream.added_to(text, self.cursor)
                # A socket that is gone raises what its server likes.
                with contextlib.suppress(OSError, RuntimeError):
                    await self.send(text_data=self._system.added_to(text))

    def _from_own_page(self) -> bool:
        trusted = settings.CSRF_TRUSTED_ORIGINS
        return socket_origin.is_own(self.scope, settings.FOOTFALL_HTTPS, trusted, settings.ALLOWED_HOSTS)

    async def _visible_site(self) -> Site | None:
        """The site, if whoever holds the session may look at it now."""
        session = self.scope["cookies"].get(settings.SESSION_COOKIE_NAME, "")
        return (
            await self._readers.site(session, self.scope["url_route"]["kwargs"]["key"]) if session else None
        )

    async def _guard(self) -> None:
        """Close the board when its reader may no longer look, or it has stopped answering."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            if self.in_flight is not None and time.monotonic() - self.sent_at > ACK_SECONDS:
                await self.close(SILENT)
                return
            # While Postgres is away nobody can log out either: the board goes on.
            with contextlib.suppress(DatabaseError, InterfaceError):
                if await self._visible_site() is None:
                    await self.close(REFUSED)
                    return
