"""`manage.py follow`: a log's lines on `/servers/`, as they are written."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tracker.liveness.notify import READY, Notify
from tracker.signals.followed_file import FollowedFile
from tracker.signals.log_follower import FileSource, LogFollower, LogSource, PipeSource
from tracker.signals.log_text import NAME

PIECE = 65_536


class Command(BaseCommand):
    help = (
        "Show a log's lines on /servers/ as they are written, to people who may see servers, until SIGTERM."
        " Nothing is stored; while nobody looks, nothing is read. Rotation is followed."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", metavar="FILE", help="the log; - for standard input, as of `iostat 1 | …`"
        )
        parser.add_argument(
            "--name", help="what it is called on the page; several logs may share a name (default: FILE's)"
        )
        parser.add_argument(
            "--exchange",
            type=Path,
            metavar="PATH",
            help="the unix socket of the process that carries the lines (default: FOOTFALL_SIGNALS_SOCKET,"
            " or that of the `scripts/run` on this data folder)",
        )

    def handle(self, *args: Any, **chosen: Any) -> None:
        file = chosen["file"]
        name = chosen["name"] or ("" if file == "-" else Path(file).stem)
        if not NAME.fullmatch(name):
            raise CommandError(
                "Say a --name of at most 60 letters, digits, spaces and . _ - : @ +, such as errors."
            )
        path = chosen["exchange"] or settings.FOOTFALL_SIGNALS_SOCKET
        if path is None:
            raise CommandError(
                "There is no process that carries lines: start scripts/run first, or manage.py signals,"
                " and say its --exchange."
            )
        follower = LogFollower(_source(file), name)
        with suppress(KeyboardInterrupt):
            asyncio.run(self._follow(follower, path, name, chosen["verbosity"]))

    async def _follow(self, follower: LogFollower, path: Path, name: str, verbosity: int) -> None:
        following = asyncio.create_task(follower.run(path))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, following.cancel)
        notify = Notify()
        notify.say(READY)
        if verbosity:
            self.stdout.write(f"Following as {name}: {settings.FOOTFALL_URL}/servers/?log={name}")
            self.stdout.flush()
        signs = asyncio.create_task(notify.live(lambda: None))
        with suppress(asyncio.CancelledError):
            await following
        signs.cancel()


def _source(file: str) -> LogSource:
    """Where lines come from. Raises CommandError."""
    if file == "-":
        descriptor = sys.stdin.fileno()
        return PipeSource(lambda: os.read(descriptor, PIECE))
    path = Path(file)
    try:
        if not path.is_file():
            if not path.is_fifo():  # which would wait for a writer
                path.open("rb").close()
            raise CommandError(f"{file} is no file: pipe it to `manage.py follow -`.")
        FollowedFile(path).close()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror or error}.") from None
    return FileSource(path)
