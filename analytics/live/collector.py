"""The edges' shares on their way to this process's boards and API: one task, which merges what they publish.

The published changes are only quick; what is right stands in Redis, and is compared once a second.
"""

import asyncio
import logging
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import msgspec
from redis.asyncio import Redis

from analytics.live.edges import STALE_SECONDS, Edges
from analytics.live.merged import Merged
from tracker.across import foreign, messages
from tracker.across.messages import EdgeLease, Happened, Totals, WatchRequest
from tracker.across.redis_client import REDIS_ERRORS, RETRY_SECONDS, client
from tracker.across.vitals import Vitals
from tracker.live.filters import NO_FILTERS, Filters
from tracker.live.refusals import Refusal, merged
from tracker.live.stream import Happening, Stream
from tracker.liveness.activity import Activities, go_on

logger = logging.getLogger(__name__)
UNHEARD = "it does not answer as Redis does, so that counts of other processes are not seen."

LOOK_SECONDS = 0.25
LISTEN_SECONDS = 0.05  # how soon a site that is newly watched is asked for
ASK_SECONDS = 1.0
ENDLESS = -1  # what PTTL says of a key without an end
WATCHED_SECONDS = 10.0
PATIENCE_SECONDS = 1.0
STILL_SECONDS = 15.0  # Redis may be waited for meanwhile, several times
EXACT_TOTALS = 100  # sites of one list


@dataclass(slots=True)
class Scope:
    """A site, or what filters keep of it, that somebody here watches."""

    site_id: int
    filters: Filters
    merged: Merged
    stream: Stream = field(default_factory=Stream)
    until: float = 0.0  # steady clock
    whole: asyncio.Event = field(default_factory=asyncio.Event)  # every living edge's share is here

    @property
    def filters_key(self) -> str:
        return self.filters.key()


