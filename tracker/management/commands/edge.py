"""`manage.py edge`: one process that holds visitors' sockets, or several behind one place."""

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tracker.edge import file_limits
from tracker.server import arguments, ports, process
from tracker.server.workers import Workers

MOST_WORKERS = 64


class Command(BaseCommand):
    help = "Hold visitors' sockets in this process: WS /live/KEY, and POST /live/KEY on a second listener."
    requires_system_checks = ()

    def __init__(self, listening: Callable[[], None] = lambda: None, **options: Any) -> None:
        """`listening`: called once it listens: for nothing that follows it needs root."""
        super().__init__(**options)
        self._listening = listening

    def add_arguments(self, parser: CommandParser) -> None:
        listener = parser.add_mutually_exclusive_group(required=True)
        listener.add_argument("--port", type=arguments.port, help="sockets on this port of 127.0.0.1")
        listener.add_argument("--uds", type=Path, metavar="PATH", help="sockets on a unix socket")
        posts = parser.add_mutually_exclusive_group()
        posts.add_argument("--post-port", type=arguments.port, help="POST on this port of 127.0.0.1")
        posts.add_argument("--post-uds", type=Path, metavar="PATH", help="POST on a unix socket")

        parser.add_argument(
            "--workers",
            type=arguments.count_to(MOST_WORKERS, "workers"),
            default=1,
            metavar="N",
            help="so many edges behind the same listeners: for more page loads than one processor takes, "
            "where no nginx spreads visitors over edges of their own (default 1: this process itself)",
        )

    def handle(self, *args: Any, **chosen: Any) -> None:
        file_limits.allow_many_sockets()
        try:
            file_limits.room(settings.FOOTFALL_SOCKETS)
        except file_limits.TooFewFiles as problem:
            raise CommandError(str(problem)) from None
        count = chosen["workers"]
        sockets = _listen(chosen["port"], chosen["uds"], count)
        posts = _listen(chosen["post_port"], chosen["post_uds"], count)
        self._listening()
        ready = self._ready(chosen["verbosity"])

        def serve(place: int, ready: Callable[[], None], alive: Callable[[], None]) -> None:
            # A listener is closed once nobody holds it: not when a neighbour's copy keeps it open.
            for other in {*sockets, *posts} - {sockets[place], *posts[place : place + 1]}:
                other.close()
            asyncio.run(process.serve(sockets[place], posts[place] if posts else None, ready, alive))

        if count == 1:
            serve(0, ready, lambda: None)
        elif not Workers(count, serve, [*sockets, *posts], settings.FOOTFALL_WATCHDOG).run(ready):
            raise CommandError("A worker did not end in order.")

    def _ready(self, verbosity: int) -> Callable[[], None]:
        def say() -> None:
            if verbosity:
                self.stdout.write("Ready.")
                self.stdout.flush()

        return say


def _listen(port: int | None, path: Path | None, count: int) -> list[socket.socket]:
    """A listener for each worker; they share the one of a file."""
    try:
        if path:
            return [ports.on_file(path)] * count
        return ports.on_port(port, count) if port else []
    except OSError as error:
        raise CommandError(
            f"Cannot listen on {path or f'port {port}'}: {os.strerror(error.errno or 0)}."
        ) from None
