"""Daphne's socket with the bounds of an edge, without a network: what is free, and what ends it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from daphne.server import Server  # first: it chooses Twisted's reactor
from daphne.ws_protocol import WebSocketFactory
from twisted.internet.testing import StringTransport

from analytics.board.socket import OpenBoards
from analytics.streams.open_streams import OpenStreams
from analytics.web.web_server import WebServer
from analytics.web.web_socket import BoundedProtocol
from scripts.stands import frames
from tests.raw_sockets import closes, frame
from tracker.contract.drops import Drop
from tracker.contract.pace import Pace
from tracker.contract.socket_bounds import FEW_READS, READ_LIMIT
from tracker.edge.process_edge import ProcessEdge
from tracker.liveness.activity import Activities

BURST = 20


class WiredPage:
    """A page's end of it, and the application's."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.accepting = asyncio.Event()
        self.server = server = Server(self._application, endpoints=["tcp:0"])
        server.connections = {}
        factory = WebSocketFactory(server)
        factory.protocol = partial(BoundedProtocol, Pace(BURST, 0))
        factory.setProtocolOptions(maxMessagePayloadSize=READ_LIMIT, maxFramePayloadSize=READ_LIMIT)
        self.transport = StringTransport()
        self.protocol = factory.buildProtocol(None)
        self.protocol._raw_query_string = b""
        self.protocol.makeConnection(self.transport)
        self.protocol.dataReceived(frames.handshake("/live/k", "localhost", {}))

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await self.accepting.wait()
        await send({"type": "websocket.accept"})
        while True:
            self.told.append(await receive())

    async def accepted(self) -> None:
        self.accepting.set()
        async with asyncio.timeout(5):
            while b"101" not in self.transport.value():  # noqa: ASYNC110 (Twisted has no event for it)
                await asyncio.sleep(0)
        self.transport.clear()

    def says(self, data: bytes) -> None:
        self.protocol.dataReceived(data)

    def hears(self) -> list[frames.ServerFrames]:
        heard = frames.heard(self.transport.value())[0]
        self.transport.clear()
        return heard

    def close(self) -> None:
        for details in self.server.connections.values():
            details["application_instance"].cancel()
        for timer in (self.protocol._timer, self.protocol.autoPingTimeoutCall):
            if timer:
                timer.cancel()


@pytest.fixture
async def page() -> AsyncIterator[WiredPage]:
    made = WiredPage()
    yield made
    made.close()
    await asyncio.sleep(0)


async def test_the_answer_to_a_ping_of_ours_is_free(page: WiredPage) -> None:
    await page.accepted()
    for _ in range(3 * BURST):
        page.protocol._sendAutoPing()
        (ping,) = page.hears()
        page.says(frame(0x8A, ping.payload))
    page.says(frame(0x8A, b"nobody asked for this") * BURST)
    assert page.hears() == []
    page.says(frame(0x8A))
    assert closes(page.hears()) == [4429]


@pytest.mark.parametrize("said", [frame(0x89), frame(0x8A), frame(0x81, b"{}"), frame(0x01)])
async def test_beyond_its_pace_nothing_is_read_any_more(page: WiredPage, said: bytes) -> None:
    await page.accepted()
    page.says(said * 10 * BURST)
    assert len(closes(page.hears())) == 1
    assert page.transport.producerState == "paused"
    page.says(said * 10 * BURST)
    assert page.hears() == []
    await asyncio.sleep(0)
    assert page.told[-1]["type"] == "websocket.disconnect"
    assert page.told[-1]["refused"] in (Drop.TOO_FAST, Drop.MALFORMED)


async def test_what_comes_before_it_is_accepted_is_kept_for_then_and_is_not_much(page: WiredPage) -> None:
    page.says(frame(0x89, b"1"))
    page.says(frame(0x89, b"2"))
    await page.accepted()
    page.says(frame(0x89, b"3"))
    # The answers to the first two left with that to the handshake.
    assert [each.payload for each in page.hears()][-1] == b"3"
    assert not page.transport.disconnecting


@pytest.mark.parametrize("said", [b"\xff" * (READ_LIMIT + 1), b"\r\n\r\n" * (READ_LIMIT // 4 + 1)])
async def test_too_much_before_it_is_accepted_ends_it(page: WiredPage, said: bytes) -> None:
    page.says(said)
    assert page.transport.disconnecting


async def test_too_many_reads_before_it_is_accepted_end_it(page: WiredPage) -> None:
    for _ in range(FEW_READS + 1):
        page.says(b"\x8a")
    assert page.transport.disconnecting


async def test_a_socket_may_stay_open_for_months(page: WiredPage) -> None:
    await page.accepted()
    # As the product makes it: daphne by itself ends sockets after a day.
    with socket.socket() as listener:
        page.protocol.server = WebServer(
            None,
            ProcessEdge(),
            OpenBoards(Activities()),
            OpenStreams(Activities(), 10),
            listener,
            lambda: None,
        )
    page.protocol.socket_opened = time.monotonic() - 100 * 86_400
    page.protocol.check_timeouts()
    assert page.hears() == []
    assert page.protocol.state == page.protocol.STATE_OPEN


async def test_the_application_is_told_of_what_is_no_message(page: WiredPage) -> None:
    await page.accepted()
    page.protocol._sendAutoPing()
    (ping,) = page.hears()
    for said in (frame(0x8A, ping.payload), frame(0x89), frame(0x8A), frame(0x01, b"{"), frame(0x80, b"}")):
        page.says(said)
    page.says(frame(0x81, b"{}")[:3])
    page.says(frame(0x81, b"{}")[3:])
    await asyncio.sleep(0)
    kinds = [told["type"].partition(".")[2] for told in page.told]
    assert kinds == ["wordless"] * 4 + ["receive", "wordless", "receive"]


@pytest.mark.parametrize("code", [1011, 4502])
async def test_the_application_may_say_each_code(page: WiredPage, code: int) -> None:
    await page.accepted()
    await page.server.handle_reply(page.protocol, {"type": "websocket.close", "code": code})
    assert closes(page.hears()) == [code]


async def test_what_is_said_to_a_socket_that_is_closing_raises_nothing(page: WiredPage) -> None:
    await page.accepted()
    for message in (
        {"type": "websocket.send", "text": "{}"},
        {"type": "websocket.close", "code": 4502},
        {"type": "websocket.send", "text": "{}"},
    ):
        await page.server.handle_reply(page.protocol, message)
    assert [first for first, *_ in page.hears()] == [frames.TEXT, frames.CLOSE]