class Collector:
    """Collects what all edges publish, for this process."""

    def __init__(self, url: str, activities: Activities) -> None:
        """`activities`: where it is told whether the edges are heard."""
        self._activity = activities.new("Live counts of all processes", STILL_SECONDS)
        self._url = url
        self._scopes: dict[tuple[int, Filters], Scope] = {}
        self._asked: set[tuple[int, Filters]] = set()
        self._subscribed: set[int] = set()
        self._edges = Edges()
        self._leases: dict[str, EdgeLease] = {}
        self._clock = time.time() - time.monotonic()  # Redis' clock minus the steady one
        self.reachable = False
        self._away = ""  # why Redis cannot be heard, for staff
        self._redis: Redis | None = None
        self._connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def watch(self, site_id: int, filters: Filters = NO_FILTERS) -> Merged:
        """The merged counters, kept for ten seconds more; they fill within a fraction of a second."""
        return self._scope(site_id, filters).merged

    def stream(self, site_id: int, filters: Filters = NO_FILTERS) -> Stream:
        """What happens on all edges, as far as it is heard; kept as the counters are."""
        return self._scope(site_id, filters).stream

    def happened(self, site_id: int, happening: Happening) -> None:
        """Something happened that no edge tells of, but somebody tells each process."""
        for scope in self._scopes.values():
            if scope.site_id == site_id and (not scope.filters or scope.filters.keeps(happening.names)):
                scope.stream.append(happening)

    async def whole(self, site_id: int, filters: Filters = NO_FILTERS) -> Merged:
        """The merged counters with every living edge's share, or what is here after a second (then stale)."""
        scope = self._scope(site_id, filters)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await scope.whole.wait()
        except TimeoutError:
            scope.merged.tell_stale(max(1, scope.merged.stale))
        return scope.merged

    def totals(self, site_ids: Collection[int]) -> Totals:
        """Tabs and visitors by site: exact where somebody watches, else added up, at most a second old.

        Sites that are asked for are watched from then on, so that a visitor on two edges soon counts once.
        """
        totals: Totals = {}
        for lease in self._leases.values():
            for site_id, (tabs, visitors) in lease.totals.items():
                before = totals.get(site_id, (0, 0))
                totals[site_id] = (before[0] + tabs, before[1] + visitors)
        for site_id in list(site_ids)[:EXACT_TOTALS]:
            scope = self._scope(site_id, NO_FILTERS)
            if scope.whole.is_set():
                totals[site_id] = (scope.merged.tabs, scope.merged.visitors)
        return totals

    def vitals(self, besides: str) -> list[Vitals]:
        """How the living edges are, but for this one; a second old at most."""
        self._begin()
        return [lease.vitals for each, lease in self._leases.items() if messages.edge_of(each) != besides]

    async def takes(self, site_id: int, seconds: float) -> bool:
        """Whether this process is the first to ask since `seconds` ago. Raises one of REDIS_ERRORS."""
        if self._redis is None:
            raise ConnectionError
        key = f"footfall:{{{site_id}}}:tick"
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(key, b"", px=int(seconds * 1000), nx=True)
            pipe.pttl(key)
            taken, left = await pipe.execute()
        if not taken and left == ENDLESS:
            self._activity.put_away("a tick that never ends")
            await self._redis.delete(key)
        return bool(taken)

    async def refusals(self, site_id: int) -> list[Refusal] | None:
        """Who was refused at the site's door in the last hours, at any edge; None while Redis is away."""
        self._begin()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._connected.wait()
                if self._redis is None:
                    return None
                rows, odd = await foreign.refusals(self._redis, messages.refusals_key(site_id))
        except REDIS_ERRORS:
            return None
        if odd:
            self._activity.put_away("what stood in the place of refusals")
        return merged(rows, time.time())

    def now(self) -> float:
        """Redis' clock, which all web processes share; seconds since the epoch."""
        return time.monotonic() + self._clock

    def _begin(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(go_on(self._activity, self._run))

    def _scope(self, site_id: int, filters: Filters) -> Scope:
        self._begin()
        scope = self._scopes.get((site_id, filters))
        if scope is None:
            scope = self._scopes[site_id, filters] = Scope(site_id, filters, Merged(self.now()))
        scope.until = time.monotonic() + WATCHED_SECONDS
        return scope

    async def _run(self) -> None:
        complained = False
        while True:
            try:
                async with (
                    client(self._url) as redis,
                    redis.pubsub(ignore_subscribe_messages=True) as subscription,
                ):
                    self._redis = redis
                    self._connected.set()
                    await subscription.subscribe(messages.LEFT)
                    self._subscribed.clear()
                    self._asked.clear()
                    if await foreign.clear_registry(redis):
                        self._activity.put_away("a registry that is none")
                    await self._look(redis)
                    complained = False
                    await self._gather(redis, subscription)
            except REDIS_ERRORS as error:
                if not complained:
                    logger.warning("the edges cannot be heard (%s); trying again", type(error).__name__)
                complained = True
                self._away = f"Redis ({type(error).__name__}): {UNHEARD}"
                self._activity.progressed()
            finally:
                self._lose()
            await asyncio.sleep(RETRY_SECONDS)

    def _lose(self) -> None:
        """Redis is not heard any more: whoever looks is told that counts are old."""
        self._redis, self.reachable = None, False
        self._connected.clear()
        self._tell_stale()

    async def _gather(self, redis: Redis, subscription: Any) -> None:
        asked_at = float("-inf")
        living: dict[str, str] = {}
        while True:
            now = time.monotonic()
            self._drop_unwatched(now)
            # An edge that came anew knows of nobody who watches.
            if now - asked_at >= ASK_SECONDS or living != self._edges.living:
                asked_at, living = now, self._edges.living
                self._asked.clear()
                await redis.zremrangebyscore(messages.REGISTRY, "-inf", self.now() - 2 * STALE_SECONDS)
                await self._compare(redis)
            await self._follow(redis, subscription)
            await self._complete(redis)
            self._tell_stale()
            self._activity.progressed()
            await self._listen(redis, subscription, now + LOOK_SECONDS)
            await self._look(redis)

    async def _look(self, redis: Redis) -> None:
        async with redis.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.zrange(messages.REGISTRY, 0, -1, withscores=True)
            (seconds, micros), found = await pipe.execute()
        self._clock = seconds + micros / 1e6 - time.monotonic()
        registered, odd = await foreign.members(redis, dict(found), self.now())
        held, endless = await foreign.leases(redis, registered, self.now())
        if odd or endless:
            self._activity.put_away("who is registered and is no process of ours")
        self._leases = {each: read for each, lease in held.items() if (read := messages.read_lease(lease))}
        self._edges.look(registered, held, self.now())
        self.reachable, self._away = True, ""

    def _drop_unwatched(self, now: float) -> None:
        for key, scope in list(self._scopes.items()):
            if scope.until <= now:
                del self._scopes[key]

    async def _follow(self, redis: Redis, subscription: Any) -> None:
        """Subscribe to what is watched, and only then ask for it."""
        sites = {site_id for site_id, _ in self._scopes}
        for site_id in sites - self._subscribed:
            await subscription.subscribe(messages.channel(site_id), messages.stream_channel(site_id))
        for site_id in self._subscribed - sites:
            await subscription.unsubscribe(messages.channel(site_id), messages.stream_channel(site_id))
        self._subscribed = sites
        for site_id, filters in list(self._scopes.keys() - self._asked):
            await redis.publish(messages.ASKED, messages.encode(WatchRequest.of(site_id, filters)))
            self._asked.add((site_id, filters))

    async def _complete(self, redis: Redis) -> None:
        """Read the shares that are not here, and drop those of edges that are gone."""
        for scope in list(self._scopes.values()):
            scope.merged.keep(self._edges.counted())
            for incarnation in scope.merged.missing(self._edges.living):
                await self._read(redis, scope, incarnation)

    async def _compare(self, redis: Redis) -> None:
        """Read the shares that moved on without our hearing of it."""
        pairs = [(scope, each) for scope in self._scopes.values() for each in self._edges.living.values()]
        async with redis.pipeline(transaction=False) as pipe:
            for scope, each in pairs:
                pipe.hget(messages.share_key(scope.site_id, each, scope.filters_key), messages.VERSION)
            versions = await pipe.execute(raise_on_error=False)
        for (scope, each), version in zip(pairs, versions, strict=True):
            if version is None:
                scope.merged.doubt(each)
            elif not isinstance(version, bytes) or not version.isdigit():
                await self._say_again(redis, scope, each)
            elif scope.merged.behind(each, int(version)):
                await self._read(redis, scope, each)

    async def _read(self, redis: Redis, scope: Scope, incarnation: str) -> None:
        key = messages.share_key(scope.site_id, incarnation, scope.filters_key)
        try:
            share = await foreign.share(redis, key)
        except messages.Foreign:
            await self._say_again(redis, scope, incarnation)
            return
        if share is not None:
            scope.merged.read(incarnation, *share)

    async def _say_again(self, redis: Redis, scope: Scope, incarnation: str) -> None:
        """Its share cannot be read: ask its edge to begin anew, and take it for missing until then."""
        self._activity.put_away("what somebody wrote into a share")
        scope.merged.doubt(incarnation)
        await redis.publish(messages.AGAIN, incarnation)

    async def _listen(self, redis: Redis, subscription: Any, until: float) -> None:
        while time.monotonic() < until and self._scopes.keys() <= self._asked:
            message = await subscription.get_message(timeout=LISTEN_SECONDS)
            if message:
                await self._hear(redis, message["channel"].decode(), message["data"])
                self._tell_stale()

    async def _hear(self, redis: Redis, channel: str, data: bytes) -> None:
        if channel == messages.LEFT:
            self._edges.left(data.decode(errors="replace"))
            return
        try:
            if channel.endswith(messages.STREAM):
                self._happened(channel, msgspec.msgpack.decode(data, type=Happened))
                return
            statement = messages.read_statement(data)
        except (msgspec.DecodeError, messages.Foreign):
            self._activity.put_away(f"a message on {channel}")
            return
        for scope in list(self._scopes.values()):
            if (
                messages.channel(scope.site_id) == channel
                and scope.filters_key == statement.filters_key
                and not scope.merged.apply(statement, self._edges.living)
            ):
                await self._read(redis, scope, statement.incarnation)

    def _happened(self, channel: str, happened: Happened) -> None:
        for scope in self._scopes.values():
            if (
                messages.stream_channel(scope.site_id) == channel
                and scope.filters_key == happened.filters_key
            ):
                scope.stream.extend(happened.passed, happened.happenings)

    def _tell_stale(self) -> None:
        silent = self._edges.stale() if self.reachable else 0
        gone = f"Processes that cannot be heard: {silent}." if silent else ""
        self._activity.remark = self._away or gone
        for scope in self._scopes.values():
            missing = len(scope.merged.missing(self._edges.living))
            stale = self._edges.stale() + missing
            if not self.reachable:
                stale = max(1, len(self._edges.counted()))
            scope.merged.tell_stale(stale)
            if missing and self.reachable:
                scope.whole.clear()
            else:
                scope.whole.set()
