"""Sockets at addresses that there are not."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

logger = logging.getLogger(__name__)

Message = dict[str, Any]
# ASGI's "WebSocket Denial Response": an answer of HTTP in place of a socket.
DENIAL: Final = "websocket.http.response"


async def nowhere(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer 404: without this, Channels raises, and the server writes 6 KB of where.

    A server that knows no denial by HTTP says 403 in its own way.
    """
    await receive()
    if DENIAL in (scope.get("extensions") or {}):
        headers = [(b"content-length", b"0"), (b"connection", b"close")]
        await send({"type": f"{DENIAL}.start", "status": HTTPStatus.NOT_FOUND.value, "headers": headers})
        await send({"type": f"{DENIAL}.body", "body": b""})
    else:
        await send({"type": "websocket.close"})
    logger.warning("refused a socket at no address of ours")
