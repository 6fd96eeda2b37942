"""`POST /live/KEY`, health and metrics of `manage.py edge`: as much HTTP/1.1 as they need, behind nginx."""

import asyncio
import socket
from http import HTTPStatus
from typing import Final

from tracker.contract import messages
from tracker.contract.socket_bounds import FEW_READS, WHOLE_SECONDS
from tracker.edge import post
from tracker.edge.edge import Edge
from tracker.edge.post import Answer
from tracker.server import handshake, http_head, inspection
from tracker.server.http_head import Head, Unreadable
from tracker.server.ports import BACKLOG
from tracker.visitors.request import VisitorRequest

LINGER_SECONDS: Final = 2.0


class HttpServer:
    """Serves the connections of one listener."""

    def __init__(
        self, edge: Edge, holds_token: inspection.HoldsToken, whole_seconds: float = WHOLE_SECONDS
    ) -> None:
        """`whole_seconds`: for a whole request to arrive, for its answer to leave, for the next to begin."""
        self._whole_seconds = whole_seconds
        self._edge = edge
        self._holds_token = holds_token
        self._open: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._listening: asyncio.Server | None = None

    async def listen(self, listener: socket.socket) -> None:
        """Begin to serve."""
        self._listening = await asyncio.start_server(
            self.serve,
            sock=listener,
            limit=http_head.LIMIT,
            # asyncio listens once more, with its own 100 unless told.
            backlog=BACKLOG,
        )

    def close(self) -> None:
        """Take no more connections; what is open goes on."""
        if self._listening:
            self._listening.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection; called by `asyncio.start_server`."""
        task = asyncio.current_task()
        if task:
            self._open.add(task)
        try:
            await self._converse(reader, writer)
        except (OSError, EOFError, TimeoutError):
            # It went away, never said what it wanted, or reads no answer: that would wait here for ever.
            writer.transport.abort()
        except Exception as error:
            self._edge.hearing.stumbled(error)
        finally:
            if task:
                self._open.discard(task)
            writer.close()

    async def stop(self, patience: float) -> None:
        """Let what is being answered be answered, `patience` seconds at most."""
        self._stopping = True
        if self._open:
            _, left = await asyncio.wait(self._open, timeout=patience)
            for task in left:
                task.cancel()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        goes_on = True
        while goes_on and not self._stopping:
            try:
                async with asyncio.timeout(self._whole_seconds):
                    head = http_head.read(await _read_head(reader))
                    body, goes_on = await _body(reader, head)
                answer = await self._answer(head, peer[0] if peer else None, body)
            except Unreadable as error:
                answer, goes_on = _plain(error.status), False
            # Who was refused once may not go on asking as fast as he can, which cost nobody's allowance.
            goes_on = goes_on and answer.status == HTTPStatus.OK and not self._stopping
            writer.write(_bytes(answer, goes_on))
            async with asyncio.timeout(self._whole_seconds):
                await writer.drain()
        await _linger(reader, writer)

    async def _answer(self, head: Head, peer: str | None, body: bytes) -> Answer:
        place = head.path.partition("?")[0]
        if place in inspection.PATHS:
            return await inspection.answer(self._edge, head, place, peer, self._holds_token)
        key = handshake.site_key(head.path)
        if head.method != "POST":
            return _plain(HTTPStatus.METHOD_NOT_ALLOWED)
        return await post.answer(self._edge, VisitorRequest(key, peer, head.headers), body)


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read on, but not without end, until the other side has the answer: bytes unread would take it away."""
    writer.write_eof()
    async with asyncio.timeout(LINGER_SECONDS):
        for _ in range(FEW_READS):
            if not await reader.read(messages.BODY_LIMIT):
                return


async def _read_head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(http_head.END)
    except asyncio.LimitOverrunError:
        raise Unreadable(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from None


async def _body(reader: asyncio.StreamReader, head: Head) -> tuple[bytes, bool]:
    """The body, of a larger one a byte more than the limit; and whether another request may follow it."""
    if "transfer-encoding" in head.headers:
        raise Unreadable(HTTPStatus.LENGTH_REQUIRED)
    length = head.headers.get("content-length", "0")
    # Said twice it has a comma, and is no number.
    if not length.isascii() or not length.isdecimal() or len(length) > 15:
        raise Unreadable(HTTPStatus.BAD_REQUEST)
    goes_on = head.headers.get("connection", "").lower() != "close"
    if int(length) > messages.BODY_LIMIT:
        return await reader.readexactly(messages.BODY_LIMIT + 1), False
    return await reader.readexactly(int(length)), goes_on


def _plain(status: HTTPStatus) -> Answer:
    headers = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = "POST"
    return Answer(status, f"{status.phrase}.", headers)


def _bytes(answer: Answer, goes_on: bool) -> bytes:
    body = answer.body.encode()
    lines = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
        f"Content-Length: {len(body)}",
        f"Connection: {'keep-alive' if goes_on else 'close'}",
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
