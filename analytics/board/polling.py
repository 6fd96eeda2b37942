"""`GET /board/KEY`: a board whose proxy lets no socket through takes the same snapshots, a request for each.

A request acknowledges the snapshot before, and waits for the next: latest wins, one in flight, and nothing is
buffered for a board that does not ask. An answer that was lost on its way is said again, with all that has
happened since. Not server-sent events: proxies that block sockets often hold streams back as well.
"""

import asyncio
import contextlib
from typing import Any, Final

from channels.generic.http import AsyncHttpConsumer
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError, InterfaceError
from django.http import QueryDict

from analytics.access.board_readers import BoardReaders
from analytics.board.socket import CHECK_SECONDS, OpenBoards
from analytics.board.stream import BoardStream, Cursor
from analytics.board.ticker import Ticker
from analytics.live.system import System
from analytics.queries import filtering
from tracker.live.filters import Filters
from tracker.models import Site

# Headers that only a page of ours can send: from elsewhere a browser asks first, and is not answered.
BOARD, AFTER = b"footfall-board", b"footfall-after"
NAME_LENGTH = 64
# As a socket that stopped answering: gone within 30 s.
LEASE_SECONDS = 25.0
# Each is kept between its requests; a person has a few of them open.
MOST = 500
Name = tuple[str, str, str, Filters]  # the session, the page's own name for itself, the site, what it shows


class Full(Exception):
    """So many boards ask already."""


class Closing(Exception):
    """This process is about to end."""


class PolledBoard:
    """A board between its requests: what it was sent, and what has come since."""

    def __init__(self) -> None:
        self.stream: BoardStream | None = None
        self._latest = 0, ""
        self._news = asyncio.Event()
        self._turn = asyncio.Lock()
        self._cursor: Cursor | None = None  # up to which it has shown the stream
        self._sent: tuple[int, Cursor | None] | None = None
        self._closed = False

    def offer(self, seq: int, text: str) -> None:
        """Take a snapshot, for whoever asks next."""
        if seq > self._latest[0]:
            self._latest = seq, text
            self._news.set()

    async def close(self, code: int) -> None:
        """Let who waits go; `code` is for sockets alone, and a page that asked in vain asks again."""
        self._closed = True
        self._news.set()

    async def after(self, seq: int) -> str:
        """The newest snapshot, once there is one after `seq`, which is shown; "" in vain. Raises Closing."""
        async with self._turn:
            if self._sent and self._sent[0] == seq:
                self._cursor, self._sent = self._sent[1], None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CHECK_SECONDS):
                    while self._latest[0] <= seq and not self._closed:
                        self._news.clear()
                        await self._news.wait()
            if self._closed:
                raise Closing
            newest, text = self._latest
            if newest <= seq or self.stream is None:
                return ""
            text, cursor = self.stream.added_to(text, self._cursor)
            self._sent = newest, cursor
            return text


class PolledBoards:
    """The boards of this process that ask."""

    def __init__(self, boards: OpenBoards, ticker: Ticker, readers: BoardReaders, system: System) -> None:
        """`boards`: all that are open, whichever way, and where it is told when one failed."""
        self.readers = readers
        self.activity = boards.activity
        self._boards, self._ticker, self._system = boards, ticker, system
        self._polled: dict[Name, PolledBoard] = {}
        self._leases: dict[Name, asyncio.TimerHandle] = {}

    async def answer(self, name: Name, site: Site, after: int) -> str:
        """What a board is to show next, as JSON; "" when there is nothing yet. Raises Full, Closing."""
        board = self._polled.get(name)
        if board is None:
            if len(self._polled) >= MOST:
                raise Full
            board = self._polled[name] = PolledBoard()
            board.stream = self._ticker.join(site, board, name[3])
            self._boards.add(board)
            self._renew(name, site)
            board.offer(*await self._ticker.first(site, name[3]))
        self._renew(name, site)
        try:
            text = await board.after(after)
        finally:
            self._renew(name, site)
        return self._system.added_to(text) if text else ""

    def _renew(self, name: Name, site: Site) -> None:
        if lease := self._leases.pop(name, None):
            lease.cancel()
        if name in self._polled:
            loop = asyncio.get_running_loop()
            self._leases[name] = loop.call_later(LEASE_SECONDS, self._end, name, site)

    def _end(self, name: Name, site: Site) -> None:
        board = self._polled.pop(name)
        del self._leases[name]
        self._boards.discard(board)
        self._ticker.leave(site, board, name[3])


class PollConsumer(AsyncHttpConsumer):  # type: ignore[misc]  # Channels has no types
    """One request of a board."""

    channel_layer_alias = "none"

    def __init__(self, polled: PolledBoards) -> None:
        super().__init__()
        self._polled = polled

    async def handle(self, body: bytes) -> None:
        """Answer with the next snapshot."""
        if self.scope["method"] != "GET":
            await self._say(405, Allow="GET")
            return
        headers = dict(self.scope["headers"])
        board, after = (headers.get(name, b"").decode("latin-1") for name in (BOARD, AFTER))
        session = self.scope["cookies"].get(settings.SESSION_COOKIE_NAME, "")
        key = self.scope["url_route"]["kwargs"]["key"]
        if not 0 < len(board) <= NAME_LENGTH or not after.isdecimal() or len(after) > NAME_LENGTH:
            await self._say(400)
            return
        try:
            filters = filtering.filters(QueryDict(self.scope["query_string"]))
        except (ValueError, SuspiciousOperation):
            await self._say(400)
            return
        try:
            site = await self._polled.readers.site(session, key) if session else None
            if site is None:
                await self._say(403)
                return
            text = await self._polled.answer((session, board, key, filters), site, int(after))
        except (DatabaseError, InterfaceError, Closing):
            await self._say(503)
        except Full:
            await self._say(429)
        except Exception as error:
            self._polled.activity.stumbled(error)
            await self._say(500)
        else:
            await self._say(200 if text else 204, text)

    async def _say(self, status: int, text: str = "", **headers: str) -> None:
        told = [
            *(HEADERS if text else HEADERS[1:]),
            *((name.encode(), value.encode()) for name, value in headers.items()),
        ]
        await self.send_response(status, text.encode(), headers=told)


HEADERS: Final[list[tuple[Any, Any]]] = [
    (b"Content-Type", b"application/json"),
    (b"Cache-Control", b"no-store"),
    (b"X-Content-Type-Options", b"nosniff"),
]
