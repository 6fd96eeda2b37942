"""`WS /board/KEY`: a board's socket. Latest wins, one in flight: the next leaves after the page's ack.

Daphne buffers without bound for a client that does not read, so nothing goes to a board that has not acked.
"""

import asyncio
import contextlib
import time
from importlib import import_module
from typing import Annotated, Any

import msgspec
from channels.auth import get_user
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import DatabaseError, InterfaceError

from analytics import origins
from analytics.access import asite_for
from analytics.ticker import TICKER, group
from tracker.closes import BROKE_PROTOCOL, REFUSED
from tracker.models import Site

SILENT = 4408
FRAME_LIMIT = 256  # characters; an ack has about 25
ACK_SECONDS = 30.0
CHECK_SECONDS = 3.0

OPEN: set["BoardConsumer"] = set()


async def close_all(code: int) -> None:
    """Close every board of this process (4502 when it is about to stop); they come back by themselves."""
    await asyncio.gather(*(board.close(code) for board in list(OPEN)), return_exceptions=True)


class Ack(msgspec.Struct):
    """What a page says when it has shown a snapshot."""

    ack: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class BoardConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """One open board. Refused by accepting and closing: a refused handshake reaches a page only as 1006."""

    site: Site | None = None
    guard: asyncio.Task[None] | None = None
    pending: tuple[int, str] | None = None
    in_flight: int | None = None
    newest = 0
    sent_at = 0.0  # steady clock

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # Not in `disconnect`: a server that ends, or a fault of ours, never comes to that.
            await self._forget()

    async def connect(self) -> None:
        await self.accept()
        if not self._from_own_page() or (site := await self._visible_site()) is None:
            await self.close(REFUSED)
            return
        self.site = site
        OPEN.add(self)
        TICKER.join(site)
        await self.channel_layer.group_add(group(site.key), self.channel_name)
        self.guard = asyncio.create_task(self._guard())
        await self._offer(*await TICKER.first(site))

    async def _forget(self) -> None:
        OPEN.discard(self)
        if self.guard:
            self.guard.cancel()
        if self.site:
            TICKER.leave(self.site)
            await self.channel_layer.group_discard(group(self.site.key), self.channel_name)

    async def board_snapshot(self, message: dict[str, Any]) -> None:
        """The ticker made a snapshot."""
        # One made before this board's first may still come out of the channel after it.
        if message["seq"] > self.newest:
            await self._offer(message["seq"], message["text"])

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            if text_data is None or len(text_data) > FRAME_LIMIT:
                raise msgspec.DecodeError
            seq = msgspec.json.decode(text_data, type=Ack).ack
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            await self.close(BROKE_PROTOCOL)
            return
        if seq != self.in_flight:
            return
        self.in_flight = None
        if self.pending:
            await self._offer(*self.pending)

    async def _offer(self, seq: int, text: str) -> None:
        self.newest = seq
        if self.in_flight is not None:
            self.pending = (seq, text)
            return
        self.pending, self.in_flight, self.sent_at = None, seq, time.monotonic()
        await self.send(text_data=text)

    def _from_own_page(self) -> bool:
        trusted = settings.CSRF_TRUSTED_ORIGINS
        return origins.is_own(self.scope, settings.FOOTFALL_HTTPS, trusted, settings.ALLOWED_HOSTS)

    async def _visible_site(self) -> Site | None:
        """The site, if whoever holds the session may look at it now: session and user are read afresh."""
        store = import_module(settings.SESSION_ENGINE).SessionStore(self.scope["session"].session_key)
        user = await get_user({"session": store})
        return await asite_for(user, self.scope["url_route"]["kwargs"]["key"])

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
