"""Daphne with a beginning and an end: at SIGTERM or Ctrl-C what waits is stored and every socket hears 4502.

Daphne alone cancels its applications and drops their sockets, and it has no lifespan to start things in.
"""

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from autobahn.websocket import protocol as autobahn
from daphne.server import Server as Daphne  # first: it chooses Twisted's reactor
from django.conf import settings
from twisted.internet import defer, reactor
from twisted.web.http import HTTPChannel

from analytics.board.socket import OpenBoards
from analytics.streams.open_streams import ROOM, OpenStreams
from analytics.web import steady_clock
from analytics.web.room import ResponseRoom
from analytics.web.web_socket import BoundedProtocol
from tracker.contract.close_codes import RESTARTING
from tracker.contract.pace import Pace
from tracker.contract.socket_bounds import FEW_READS, READ_LIMIT, SHORT_READ, WHOLE_SECONDS
from tracker.edge.edge import Edge
from tracker.edge.process_edge import ProcessEdge
from tracker.liveness.notify import READY, STOPPING, Notify
from tracker.server import garbage, ports
from tracker.web.nowhere import DENIAL

# A network that died in silence is noticed after both and daphne's tick of 2 s: 22 of the 25 s promised.
PING_INTERVAL, PING_TIMEOUT = 10, 10
# By daphne's own, sockets end after a day; boards on walls stay open for months.
FOR_EVER = -1
# How long replies and closes may take to leave, once everything is stored.
GOODBYE_SECONDS = 2.0
# Open pages are many objects and no garbage: looking at them every 700 allocations cost 10 % of all loads.
# So are the 80 objects of each load that daphne keeps until its sweep of each second: at 50,000 it cost 5 %.
GC_THRESHOLD = 100_000


class PunctualChannel(HTTPChannel):  # type: ignore[misc]  # Twisted's types are not followed
    """A connection that must bring a whole request in time, however many bytes of it dribble in meanwhile.

    The time runs from the connection or the last answer, and stands still while a request is answered. And it
    must come in few short reads.
    """

    _short_reads = 0

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        """Waking up for a byte costs as much as for a request."""
        if len(data) < SHORT_READ:
            self._short_reads += 1
            if self._short_reads > FEW_READS:
                self.transport.abortConnection()
                return
        super().dataReceived(data)

    def resetTimeout(self) -> None:  # noqa: N802 (Twisted's name)
        """Keep the time that is left: bytes alone are no request."""

    def allContentReceived(self) -> None:  # noqa: N802 (Twisted's name)
        """The request that became a WebSocket is never done: it and this channel would hold each other."""
        self._short_reads = 0
        super().allContentReceived()
        if self.transport.protocol is not self:
            self.requests.clear()


class WebServer(Daphne):  # type: ignore[misc]
    """Serves an ASGI application until a signal; `ready` is called when it takes connections."""

    def __init__(
        self,
        application: object,
        edge: ProcessEdge,
        boards: OpenBoards,
        streams: OpenStreams,
        listener: socket.socket,
        ready: Callable[[], None],
    ) -> None:
        """Serves `application`, whose visitors `edge` holds.

        `boards` and `streams` are closed at the end, and so is
        `listener`: what it listens on already, a port or a unix socket.
        """
        steady_clock.install()
        super().__init__(
            application,
            endpoints=[listener],
            signal_handlers=False,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            websocket_timeout=FOR_EVER,
            websocket_max_message_size=READ_LIMIT,
            websocket_max_frame_size=READ_LIMIT,
            server_name="footfall",
        )
        # None that daphne would make by itself, though it wants to be told of one.
        self.endpoints: list[str] = []
        self._edge, self._boards, self._streams = edge, boards, streams
        self._listener = listener
        self._ready = ready
        self._listening: Any = None
        self._trouble: BaseException | None = None
        self._stopping = False
        self._notify = Notify()
        self._living: asyncio.Future[None] | None = None
        self._collecting: asyncio.Future[None] | None = None

    def run(self) -> None:
        """Serve, and return when everything is said and stored. Raises what kept the edge from starting."""
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # A process started with nohup stays deaf to SIGHUP.
            if signal.getsignal(sign) is not signal.SIG_IGN:
                signal.signal(sign, self._on_signal)
        reactor.callWhenRunning(self._begin)
        super().run()
        if self._trouble:
            raise self._trouble

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Tell the application what ASGI does not: that its refusal of a socket may be an answer of HTTP, and
        whether there is room for more of a response."""
        if scope["type"] == "websocket":
            scope["extensions"] = {DENIAL: {}}
        else:
            scope["extensions"] = {ROOM: ResponseRoom(protocol)}
        return super().create_application(protocol, scope)

    def _begin(self) -> None:
        pace = Pace(settings.FOOTFALL_MESSAGE_BURST, settings.FOOTFALL_MESSAGE_RATE)
        self.ws_factory.protocol = partial(BoundedProtocol, pace)
        # It writes out every connection's details for a log line that nobody reads: 16 % of a load's CPU.
        autobahn.pformat = str
        self.http_factory.protocol = PunctualChannel
        self.http_factory.timeOut = WHOLE_SECONDS
        self._listener.setblocking(False)
        self._listening = reactor.adoptStreamPort(
            self._listener.fileno(), self._listener.family, self.http_factory
        )
        self._keep_place()
        # Twisted listens on a copy of it.
        self._listener.close()
        # Now, and not with the first visitor: the sites are then loaded when he comes.
        asyncio.ensure_future(self._edge.start()).add_done_callback(self._begun)

    def _keep_place(self) -> None:
        """Leave the socket as it was given: Twisted lets 50 wait, whoever made room for more."""
        self._listener.listen(ports.BACKLOG)
        if self._listener.family == socket.AF_UNIX:
            # It lets everybody in.
            os.chmod(self._listener.getsockname(), ports.MODE)

    def _begun(self, starting: asyncio.Future[Edge]) -> None:
        self._trouble = starting.exception()
        if self._trouble:
            self.stop()
        else:
            gc.collect()
            gc.freeze()
            gc.set_threshold(GC_THRESHOLD)
            self._ready()
            self._notify.say(READY)
            self._living = asyncio.ensure_future(self._notify.live(lambda: None))
            self._collecting = asyncio.ensure_future(garbage.collect(garbage.OLDEST))

    def _on_signal(self, number: int, frame: object) -> None:
        if self._stopping:
            # A second Ctrl-C is meant: the kernel ends the children, and unacknowledged pages come again.
            os._exit(1)
        self._stopping = True
        reactor.callFromThread(reactor.stop)

    def kill_all_applications(self) -> Any:
        """Daphne's hook before the reactor stops: say goodbye in order, instead of cancelling at once."""
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._say_goodbye()))

    async def _say_goodbye(self) -> None:
        self._notify.say(STOPPING)
        # Not stopListening: it shuts the socket down for `up` and the next web as well, and deletes its file.
        self._listening.stopReading()
        self._listening.socket.close()
        ends = (self._boards.close(RESTARTING), self._streams.close(), self._edge.stop())
        await asyncio.gather(*ends, return_exceptions=True)
        conversations = set(self._applications())
        if conversations:
            _, left = await asyncio.wait(conversations, timeout=GOODBYE_SECONDS)
            for application in left:
                application.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    def _applications(self) -> Iterator[asyncio.Future[None]]:
        """What daphne runs at the moment; its entries lose their application when that is over."""
        for details in self.connections.values():
            application = details.get("application_instance")
            if application is not None and not application.done():
                yield application
