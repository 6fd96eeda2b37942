"""The open streams of a process: who has how many, whether they read, and whether they still may.

Daphne keeps what a client does not read without bound, so the server itself says when there is room
(`analytics.web.room`); where another one serves, a stream ends after so many bytes, and its client comes
back.
"""

import asyncio
import contextlib
import time
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol, TypeVar

from asgiref.sync import sync_to_async
from django.db import DatabaseError, InterfaceError, OperationalError, connection, connections
from django.http import HttpRequest, StreamingHttpResponse

from analytics.access.standing import Standing
from analytics.streams import server_sent
from tracker.liveness.activity import Activities

T = TypeVar("T")
ROOM: Final = "footfall.room"
# So that proxies keep a quiet stream; nginx waits for 60.
COMMENT_SECONDS = 15.0
RETRY_MS = 2000
# As slow boards: gone within 30 s.
UNREAD_SECONDS = 25.0
BYTES_MOST = 8 * 1024 * 1024
ALL_MOST = 2000


class Room(Protocol):
    """What the server says of a client that may be slow."""

    def enter(self) -> None: ...
    async def wait(self) -> None: ...
    def leave(self) -> None: ...


class Cut(Exception):
    """A stream is to end: its client has missed too much, and comes back."""


class StreamSource(Protocol):
    """What a stream is made of; asked by one stream only."""

    news: asyncio.Event

    def open(self) -> None:
        """Begin to gather what happens."""

    async def first(self, had: str) -> str:
        """What it begins with; `had`: the last id of a client that comes back. Raises DatabaseError."""

    def take(self) -> str:
        """What has come since, as events; raises Cut."""

    def close(self) -> None:
        """Gather no more."""


class OpenStreams:
    """Those of one process."""

    def __init__(self, activities: Activities, most: int) -> None:
        """`most`: streams of one reader."""
        self._activity = activities.new("Streams")
        self._most = most
        self._open: Counter[Hashable] = Counter()
        self._sources: set[StreamSource] = set()
        self._ending = False
        # One connection to Postgres for all streams: each lives for hours, and asks for milliseconds.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="streams")

    def has_room(self, standing: Standing) -> bool:
        """Whether its reader may open one more."""
        return self._open[standing.who] < self._most and self._open.total() < ALL_MOST

    async def close(self) -> None:
        """End all of them; they come back by themselves."""
        self._ending = True
        for source in self._sources:
            source.news.set()

    async def ask(self, question: Callable[[], T]) -> T:
        """What Postgres answers. Raises DatabaseError, InterfaceError."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, _asked, question)

    def response(
        self, request: HttpRequest, standing: Standing, source: StreamSource
    ) -> StreamingHttpResponse:
        """A stream of this source, for as long as its reader may see it."""
        # Now, and not as it begins: of those that are asked for at once none would see the others.
        place = _Reserved(self._open, standing.who)
        had = request.headers.get("Last-Event-ID", "")[:100]
        room: Room | None = getattr(request, "scope", {}).get("extensions", {}).get(ROOM)
        parts = self._parts(source, standing, had, room, place)
        response = StreamingHttpResponse(parts, content_type="text/event-stream; charset=utf-8")
        response.headers["Cache-Control"] = "no-store"
        # Each event leaves at once: neither proxies nor our own compression may wait for more.
        response.headers["X-Accel-Buffering"] = "no"
        response.headers["Content-Encoding"] = "identity"
        # One whose client has gone before it began is never read, and ends with its response.
        weakref.finalize(response, place.release).atexit = False
        return response

    async def _parts(
        self, source: StreamSource, standing: Standing, had: str, room: Room | None, place: "_Reserved"
    ) -> AsyncIterator[str]:
        self._sources.add(source)
        source.open()
        if room:
            room.enter()
        try:
            async for part in self._said(source, standing, had, room):
                yield part
        except (Cut, DatabaseError, InterfaceError):
            pass  # it comes back
        except Exception as error:
            self._activity.stumbled(error)
        finally:
            if room:
                room.leave()
            source.close()
            self._sources.discard(source)
            place.release()

    async def _said(
        self, source: StreamSource, standing: Standing, had: str, room: Room | None
    ) -> AsyncIterator[str]:
        begin = server_sent.retry(RETRY_MS) + await source.first(had)
        # The request's own connection, which would stay open as long as the stream: Postgres has a hundred.
        await sync_to_async(connections.close_all)()
        yield begin
        sent, looked_at = 0, time.monotonic()
        while room or sent < BYTES_MOST:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(COMMENT_SECONDS):
                    await source.news.wait()
            if self._ending:
                return
            if time.monotonic() - looked_at >= COMMENT_SECONDS:
                looked_at = time.monotonic()
                if not await self._stands(standing):
                    return
            if room:
                try:
                    async with asyncio.timeout(UNREAD_SECONDS):
                        await room.wait()
                except TimeoutError:
                    return
            # Only now: what came while there was no room has become one.
            source.news.clear()
            text = source.take() or server_sent.COMMENT
            sent += len(text)
            yield text

    async def _stands(self, standing: Standing) -> bool:
        try:
            return await self.ask(standing.stands)
        except (DatabaseError, InterfaceError):
            # While Postgres is away nobody can lose a right either.
            return True


class _Reserved:
    """The place of one stream among those of its reader."""

    def __init__(self, open_streams: Counter[Hashable], who: Hashable) -> None:
        self._open, self._who = open_streams, who
        self._open[who] += 1
        self._held = True

    def release(self) -> None:
        """Let another have it; once."""
        if self._held:
            self._held = False
            self._open[self._who] -= 1
            if not self._open[self._who]:
                del self._open[self._who]


def _asked(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except (OperationalError, InterfaceError):
        # This thread sees no request begin, before which Django would replace a connection that is dead.
        connection.close()
        return question()
