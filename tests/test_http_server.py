"""An edge's HTTP, by itself: who asks without end, and who never takes what he asked for."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from typing import cast

import pytest

from tracker.edge.edge import Edge
from tracker.server.http_server import HttpServer

SOON = 0.3
# Of these a stranger needs no edge: what is asked for is told by the server itself.
HEALTH = b"GET /healthz HTTP/1.1\r\n\r\n"
WRONG = b"GET /live/k HTTP/1.1\r\n\r\n"


async def holds_token(header: str) -> bool:
    return False


@pytest.fixture
async def place() -> AsyncIterator[tuple[str, int]]:
    listener = socket.create_server(("127.0.0.1", 0))
    # Inherited by each connection: a few answers fill it.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    server = HttpServer(cast(Edge, None), holds_token, whole_seconds=SOON)
    await server.listen(listener)
    yield listener.getsockname()
    server.close()
    await server.stop(5)


async def test_who_never_reads_an_answer_is_cut(place: tuple[str, int]) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket() as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        opened.setblocking(False)
        await loop.sock_connect(opened, place)

        async def ask_on() -> None:
            while True:
                await loop.sock_sendall(opened, HEALTH * 100)

        with pytest.raises(ConnectionError):
            await asyncio.wait_for(ask_on(), 10)


async def test_one_who_was_refused_is_not_heard_again(place: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*place)
    writer.write(HEALTH * 2 + WRONG * 1000)
    answers = await asyncio.wait_for(reader.read(), 10)
    assert re.findall(rb"HTTP/1\.1 (\d+)", answers) == [b"200", b"200", b"405"]
    writer.close()


async def test_one_who_says_on_after_that_has_an_end(place: tuple[str, int]) -> None:
    _, writer = await asyncio.open_connection(*place)
    writer.write(WRONG)

    async def say_on() -> None:
        while True:
            writer.write(b" " * 100_000)
            await writer.drain()

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(say_on(), 10)
    writer.close()
