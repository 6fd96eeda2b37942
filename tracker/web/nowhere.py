"""Sockets at addresses that there are not."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

logger = logging.getLogger(__name__)

Message = dict[str, Any]


async def nowhere(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Refuse the handshake: without this, Channels raises, and the server writes 6 KB of where."""
    await receive()
    await send({"type": "websocket.close"})
    logger.warning("refused a socket at no address of ours")
