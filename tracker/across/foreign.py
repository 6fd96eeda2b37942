"""What stands in Redis under our names and is not ours: put away, since whoever it belongs to says it again.

Redis is shared more often than anybody remembers: another program, a restored dump, a hand that slipped. None
of it may leave a count wrong for longer than a moment.
"""

import re
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError, WatchError

from tracker.across import messages
from tracker.live.refusals import RefusalRow

INCARNATION = re.compile(rb"[0-9a-f]{1,16}\.[0-9a-f]{8}")
# A score so far ahead was set by nobody's clock.
AHEAD_SECONDS = 10.0
# A lease that is there so long after its edge last renewed it never runs out: it has no time to live.
BEHIND_SECONDS = 2 * messages.LEASE_SECONDS
# The totals of some 100,000 sites. What is longer is not read to its end.
LONGEST_LEASE = 4 * 2**20
# Of a site's refusals an edge tells 50 rows; far more edges than there are have room.
LARGEST_REFUSALS, MOST_REFUSING = 4 * 2**20, 256
# Of 25,000 counters a share takes 2 MB; nobody's is a hundred times that.
LARGEST_SHARE = 256 * 2**20


async def clear_registry(redis: Redis) -> bool:
    """Delete what stands in the registry's place and is none. Whether there was anything."""
    async with redis.pipeline() as pipe:
        # Others put it right in the same moment, and begin to register in it.
        await pipe.watch(messages.REGISTRY)
        kind: Any = await pipe.type(messages.REGISTRY)
        if kind in (b"zset", b"none"):
            return False
        pipe.multi()  # type: ignore[no-untyped-call]  # redis has types for all but this
        pipe.delete(messages.REGISTRY)
        with suppress(WatchError):
            await pipe.execute()
    return True


async def members(redis: Redis, found: dict[bytes, float], now: float) -> tuple[dict[str, float], int]:
    """Who is registered, and how many were put away that cannot be."""
    odd = [
        name
        for name, renewed in found.items()
        if not INCARNATION.fullmatch(name) or renewed > now + AHEAD_SECONDS
    ]
    if odd:
        await redis.zrem(messages.REGISTRY, *odd)
    return {name.decode(): renewed for name, renewed in found.items() if name not in odd}, len(odd)


async def leases(redis: Redis, registered: dict[str, float], now: float) -> tuple[dict[str, bytes], int]:
    """The leases of those who are registered and have one, and how many were put away that never end."""
    if not registered:
        return {}, 0
    async with redis.pipeline(transaction=False) as pipe:
        for each in registered:
            pipe.getrange(messages.lease(each), 0, LONGEST_LEASE)
        read = dict(zip(registered, await pipe.execute(raise_on_error=False), strict=True))
    endless = [each for each, said in read.items() if said and registered[each] < now - BEHIND_SECONDS]
    if endless:
        await redis.delete(*(messages.lease(each) for each in endless))
    return {
        each: said for each, said in read.items() if said and isinstance(said, bytes) and each not in endless
    }, len(endless)


async def share(redis: Redis, key: str) -> tuple[int, dict[bytes, int]] | None:
    """Version and counters of a share; None while it is not complete. Raises messages.Foreign."""
    try:
        size: Any = await redis.memory_usage(key)
        if size and size > LARGEST_SHARE:
            raise messages.Foreign
        raw: Any = await redis.hgetall(key)
    except ResponseError:
        raise messages.Foreign from None
    return messages.read_hash(raw)


async def write_field(redis: Redis, key: str, field: str, value: bytes) -> bool:
    """Write a field of a hash that has MOST_REFUSING at most. Whether something else was in its place."""
    for again in (False, True):
        try:
            async with redis.pipeline() as pipe:
                pipe.hset(key, field, value)
                pipe.pexpire(key, messages.REFUSALS_MS)
                pipe.hlen(key)
                written = (await pipe.execute())[-1]
            if written <= MOST_REFUSING:
                return again
        except ResponseError:
            if again:
                raise
        await redis.delete(key)
    return True


async def refusals(redis: Redis, key: str) -> tuple[list[RefusalRow], bool]:
    """The rows of a site's refusals, and whether something in their place was put away."""
    try:
        size: Any = await redis.memory_usage(key)
        if size and size > LARGEST_REFUSALS:
            raise messages.Foreign
        raw: Any = await redis.hgetall(key)
    except (ResponseError, messages.Foreign):
        await redis.delete(key)
        return [], True
    rows: list[RefusalRow] = []
    odd = []
    for field, value in raw.items():
        try:
            rows += messages.read_refusals(value)
        except messages.Foreign:
            odd.append(field)
    if odd:
        await redis.hdel(key, *odd)
    return rows, bool(odd)
