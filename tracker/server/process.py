"""One process that holds visitors' sockets and does nothing else: what `manage.py edge` runs.

Needs no Django but its settings: without models, admin and API it is there in half a second.
"""

import asyncio
import gc
import signal
import socket
from collections.abc import Callable

from django.conf import settings
from django.utils.module_loading import import_string

from tracker.edge.edge import PATIENCE_SECONDS
from tracker.edge.process_edge import ProcessEdge
from tracker.liveness.activity import Activities, go_on
from tracker.liveness.notify import READY, STOPPING, Notify
from tracker.server import garbage
from tracker.server.http_server import HttpServer
from tracker.server.listener import Listener

# How long replies and closes may take to leave, once everything is stored.
GOODBYE_SECONDS = 2.0
# Hardly anything here is garbage in cycles, while every pass looks at all open pages (0.1 s for 15,000).
GC_THRESHOLDS = (50_000, 20, 100)


async def serve(
    sockets: socket.socket,
    posts: socket.socket | None,
    ready: Callable[[], None],
    alive: Callable[[], None],
) -> None:
    """Serve visitors on these listeners until a signal; then say 4502, and store what waits.

    `ready` is called when visitors are served, `alive` each second from then on, while the loop turns.
    After SIGTERM pages are sent to other edges in portions, over FOOTFALL_DRAIN_SECONDS; after SIGINT at
    once: all of Footfall stops.
    """
    stop: asyncio.Future[float] = asyncio.Future()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, _ask, stop, settings.FOOTFALL_DRAIN_SECONDS)
    loop.add_signal_handler(signal.SIGINT, _ask, stop, 0.0)
    activities = Activities()
    process_edge = ProcessEdge(activities)
    edge = await process_edge.start()
    listener, posting = Listener(edge, sockets), HttpServer(edge, import_string(settings.FOOTFALL_INSPECTORS))
    listener.open()
    if posts:
        await posting.listen(posts)
    pings = activities.new("Pings", PATIENCE_SECONDS)
    pinging = asyncio.create_task(go_on(pings, lambda: listener.pings.turn(pings.progressed)))
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    ready()
    notify = Notify()
    notify.say(READY)
    living = asyncio.create_task(notify.live(alive))
    # Never all of it: each open page would be looked at.
    collecting = asyncio.create_task(garbage.collect(garbage.OLDER))
    over = await stop
    notify.say(STOPPING)
    listener.close()
    posting.close()
    await process_edge.stop(over)
    await asyncio.gather(posting.stop(GOODBYE_SECONDS), listener.empty(GOODBYE_SECONDS))
    tasks = (pinging, living, collecting)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _ask(stop: asyncio.Future[float], over: float) -> None:
    if not stop.done():
        stop.set_result(over)
