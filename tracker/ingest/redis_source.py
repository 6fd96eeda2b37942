"""Messages of a Redis stream, by a consumer group: what one consumer took and did not acknowledge, another
claims."""

import os
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from redis.asyncio import Redis
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    RedisError,
    ResponseError,
)

from tracker.ingest.broker import CONNECT_SECONDS, TAKE_SECONDS, BrokerAway, BrokerRefuses, why
from tracker.ingest.broker_items import BrokerMessage
from tracker.ingest.broker_place import BrokerPlace

# Fields that others put a whole message into.
WHOLE: Final = (b"data", b"json", b"message", b"payload", b"body", b"event")
# Between two looks for what dead consumers left, and for their names.
CLAIM_SECONDS = 5.0
FORGOTTEN_MS: Final = 3_600_000
# Redis has had streams since 2018, and its clock may be ahead of ours. Whoever says ids of their own, as
# seconds or a number, means no such time.
EARLIEST: Final = 1_500_000_000
AHEAD_SECONDS: Final = 86_400
Entries = list[tuple[bytes, dict[bytes, bytes]]]


class RedisSource:
    """One stream."""

    lost = 0

    def __init__(
        self, place: BrokerPlace, database: int, stream: str, group: str, claim_after: float
    ) -> None:
        """`claim_after`: seconds after which what another consumer took is taken for left."""
        self._place, self._database, self._stream, self._group = place, database, stream, group
        self._claim_after = int(claim_after * 1000)
        self._name = f"{socket.gethostname()}-{os.getpid()}"
        self._redis: Redis | None = None
        self._own = "0"  # from which of its own on it reads; ">" once all are read
        self._claim_at, self._claim_from = 0.0, "0-0"

    async def open(self) -> None:
        """Connect, and make the group where it is not. Raises BrokerAway, BrokerRefuses."""
        place = self._place
        self._redis = Redis(
            host=place.host,
            port=place.port,
            db=self._database,
            username=place.user or None,
            password=place.password or None,
            ssl=place.tls,
            socket_connect_timeout=CONNECT_SECONDS,
            # One that answers no more is noticed: what blocks takes a second.
            socket_timeout=CONNECT_SECONDS,
        )
        self._own, self._claim_at = "0", 0.0
        try:
            await self._redis.xgroup_create(self._stream, self._group, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                await self._failed(error)
        except (RedisError, OSError) as error:
            await self._failed(error)

    async def take(self, most: int) -> list[BrokerMessage]:
        """Up to `most` entries. Raises BrokerAway, BrokerRefuses."""
        redis = self._connected()
        try:
            if self._own == ">" and time.monotonic() >= self._claim_at and (left := await self._left(most)):
                return self._read(left)
            told = await redis.xreadgroup(
                self._group,
                self._name,
                {self._stream: self._own},
                count=most,
                block=int(TAKE_SECONDS * 1000),
            )
        except (RedisError, OSError) as error:
            await self._failed(error)
        entries = _entries(told)
        if self._own != ">":
            # Its own that a restart left, under the same name; then what nobody has taken.
            self._own = entries[-1][0].decode() if entries else ">"
        return self._read(entries)

    async def settle(self, messages: Sequence[BrokerMessage]) -> None:
        """Acknowledge. Raises BrokerAway, BrokerRefuses."""
        try:
            if messages:
                await self._connected().xack(
                    self._stream, self._group, *(message.handle for message in messages)
                )
        except (RedisError, OSError) as error:
            await self._failed(error)

    async def last(self) -> list[BrokerMessage]:
        """Nothing: the group knows what is not acknowledged."""
        return []

    async def close(self) -> None:
        """Let go of the connection, and of the name, if nothing hangs on it."""
        redis, self._redis = self._redis, None
        if redis is None:
            return
        try:
            await self._forget(redis, 0, self._name)
        except (RedisError, OSError):
            pass  # found by others, an hour later
        finally:
            await redis.aclose()

    def _connected(self) -> Redis:
        if self._redis is None:
            raise BrokerAway("the connection is lost")
        return self._redis

    async def _left(self, most: int) -> Entries:
        """What others took so long ago that they are taken for dead."""
        redis = self._connected()
        answer: Any = await redis.xautoclaim(
            self._stream, self._group, self._name, self._claim_after, self._claim_from, count=most
        )
        self._claim_from = answer[0].decode()
        if self._claim_from == "0-0":
            self._claim_at = time.monotonic() + CLAIM_SECONDS
            await self._forget(redis, FORGOTTEN_MS, None)
        return list(answer[1])

    async def _forget(self, redis: Redis, idle: int, name: str | None) -> None:
        """Take consumers without anything pending out of the group: each start has a name of its own.

        A living one says something each second, so that nothing comes to it between the two commands."""
        for each in await redis.xinfo_consumers(self._stream, self._group):
            own = each["name"].decode()
            meant = own == name if name else own != self._name
            if meant and not each["pending"] and each["idle"] >= idle:
                await redis.xgroup_delconsumer(self._stream, self._group, own)

    def _read(self, entries: Entries) -> list[BrokerMessage]:
        return [_message(self._stream, own, fields or {}) for own, fields in entries]

    async def _failed(self, error: BaseException) -> Any:
        redis, self._redis = self._redis, None
        if redis:
            await redis.aclose()
        if isinstance(error, AuthenticationError | NoPermissionError):
            raise BrokerRefuses("Redis refuses this user, or this stream to it.") from None
        if isinstance(error, ResponseError) and str(error).startswith("WRONGTYPE"):
            raise BrokerRefuses(f"{self._stream} is no stream in this Redis.") from None
        if isinstance(error, ResponseError) and str(error).startswith("unknown command"):
            raise BrokerRefuses("This Redis has no streams with XAUTOCLAIM: it is older than 6.2.") from None
        loading = " (it is loading)" if isinstance(error, BusyLoadingError) else ""
        raise BrokerAway(f"{why(error)}{loading}") from None


def _entries(told: Any) -> Entries:
    """As RESP2 answers, and as RESP3 does."""
    if not told:
        return []
    streams = told.values() if isinstance(told, Mapping) else (entries for _, entries in told)
    found: Entries = []
    for entries in streams:
        # RESP3 has lists of lists of entries.
        found += entries[0] if entries and isinstance(entries[0], list) else entries
    return found


def _message(stream: str, own: bytes, fields: dict[bytes, bytes]) -> BrokerMessage:
    text = own.decode()
    whole = next((fields[name] for name in WHOLE if name in fields), None)
    if whole is None and len(fields) == 1:
        (whole,) = fields.values()
    if whole is None:
        said = {name.decode(errors="replace"): each.decode(errors="replace") for name, each in fields.items()}
        whole = msgspec.json.encode(said)
    return BrokerMessage(whole, f"redis {stream} {text}", _moment(text), handle=own)


def _moment(own: str) -> float | None:
    """When an entry was added, in seconds since 1970, by an id of Redis' own; None for another one."""
    at = int(own.partition("-")[0]) / 1000
    return at if EARLIEST <= at <= time.time() + AHEAD_SECONDS else None
