"""What bounds a stream: room at the client, bytes where the server does not say, and the right to see it."""

import asyncio
import gc
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import HttpRequest
from twisted.internet.testing import StringTransport
from twisted.web.http import HTTPChannel, Request

from analytics.access.standing import Standing
from analytics.streams import open_streams, server_sent
from analytics.streams.flag_feed import FlagFeed
from analytics.streams.open_streams import Cut, OpenStreams
from analytics.web.room import ResponseRoom
from tracker.liveness.activity import Activities
from tracker.models import Site


class NoNews:
    """A source with something to say at once, always."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self.closed = False
        self.taken = 0

    def open(self) -> None:
        self.news.set()

    async def first(self, had: str) -> str:
        return f"first after {had}"

    def take(self) -> str:
        self.taken += 1
        self.news.set()
        if self.taken > 1000:
            raise Cut
        return "x" * 100_000

    def close(self) -> None:
        self.closed = True


class FullRoom:
    """A client that reads nothing."""

    def __init__(self) -> None:
        self.entered = 0

    def enter(self) -> None:
        self.entered += 1

    async def wait(self) -> None:
        await asyncio.Event().wait()

    def leave(self) -> None:
        self.entered -= 1


def standing(stands: bool = True) -> Standing:
    class SureStanding(Standing):
        def stands(self) -> bool:
            return stands

    return SureStanding("somebody", "", "", lambda reader: True)


async def taken(source: NoNews, room: FullRoom | None, streams: OpenStreams, whose: Standing) -> list[Any]:
    request = HttpRequest()
    request.META["HTTP_LAST_EVENT_ID"] = "7"
    request.scope = {"extensions": {open_streams.ROOM: room} if room else {}}  # type: ignore[attr-defined]
    return [part async for part in streams.response(request, whose, source)]


async def test_a_client_that_does_not_read_is_sent_no_more_and_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_streams, "UNREAD_SECONDS", 0.1)
    source, room = NoNews(), FullRoom()
    parts = await taken(source, room, OpenStreams(Activities(), 1), standing())
    assert parts == [b"retry: 2000\n\nfirst after 7"]
    assert (source.taken, source.closed, room.entered) == (0, True, 0)


async def test_where_the_server_does_not_say_a_stream_ends_after_so_many_bytes() -> None:
    source, streams = NoNews(), OpenStreams(Activities(), 1)
    parts = await taken(source, None, streams, standing())
    assert 8 * 1024 * 1024 <= sum(map(len, parts)) < 9 * 1024 * 1024
    assert source.closed
    assert streams.has_room(standing())


async def test_streams_that_are_asked_for_at_once_count_before_they_begin() -> None:
    streams = OpenStreams(Activities(), 2)
    asked = [streams.response(HttpRequest(), standing(), NoNews()) for _ in range(2)]
    assert not streams.has_room(standing())
    # One whose client has gone is never read.
    asked.pop()
    gc.collect()
    assert streams.has_room(standing())
    assert [part async for part in asked.pop()]
    gc.collect()
    assert streams._open == Counter()


async def test_flags_that_stand_alone_say_from_where_they_go_on() -> None:
    nothing: Any = None
    alone, beside = (FlagFeed(nothing, nothing, Site(pk=1), asyncio.Event(), each) for each in (True, False))
    assert await beside.first("") == ""
    marked = server_sent.moment((await alone.first("")).removeprefix("id: ").removesuffix("\n\n"))
    assert marked
    assert timedelta() < datetime.now(UTC) - marked < timedelta(minutes=5)


async def test_who_lost_the_right_loses_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_streams, "COMMENT_SECONDS", 0.0)
    assert len(await taken(NoNews(), None, OpenStreams(Activities(), 1), standing(stands=False))) == 1


async def test_the_server_says_whether_there_is_room() -> None:
    """Twisted holds a producer up once its transport holds 64 KiB, and lets it go on when they have left."""
    channel = HTTPChannel()
    channel.makeConnection(StringTransport())
    room = ResponseRoom(Request(channel))
    room.enter()
    await asyncio.wait_for(room.wait(), 5)
    channel.pauseProducing()
    waiting = asyncio.create_task(room.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    channel.resumeProducing()
    await asyncio.wait_for(waiting, 5)
    room.leave()
    assert channel._requestProducer is None
