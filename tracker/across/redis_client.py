"""A connection to Redis or Valkey that gives up quickly: whoever uses it begins anew rather than waits."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

# Under a lease's 3 s, so that a network that swallows everything is noticed while there is time to act.
TIMEOUT_SECONDS = 1.0
RETRY_SECONDS = 0.25

REDIS_ERRORS = (RedisError, OSError, TimeoutError)


def client(url: str) -> Redis:
    """A client to be closed with `aclose` or `async with`. Its calls raise one of REDIS_ERRORS."""
    return Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
