"""A made-up page's WebSocket, on autobahn, which daphne brings along."""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol

DROPPED = 1006
HANDSHAKE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """Where made-up pages connect: the demo site's socket, and the secret of believed addresses."""

    url: str  # ws://HOST:PORT/live/KEY
    origin: str
    secret: str

    async def open(self, address: str, user_agent: str) -> "PageSocket":
        """A socket on which a page may speak; OSError when nobody answers as a WebSocket does."""
        headers = {"X-Footfall-Demo": self.secret, "X-Footfall-Demo-Address": address}
        loop = asyncio.get_running_loop()
        factory = WebSocketClientFactory(
            self.url, origin=self.origin, useragent=user_agent, headers=headers, loop=loop
        )
        factory.setProtocolOptions(openHandshakeTimeout=HANDSHAKE_SECONDS, closeHandshakeTimeout=1)
        factory.protocol = PageSocket
        place = urlsplit(self.url)
        socket: PageSocket
        _, socket = await loop.create_connection(factory, place.hostname or "", place.port or 80)
        try:
            await socket.opened
        except BaseException:
            # The page was left in the middle of the handshake.
            if socket.transport:
                socket.transport.abort()
            raise
        return socket


class PageSocket(WebSocketClientProtocol):  # type: ignore[misc]  # autobahn has no types
    """`opened` and `closed` say when, `closed` with the server's code; `heard`: an ack came."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def onOpen(self) -> None:  # noqa: N802
        if not self.opened.done():
            self.opened.set_result(None)

    def onMessage(self, payload: bytes, binary: bool) -> None:  # noqa: N802
        self.heard = True

    def onClose(self, clean: bool, code: int | None, reason: Any) -> None:  # noqa: N802
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("no handshake"))
        if not self.closed.done():
            self.closed.set_result(code or DROPPED)

    def say(self, frame: str) -> None:
        """Send a frame; into the void when the line is gone, as a browser does."""
        # Closing begins before `closed`: when the server says goodbye, until its line is gone.
        if self.state == self.STATE_OPEN:
            self.sendMessage(frame.encode())

    async def hang_up(self) -> None:
        """Close, and wait for the other side."""
        if not self.closed.done():
            self.sendClose(1000)
            await self.closed
