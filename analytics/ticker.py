"""Makes one snapshot per watched site and tick, encoded once, for every board behind the channel layer.

One task per process, and only while a board watches here.
"""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
from channels.layers import get_channel_layer
from django.db import DatabaseError, InterfaceError

from analytics import minutes, snapshots
from tracker import edge
from tracker.models import Site
from tracker.presence import SitePresence

logger = logging.getLogger(__name__)

# A change is looked for ten times a second (comparing two numbers) and told at most twice, so that a
# lone visitor shows within 0.1 s and a thousand cost no more than two snapshots a second.
LOOK_SECONDS, TOLD_SECONDS, QUIET_SECONDS = 0.1, 0.5, 5.0


def group(key: str) -> str:
    """The channel-layer group of the boards that watch a site."""
    return f"board.{key}"


@dataclass(slots=True)
class Watched:
    """A site with boards open here, and what was last told of it."""

    id: int
    key: str
    boards: int = 0
    version: int = -1
    told_at: float = float("-inf")  # steady clock
    before: dict[int, int] | None = None  # page views per minute from before this process; None: not read yet
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def due(self, presence: SitePresence, now: float) -> bool:
        """Whether the boards should hear again."""
        elapsed = now - self.told_at
        return elapsed >= QUIET_SECONDS or (elapsed >= TOLD_SECONDS and presence.version != self.version)


class Ticker:
    """The sites watched by this process's boards."""

    def __init__(self) -> None:
        self._sites: dict[int, Watched] = {}
        self._task: asyncio.Task[None] | None = None

    def join(self, site: Site) -> None:
        """A board opens; it calls `leave` when it closes."""
        self._sites.setdefault(site.pk, Watched(site.pk, site.key)).boards += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def first(self, site: Site) -> tuple[int, str]:
        """A snapshot of this moment, for a board that has joined: its number, and the object as JSON."""
        watched = self._sites[site.pk]
        presence = (await edge.start()).presence.site(site.pk)
        await _read_before(watched, presence)
        return _told(watched, presence)

    def leave(self, site: Site) -> None:
        """A board closes; the last one of all ends the task."""
        watched = self._sites[site.pk]
        watched.boards -= 1
        if not watched.boards:
            del self._sites[site.pk]
        if not self._sites and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while True:
            for watched in list(self._sites.values()):
                try:
                    await self._tell_when_due(watched)
                except Exception:
                    # One site's trouble, or a channel layer that is away, must not stop the other boards.
                    logger.exception("a snapshot could not be told")
            await asyncio.sleep(LOOK_SECONDS)

    async def _tell_when_due(self, watched: Watched) -> None:
        here = edge.running()
        if here is None:
            return
        presence = here.presence.site(watched.id)
        now = time.monotonic()
        if not watched.due(presence, now):
            return
        watched.told_at, watched.version = now, presence.version
        await _read_before(watched, presence)
        seq, text = _told(watched, presence)
        await get_channel_layer().group_send(
            group(watched.key), {"type": "board.snapshot", "seq": seq, "text": text}
        )


async def _read_before(watched: Watched, presence: SitePresence) -> None:
    async with watched.reading:
        if watched.before is None:
            try:
                watched.before = await minutes.begun_before(watched.id, presence.started_at, time.time())
            except (DatabaseError, InterfaceError) as error:
                logger.warning("the last hour's page views could not be read yet: %s", error)


def _told(watched: Watched, presence: SitePresence) -> tuple[int, str]:
    now = time.time()
    seq = snapshots.SEQUENCE.following(now)
    shown = snapshots.snapshot(presence, watched.key, seq, datetime.fromtimestamp(now, UTC))
    shown["minutes"] = minutes.last_hour(presence, watched.before or {}, now)
    return seq, msgspec.json.encode(shown).decode()


TICKER = Ticker()
