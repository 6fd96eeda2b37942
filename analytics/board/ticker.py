"""Makes one snapshot per watched site and tick, encoded once, for every board of every web process.

One task per process, and only while a board watches here. Whichever process takes the tick first makes it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from django.db import DatabaseError, InterfaceError

from analytics.board.stream import BoardStream
from analytics.live.last_hour import FilteredHour, ToldHour, begun_before, live_hour
from analytics.live.rolling import RollingMinute, begun_by_age
from analytics.live.snapshot import Snapshots, encode, for_board
from analytics.live.state import LiveState
from tracker.live.counters import Counters
from tracker.live.filters import NO_FILTERS, Filters
from tracker.liveness.activity import Activities, Activity, go_on
from tracker.models import PageView, Site

logger = logging.getLogger(__name__)

# A change is looked for ten times a second (comparing two numbers) and told at most twice, so that a
# lone visitor shows within 0.1 s and a thousand cost no more than two snapshots a second.
LOOK_SECONDS, TOLD_SECONDS, QUIET_SECONDS = 0.1, 0.5, 5.0
TAKEN_SECONDS = 0.4  # less than a tick, so that one process alone takes each of its own
# A snapshot that was due and has not come over the channel layer by then is made here, for the boards here.
HEARD_SECONDS = 1.0
# Redis and Postgres may be waited for meanwhile.
PATIENCE_SECONDS = 15.0


class HeardOnSites(Protocol):
    """Hears of what happens on sites beside what edges tell, for sites with boards open here."""

    def watch(self, site_id: int) -> None: ...
    def leave(self, site_id: int) -> None: ...


class OpenBoard(Protocol):
    """An open board (`analytics.board.socket`)."""

    def offer(self, seq: int, text: str) -> None: ...


class Sharing(Protocol):
    """Carries snapshots to the boards of all processes (`analytics.board.relay.Relay`)."""

    async def share(
        self, keys: set[str], key: str, made: Callable[[], Awaitable[tuple[int, str] | None]]
    ) -> bool: ...
    async def close(self) -> None: ...


Heard = Callable[[str, int, str], None]
MakeSharing = Callable[[Heard, Activity], Sharing]


@dataclass(slots=True)
class WatchedSite:
    """A site, or what filters keep of it, with boards open here, and what was last told of it."""

    id: int
    key: str
    stream: BoardStream
    filters: Filters = NO_FILTERS
    boards: set[OpenBoard] = field(default_factory=set)
    version: int = -1
    told_at: float = float("-inf")  # steady clock
    owed_at: float | None = None  # since when a snapshot has been due that the boards have not heard
    before: dict[int, int] | None = None  # page views per minute from before this process; None: not read yet
    filtered: FilteredHour | None = None
    told: ToldHour | None = None  # what servers tell, which no counters know
    told_rolling: RollingMinute = field(default_factory=RollingMinute)
    rolling: RollingMinute = field(default_factory=RollingMinute)
    rate: int | None = None  # what was last told of it; None: its beginning was not read yet
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def due(self, counters: Counters, now: float) -> bool:
        """Whether the boards are to be sent a snapshot again."""
        elapsed = now - self.told_at
        # In this order: the stream is to be followed all the time, and so are the page views that begin.
        changed = self.stream.follow() or counters.version != self.version
        views = self.look(counters, now)
        changed = changed or views != self.rate
        return elapsed >= QUIET_SECONDS or (elapsed >= TOLD_SECONDS and changed)

    def look(self, counters: Counters, now: float) -> int:
        """Page views begun in the 60 seconds up to `now` (steady clock)."""
        self.rolling.look(self.filtered.minutes if self.filtered else counters.minutes, now)
        if self.told is None or not self.told.known:
            return self.rolling.views(now)
        # Beside the other: what was there at its first reading has not begun now.
        self.told_rolling.look(self.told.minutes, now)
        return self.rolling.views(now) + self.told_rolling.views(now)

    def overdue(self, now: float) -> bool:
        """Whether the boards should have been sent a snapshot already."""
        return self.owed_at is not None and now - self.owed_at >= HEARD_SECONDS

    def offer(self, seq: int, text: str) -> None:
        """Hand a snapshot to the boards here."""
        self.owed_at = None
        self.stream.tick()
        for board in list(self.boards):
            board.offer(seq, text)


class Ticker:
    """The sites watched by this process's boards."""

    def __init__(
        self,
        live: LiveState,
        snapshots: Snapshots,
        activities: Activities,
        sharing: MakeSharing | None = None,
        news: HeardOnSites | None = None,
    ) -> None:
        """`activities`: where it is told whether snapshots are made. `news`: hears of what no edge tells.

        `sharing`: makes the way to the boards of other processes; None where there are none.
        """
        self._sharing, self._news = sharing, news
        self._activity = activities.new("Snapshots for boards", PATIENCE_SECONDS)
        self._hearing = activities.new("Snapshots of other processes")
        self._live = live
        self._snapshots = snapshots
        self._sites: dict[tuple[str, Filters], WatchedSite] = {}
        self._task: asyncio.Task[None] | None = None

    def join(self, site: Site, board: OpenBoard, filters: Filters = NO_FILTERS) -> BoardStream:
        """A board opens, and gets its site's stream; it calls `leave` when it closes."""
        if self._news and (site.key, filters) not in self._sites:
            self._news.watch(site.pk)
        watched = self._sites.setdefault((site.key, filters), self._watched(site, filters))
        watched.boards.add(board)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(go_on(self._activity, self._run))
        return watched.stream

    async def first(self, site: Site, filters: Filters = NO_FILTERS) -> tuple[int, str]:
        """A snapshot of this moment, for a board that has joined: its number, and the object as JSON."""
        watched = self._sites[site.key, filters]
        counters = await self._live.counters(site.pk, filters)
        await _read_before(watched, counters)
        # Only what happened before it was followed is looked for in Postgres.
        watched.stream.follow()
        async with watched.reading:
            await watched.stream.read_stored()
        return self._made(watched, counters)

    def leave(self, site: Site, board: OpenBoard, filters: Filters = NO_FILTERS) -> None:
        """A board closes; the last one of all ends the task."""
        watched = self._sites[site.key, filters]
        watched.boards.discard(board)
        if not watched.boards:
            watched.stream.end()
            del self._sites[site.key, filters]
            if self._news:
                self._news.leave(site.pk)
        if not self._sites and self._task is not None:
            self._task.cancel()
            self._task = None
            self._activity.ended()

    async def _run(self) -> None:
        sharing = self._sharing(self._heard, self._hearing) if self._sharing else None
        try:
            while True:
                for watched in list(self._sites.values()):
                    try:
                        await self._tell_when_due(watched, sharing)
                    except Exception as error:
                        # What is wrong with one site must not stop the other boards.
                        self._activity.stumbled(error)
                self._activity.progressed()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            if sharing:
                await sharing.close()

    async def _tell_when_due(self, watched: WatchedSite, sharing: Sharing | None) -> None:
        if not watched.boards:
            return  # the last one left while another site was told: nothing is to be followed again
        counters = self._live.watched(watched.id, watched.filters)
        now = time.monotonic()
        if counters is None or not (watched.overdue(now) or watched.due(counters, now)):
            return
        late = watched.overdue(now)
        watched.told_at, watched.version = now, counters.version
        await _read_before(watched, counters)
        await watched.stream.name()
        if late or not await self._tell_all(watched, counters, sharing):
            watched.offer(*self._made(watched, counters))

    async def _tell_all(self, watched: WatchedSite, counters: Counters, sharing: Sharing | None) -> bool:
        """Whether the boards of all processes will hear: from here, or from who took this tick."""
        if watched.filters or sharing is None:
            return False  # few boards ask the same: each process tells its own
        if not self._live.reachable:
            return False
        if watched.owed_at is None:
            watched.owed_at = watched.told_at

        async def made() -> tuple[int, str] | None:
            takes = await self._live.takes_tick(watched.id, TAKEN_SECONDS)
            return self._made(watched, counters) if takes else None

        return await sharing.share({key for key, filters in self._sites if not filters}, watched.key, made)

    def _watched(self, site: Site, filters: Filters) -> WatchedSite:
        hour = FilteredHour(site.pk, filters) if filters else None
        return WatchedSite(
            site.pk, site.key, BoardStream(self._live, site.pk, filters), filters, filtered=hour
        )

    def _made(self, watched: WatchedSite, counters: Counters) -> tuple[int, str]:
        """A snapshot of this moment: its number, and the object as JSON."""
        now, shown = self._snapshots.make(counters, watched.key)
        watched.rate = watched.look(counters, time.monotonic())
        if watched.filtered:
            minutes = watched.filtered.last_hour(now)
        else:
            told = watched.told.minutes if watched.told else {}
            minutes = live_hour(counters, watched.before or {}, told, now)
        return shown.seq, encode(for_board(shown, counters, minutes, watched.rate))

    def _heard(self, key: str, seq: int, text: str) -> None:
        if watched := self._sites.get((key, NO_FILTERS)):
            watched.offer(seq, text)


async def _read_before(watched: WatchedSite, counters: Counters) -> None:
    async with watched.reading:
        if watched.rate is None:
            await _read_seconds(watched)
        if watched.filtered:
            await watched.filtered.read(time.time())
            return
        if watched.told is None:
            watched.told = ToldHour(watched.id, counters.started_at)
        watched.told.read_soon(time.time())
        if watched.before is None:
            try:
                watched.before = await begun_before(watched.id, counters.started_at, time.time())
            except (DatabaseError, InterfaceError) as error:
                logger.warning("the last hour's page views could not be read yet: %s", error)


async def _read_seconds(watched: WatchedSite) -> None:
    views = watched.filtered.views if watched.filtered else PageView.objects.filter(site_id=watched.id)
    now = time.monotonic()
    try:
        watched.rolling.begin(await begun_by_age(views, time.time()), now)
        watched.rate = 0
    except (DatabaseError, InterfaceError) as error:
        logger.warning("the last minute's page views could not be read yet: %s", type(error).__name__)
