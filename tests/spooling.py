"""A write buffer with a spool in a folder of its own, and what can be read of a file of the spool."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.road import Road
from tracker.contract.drops import Drops
from tracker.liveness.activity import Activities
from tracker.storing.buffer import WriteBuffer
from tracker.storing.entries import Key
from tracker.storing.spool import Spool
from tracker.storing.spool_file import SpoolFile

EDGE, OTHER = 77, 78
ROOM = 10_000_000


@asynccontextmanager
async def buffer_of(
    road: Road,
    folder: Path,
    edge: int = EDGE,
    room: int = ROOM,
    drops: Drops | None = None,
    activities: Activities | None = None,
) -> AsyncIterator[WriteBuffer]:
    """A buffer that stores; stopped at the end."""
    spool = Spool(folder, edge, room)
    buffer = WriteBuffer(road.connect, edge, 2000, spool, drops or Drops(), activities)
    buffer.start(asyncio.get_running_loop())
    yield buffer
    await asyncio.to_thread(buffer.stop)


def drained(file: SpoolFile) -> list[Key]:
    """What can be read of a file, a few entries at a time."""
    read: list[Key] = []
    while part := file.peek(7):
        read += [entry.key for entry in part]
        file.skip()
    file.skip()
    return read


def files(folder: Path) -> list[Path]:
    """All that is in a folder."""
    return sorted(folder.glob("*"))
