"""The visitor's socket on Channels: a thin adapter around `tracker.conversation.session`."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from channels.consumer import AsyncConsumer

from tracker.contract.close_codes import FAILED, Declined
from tracker.conversation.services import Outcome
from tracker.conversation.session import Session
from tracker.edge.edge import Edge
from tracker.edge.process_edge import ProcessEdge
from tracker.visitors.request import VisitorRequest, headers_of

Message = dict[str, Any]


class VisitorConsumer(AsyncConsumer):  # type: ignore[misc]  # Channels has no types
    """One page's socket.

    It replaces Channels' dispatch by one loop: no channel layer, no task and no thread hop per message.
    Overriding `dispatch` alone took daphne from 380 to 600 rounds a second on the reference machine.
    """

    channel_layer_alias = "none"

    def __init__(self, edge: ProcessEdge) -> None:
        self._edge = edge

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        await receive()  # websocket.connect
        # Also the refused are accepted: a page learns the code of a close only after that, and a
        # refused handshake would make it come back for ever.
        await send({"type": "websocket.accept"})
        edge = await self._edge.start()
        try:
            caller = edge.admit(_visitor_request(scope))
            output = _PageOutput(send)
            session = edge.open(caller, output.reply, output.close)
        except Declined as refusal:
            edge.drop(refusal.reason)
            await send({"type": "websocket.close", "code": refusal.code})
            return
        output.session = session
        try:
            await self._converse(edge, session, receive)
        except Exception as error:
            # Nothing of it is acknowledged: the page comes back, and says it again.
            edge.hearing.stumbled(error)
            output.close(FAILED)
        finally:
            # Also when the server cancels us at its end: the page view ends either way.
            edge.finished(session)
            # Each holds the other. What is left to the collector stops everybody while it works: up to 1 s.
            output.session = None

    async def _converse(
        self, edge: Edge, session: Session, receive: Callable[[], Awaitable[Message]]
    ) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                # The server's own: what it refused before it became a message.
                reason = message.get("refused")
                if reason and not session.closed:
                    edge.drop(reason)
                return
            if message["type"] == "websocket.wordless":
                session.receive_wordless(time.monotonic())
                continue
            frame = message.get("text")
            session.receive(message["bytes"] if frame is None else frame, time.monotonic())


class _PageOutput:
    """What goes out to the page. Sends are tasks: a session never waits for its page to read."""

    def __init__(self, send: Callable[[Message], Awaitable[None]]) -> None:
        self.session: Session | None = None
        self._send = send
        self._tasks: set[asyncio.Task[None]] = set()

    def reply(self, message_id: UUID, outcome: Outcome) -> None:
        text = self.session.answer(message_id, outcome, time.monotonic) if self.session else ""
        if text:
            self._out({"type": "websocket.send", "text": text})

    def close(self, code: int) -> None:
        self._out({"type": "websocket.close", "code": code})

    def _out(self, message: Message) -> None:
        task = asyncio.create_task(self._deliver(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, message: Message) -> None:
        # A socket that is gone raises what its server likes; there is nobody left to tell.
        try:
            await self._send(message)
        except (OSError, RuntimeError):
            return


def _visitor_request(scope: Message) -> VisitorRequest:
    client = scope.get("client")
    return VisitorRequest(
        key=scope["url_route"]["kwargs"]["key"],
        peer=client[0] if client else None,
        headers=headers_of(scope["headers"]),
    )
