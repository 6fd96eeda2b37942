"""Counts of the API's requests in Redis, where all web processes see them."""

from contextlib import suppress

from redis.asyncio import Redis

from tracker.across.redis_client import REDIS_ERRORS, client

# Where live counts are; a key goes by itself when its window is over.
KEY = "footfall:api:{}"


class RedisCounts:
    """Counts in windows that begin with the first request; for one event loop."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._redis: Redis | None = None

    async def count(self, name: str, seconds: int) -> tuple[int, float] | None:
        """One more: how many there are now, and for how many seconds the window still is.

        None where Redis does not answer within a second, or says what it should not.
        """
        if self._redis is None:
            self._redis = client(self._url)
        key = KEY.format(name)
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(key, 0, nx=True, px=seconds * 1000)
                pipe.incr(key)
                pipe.pttl(key)
                _, count, left = await pipe.execute()
        except REDIS_ERRORS:
            await self.close()
            return None
        # One without an end, as only somebody else would write it, would refuse its reader for ever.
        return (count, left / 1000) if left >= 0 else None

    async def close(self) -> None:
        """Let go of the connection."""
        if self._redis is not None:
            redis, self._redis = self._redis, None
            with suppress(*REDIS_ERRORS):
                await redis.aclose()
