"""The listener for visitors' sockets, and one epoll of their own for all of them, inside asyncio's.

asyncio makes a task and a future for each connection, a transport, and a handle for each event; these sockets
need none of it. So a page costs a third less CPU than it did on picows, and half the memory.
"""

import asyncio
import logging
import select
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, cast

from tracker.edge.edge import Edge
from tracker.server.ping_wheel import PingWheel
from tracker.server.visitor_socket import RESET, VisitorSocket

logger = logging.getLogger(__name__)

# In one go, before timers and posts have their turn: some 5 ms.
EVENTS: Final = 128
# New sockets in one go: they would hold up the pages that are here already.
ARRIVALS: Final = 32
# Acks are short: a page that lets so many bytes of them lie is none.
SEND_BUFFER: Final = 32_768
# A page said something, or hung up.
HUNG_UP: Final = select.EPOLLRDHUP
SAID: Final = select.EPOLLIN | HUNG_UP
# When the process may open no more files.
PAUSE_SECONDS: Final = 1.0


class Listener:
    """Accepts visitors' sockets, and reads what they say."""

    def __init__(self, edge: Edge, listener: socket.socket) -> None:
        self.edge = edge
        self.pings = PingWheel()
        self._sockets: dict[int, VisitorSocket] = {}
        self._listener = listener
        # What `accept` does without its wrapping into enums and a second object: 4 µs of each load.
        self._accept: Callable[[], tuple[int, Any]] = cast(Any, listener)._accept
        self._kind = int(listener.family), int(listener.type), listener.proto
        self._poll = select.epoll()
        self._loop = asyncio.get_running_loop()

    def open(self) -> None:
        """Begin to accept sockets."""
        self._listener.setblocking(False)
        # All pass on to every socket that is accepted: no call of their own.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        if self._listener.family != socket.AF_UNIX:
            self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll.register(self._listener, select.EPOLLIN)
        self._loop.add_reader(self._poll.fileno(), self._turn)

    def close(self) -> None:
        """Let nobody in any more; whoever is here goes on."""
        # Said outright: as long as another process holds the listener, too, epoll would go on to report it.
        with suppress(FileNotFoundError):
            self._poll.unregister(self._listener)
        self._listener.close()

    async def empty(self, patience: float) -> None:
        """Wait until all are gone, `patience` seconds at most, and end."""
        await self.pings.empty(patience)
        self._loop.remove_reader(self._poll.fileno())
        self._poll.close()

    def gone(self, descriptor: int) -> None:
        """A socket is about to be closed: whoever gets its descriptor next is another one."""
        del self._sockets[descriptor]

    def ignore(self, descriptor: int) -> None:
        """Hear nothing more of a socket but its end: what it goes on to say stays with the kernel."""
        self._poll.modify(descriptor, 0)

    def _turn(self) -> None:
        for descriptor, event in self._poll.poll(0, EVENTS):
            opened = self._sockets.get(descriptor)
            if opened is None:
                self._let_in()
                continue
            try:
                opened.on_readable((event & HUNG_UP) != 0)
            except Exception as error:
                # The others go on; of this one nobody knows any more what it has said.
                self.edge.hearing.stumbled(error)
                opened.cut()

    def _let_in(self) -> None:
        for _ in range(ARRIVALS):
            try:
                descriptor, address = self._accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if self._listener.fileno() >= 0:
                    self._pause(error)
                return
            opened = socket.SocketType(*self._kind, descriptor)
            # A unix socket has no address.
            self._sockets[descriptor] = VisitorSocket(self, opened, address[0] if address else None)
            self._poll.register(descriptor, SAID)

    def _pause(self, error: OSError) -> None:
        logger.error("edge: no socket can be accepted (%s)", type(error).__name__)
        self._poll.unregister(self._listener)
        self._loop.call_later(PAUSE_SECONDS, self._resume)

    def _resume(self) -> None:
        if self._listener.fileno() >= 0:
            self._poll.register(self._listener, select.EPOLLIN)
