"""One process that holds visitors' sockets and does nothing else: what `manage.py edge` runs.

Needs no Django but its settings: without models, admin and API it is there in half a second.
"""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.conf import settings
from picows import ws_create_server

from tracker import edge
from tracker.edge_post import HEAD_LIMIT, Posts
from tracker.edge_socket import READ_LIMIT, Door
from tracker.listeners import BACKLOG

# A visitor's handshake must be there by then.
HANDSHAKE_SECONDS = 10.0
# How long replies and closes may take to leave, once everything is stored.
GOODBYE_SECONDS = 2.0
# The least that picows takes: a page says some 300 bytes.
READ_BUFFER = 2048
# Hardly anything here is garbage in cycles, while every pass looks at all open pages (0.1 s for 15,000).
GC_THRESHOLDS = (50_000, 20, 100)


class _PicowsLog(logging.LoggerAdapter[logging.Logger]):
    """picows' log but for what strangers can fill it with: their comings and goings, and their bad frames."""

    def info(self, msg: object, *args: object, **more: Any) -> None:
        """Connections come and go, with addresses."""

    def error(self, msg: object, *args: object, **more: Any) -> None:
        if not str(msg).startswith("WS parser error"):
            super().error(msg, *args, **more)


async def serve(sockets: socket.socket, posts: socket.socket | None, ready: Callable[[], None]) -> None:
    """Serve visitors on these listeners until a signal; then say 4502, and store what waits.

    After SIGTERM pages are sent to other edges in portions, over FOOTFALL_DRAIN_SECONDS; after SIGINT at
    once: all of Footfall stops.
    """
    stop: asyncio.Future[float] = asyncio.Future()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, _ask, stop, settings.FOOTFALL_DRAIN_SECONDS)
    loop.add_signal_handler(signal.SIGINT, _ask, stop, 0.0)
    here = await edge.start()
    door, posting = Door(here), Posts(here)
    servers = [await _socket_server(door, sockets)]
    if posts:
        listening = asyncio.start_server(posting.serve, sock=posts, limit=HEAD_LIMIT, backlog=BACKLOG)
        servers.append(await listening)
    pinging = asyncio.create_task(door.pings.turn())
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    ready()
    over = await stop
    for server in servers:
        server.close()
    await edge.stop(over)
    await asyncio.gather(posting.stop(GOODBYE_SECONDS), door.pings.empty(GOODBYE_SECONDS))
    pinging.cancel()
    with suppress(asyncio.CancelledError):
        await pinging


def _ask(stop: asyncio.Future[float], over: float) -> None:
    if not stop.done():
        stop.set_result(over)


async def _socket_server(door: Door, listener: socket.socket) -> asyncio.Server:
    return await ws_create_server(
        door.knock,
        sock=listener,
        # asyncio listens once more, with its own 100 unless told: × 1.29 loads a second with ours.
        backlog=BACKLOG,
        websocket_handshake_timeout=HANDSHAKE_SECONDS,
        max_frame_size=READ_LIMIT,
        read_buffer_init_size=READ_BUFFER,
        # asyncio's own streams: 9.8 KB a page where aiofastnet's take 14.6, and no slower here.
        use_aiofastnet=False,
        logger_name=_PicowsLog(logging.getLogger(__name__)),
    )
