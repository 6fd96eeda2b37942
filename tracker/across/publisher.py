"""An edge's part of the live counts, told through Redis: one task, while somebody watches.

Whatever goes wrong (Redis away or emptied, the lease run out, a write lost) ends alike: the edge takes a new
incarnation and says everything again. So there is one way back, and it is taken often enough to be trusted.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec
from redis.asyncio import Redis

from tracker.across import foreign, messages
from tracker.across.messages import Claimed, EdgeLease, Happened, Share, Statement, WatchRequest
from tracker.across.redis_client import REDIS_ERRORS, RETRY_SECONDS, client
from tracker.across.vitals import Vitals
from tracker.conversation.claims import Claims
from tracker.live.counters import Counters
from tracker.live.filters import Filters
from tracker.live.presence import Presence
from tracker.live.refusals import SiteRefusals
from tracker.live.stream import NEWEST
from tracker.liveness.activity import Activities, go_on

logger = logging.getLogger(__name__)
UNSHARED = "it does not answer as Redis does, so that others do not see what this process counts."
T = TypeVar("T")

TICK_SECONDS = 0.25
RENEW_SECONDS = 1.0
PATIENCE_SECONDS = 15.0  # Redis may be waited for meanwhile, several times
ASKED_SECONDS = 10.0  # how long a watched site stays so without being asked for again
GOODBYE_SECONDS = 2.0
# Every filter of a site that is watched is looked at with each change to it.
FILTERS_PER_SITE = 64
# Longer than a lease, so that a share never goes before it.
SHARE_MS, LEASE_MS = 15_000, int(messages.LEASE_SECONDS * 1000)
PORTION = 1_000  # claims in one message
REFUSING_SITES = 50  # told of each second; 50 rows each take some 3 KB


class Lost(Exception):
    """Redis has not kept what this incarnation wrote."""


class Publisher:
    """Shares the counters of watched sites, and which pages this edge has claimed."""

    def __init__(
        self,
        edge: str,
        presence: Presence,
        claims: Claims,
        refusals: SiteRefusals,
        url: str,
        vitals: Callable[[], Vitals],
        activities: Activities,
    ) -> None:
        """`activities`: where it is told whether sharing goes on."""
        self._activity = activities.new("Sharing of live counts", PATIENCE_SECONDS)
        self._edge = edge
        self._presence = presence
        self._claims = claims
        self._refusals = refusals
        self._refusals_at = float("-inf")  # when they were last told; steady clock
        self._url = url
        self._vitals = vitals
        self._incarnation = ""
        self._registered: set[str] = set()  # incarnations that Redis may know; of an attempt that failed too
        self._left: set[str] = set()  # keys of shares that an incarnation before wrote
        self._clock = 0.0  # Redis' clock minus the steady one
        self._wanted: dict[tuple[int, str], tuple[Filters, float]] = {}
        self._shares: dict[tuple[int, str], Share] = {}
        self._streamed: dict[tuple[int, str], int] = {}  # how far what happened has been told
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin on the running loop, if it has not begun."""
        if self._task is None:
            self._task = asyncio.create_task(go_on(self._activity, self._run))

    async def stop(self) -> None:
        """Publish what is left, and take this edge out of the registry."""
        self._stopping.set()
        if self._task:
            await asyncio.wait([self._task], timeout=GOODBYE_SECONDS)
            self._task.cancel()
            self._activity.ended()

    async def _run(self) -> None:
        complained = False
        while not self._stopping.is_set():
            try:
                async with client(self._url) as redis:
                    await self._begin(redis)
                    complained = False
                    self._activity.remark = ""
                    await self._share(redis)
            except (*REDIS_ERRORS, Lost) as error:
                if not complained:
                    logger.warning("sharing is interrupted (%s); trying again", type(error).__name__)
                complained = True
                if not isinstance(error, Lost):
                    self._activity.remark = f"Redis ({type(error).__name__}): {UNSHARED}"
                self._activity.progressed()
            finally:
                # What changes meanwhile is said as a whole afterwards.
                self._claims.say_all()
                for share in self._shares.values():
                    share.end()
            if complained:
                await asyncio.sleep(RETRY_SECONDS)

    async def _begin(self, redis: Redis) -> None:
        self._left |= {messages.share_key(site, self._incarnation, key) for site, key in self._shares}
        self._incarnation = f"{self._edge}.{secrets.token_hex(4)}"
        self._shares.clear()
        self._claims.say_all()
        self._refusals.say_all()
        seconds, micros = await redis.time()
        self._clock = seconds + micros / 1e6 - time.monotonic()
        if await foreign.clear_registry(redis):
            self._activity.put_away("a registry that is none")
        before = set(self._registered)
        self._registered.add(self._incarnation)
        async with redis.pipeline() as pipe:
            if before:
                pipe.zrem(messages.REGISTRY, *before)
                pipe.delete(*(messages.lease(each) for each in before), *self._left)
            pipe.set(messages.lease(self._incarnation), self._lease(), px=LEASE_MS)
            pipe.zadd(messages.REGISTRY, {self._incarnation: self._now()})
            await pipe.execute()
        self._registered -= before
        self._left.clear()

    async def _share(self, redis: Redis) -> None:
        async with redis.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(messages.ASKED, messages.CLAIMED, messages.AGAIN)
            renewed_at = time.monotonic()
            while not self._stopping.is_set():
                now = time.monotonic()
                if now - renewed_at >= RENEW_SECONDS:
                    await self._renew(redis)
                    renewed_at = now
                await self._say(redis, now)
                self._activity.progressed()
                await self._listen(subscription, now + TICK_SECONDS)
            await self._say(redis, time.monotonic())
            await self._leave(redis)

    async def _listen(self, subscription: Any, until: float) -> None:
        while (left := until - time.monotonic()) > 0 and not self._stopping.is_set():
            message = await subscription.get_message(timeout=left)
            if message and self._hear(message["channel"].decode(), message["data"]):
                return

    def _hear(self, channel: str, data: bytes) -> bool:
        """Take a message; True when it should be answered at once. Raises Lost."""
        if channel == messages.AGAIN:
            if data == self._incarnation.encode():
                self._activity.put_away("what somebody wrote into a share")
                raise Lost
            return False
        try:
            if channel == messages.ASKED:
                return self._asked(msgspec.msgpack.decode(data, type=WatchRequest))
            claimed = msgspec.msgpack.decode(data, type=Claimed)
        except (msgspec.DecodeError, ValueError):
            self._activity.put_away(f"a message on {channel}")
            return False
        edge = messages.edge_of(claimed.incarnation)
        return edge != self._edge and self._claims.apply(claimed.pages, edge)

    def _asked(self, request: WatchRequest) -> bool:
        filters = Filters.of_names(request.names)
        key = (request.site, filters.key())
        new = key not in self._wanted
        if new and sum(site == request.site for site, _ in self._wanted) > FILTERS_PER_SITE:
            return False
        self._wanted[key] = (filters, time.monotonic() + ASKED_SECONDS)
        return new

    async def _renew(self, redis: Redis) -> None:
        async with redis.pipeline(transaction=False) as pipe:
            pipe.set(messages.lease(self._incarnation), self._lease(), px=LEASE_MS, xx=True)
            for site_id, filters_key in self._shares:
                key = messages.share_key(site_id, self._incarnation, filters_key)
                pipe.pexpire(key, SHARE_MS)
                pipe.hget(key, messages.VERSION)
                pipe.hlen(key)
            kept, *found = await pipe.execute()
        expected = [
            each for share in self._shares.values() for each in (1, b"%d" % share.version, share.size)
        ]
        # Lost, or somebody wrote into it: of a quiet site nothing else would ever tell.
        if not kept or found != expected:
            raise Lost
        # One that is not registered any more is not looked for by anybody.
        if not await redis.zadd(messages.REGISTRY, {self._incarnation: self._now()}, xx=True, ch=True):
            raise Lost

    async def _say(self, redis: Redis, now: float) -> None:
        for key, (filters, until) in list(self._wanted.items()):
            if until <= now:
                await self._end(redis, *key, filters)
                continue
            share = self._shares.get(key)
            if share is None:
                # No two shares under one key come near each other's versions.
                share = Share(self._incarnation, key[1], self._counters(key[0], filters), int(now * 1e6))
                # At once: one whose first statement is lost must be found, too, when all are ended.
                self._shares[key] = share
            statement = share.next()
            if statement:
                await self._write(redis, key[0], statement)
            await self._stream(redis, key, filters)
        await self._claim(redis)
        if now - self._refusals_at >= RENEW_SECONDS:
            self._refusals_at = now
            await self._refuse(redis)

    async def _stream(self, redis: Redis, key: tuple[int, str], filters: Filters) -> None:
        stream = self._presence.site(key[0]).streams.follow(filters)
        until = stream.told
        passed, newest = stream.after(self._streamed.get(key, 0), NEWEST, until)
        nameless = stream.take_nameless()
        if newest or nameless:
            message = Happened(key[1], passed, [*newest[::-1], *nameless])
            await redis.publish(messages.stream_channel(key[0]), messages.encode(message))
        self._streamed[key] = until

    async def _end(self, redis: Redis, site_id: int, filters_key: str, filters: Filters) -> None:
        del self._wanted[site_id, filters_key]
        share = self._shares.pop((site_id, filters_key), None)
        if share:
            share.end()
        self._streamed.pop((site_id, filters_key), None)
        self._presence.site(site_id).streams.forget(filters)
        if filters:
            self._presence.site(site_id).forget(filters)
        await redis.delete(messages.share_key(site_id, self._incarnation, filters_key))

    async def _write(self, redis: Redis, site_id: int, statement: Statement) -> None:
        key = messages.share_key(site_id, self._incarnation, statement.filters_key)
        async with redis.pipeline() as pipe:
            if statement.whole:
                pipe.delete(key)
                packed = messages.encode(statement.fields)
                pipe.hset(key, mapping={messages.VERSION: statement.version - 1, messages.WHOLE: packed})
            else:
                pipe.hset(key, mapping=dict(statement.fields))
            pipe.hincrby(key, messages.VERSION, 1)
            pipe.pexpire(key, SHARE_MS)
            pipe.publish(messages.channel(site_id), messages.encode(statement))
            version = (await pipe.execute())[-3]
        if version != statement.version:
            raise Lost

    async def _claim(self, redis: Redis) -> None:
        for portion in _portions(self._claims.news()):
            await redis.publish(messages.CLAIMED, messages.encode(Claimed(self._incarnation, portion)))

    async def _refuse(self, redis: Redis) -> None:
        for site_id in self._refusals.news(REFUSING_SITES):
            rows = messages.encode(self._refusals.of(site_id))
            if await foreign.write_field(redis, messages.refusals_key(site_id), self._edge, rows):
                self._activity.put_away("what stood in the place of refusals")

    async def _leave(self, redis: Redis) -> None:
        async with redis.pipeline() as pipe:
            pipe.zrem(messages.REGISTRY, self._incarnation)
            pipe.delete(messages.lease(self._incarnation))
            pipe.publish(messages.LEFT, self._incarnation)
            await pipe.execute()

    def _counters(self, site_id: int, filters: Filters) -> Counters:
        presence = self._presence.site(site_id)
        return presence.filtered(filters) if filters else presence

    def _lease(self) -> bytes:
        return messages.encode(EdgeLease(self._presence.totals(), self._vitals()))

    def _now(self) -> float:
        return time.monotonic() + self._clock


def _portions(whole: list[T]) -> Iterator[list[T]]:
    for start in range(0, len(whole), PORTION):
        yield whole[start : start + PORTION]
