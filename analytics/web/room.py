"""Whether a client takes what it is sent: Twisted tells the producer of a response when too much waits.

Source: twisted.internet.interfaces.IPushProducer; a transport holds it up from 64 KiB on.
"""

import asyncio
from typing import Any


class ResponseRoom:
    """The room for one response."""

    def __init__(self, request: Any) -> None:
        """`request`: Twisted's."""
        self._request = request
        self._free = asyncio.Event()
        self._free.set()
        self._entered = False

    def enter(self) -> None:
        """From now on it is told."""
        if self._request.channel is not None:
            self._request.registerProducer(self, True)
            self._entered = True

    async def wait(self) -> None:
        """Until there is room."""
        await self._free.wait()

    def leave(self) -> None:
        """Before the response ends."""
        if self._entered and self._request.channel is not None:
            self._request.unregisterProducer()
        self._entered = False

    def pauseProducing(self) -> None:  # noqa: N802 (Twisted's name)
        """Too much waits."""
        self._free.clear()

    def resumeProducing(self) -> None:  # noqa: N802 (Twisted's name)
        """It has left."""
        self._free.set()

    def stopProducing(self) -> None:  # noqa: N802 (Twisted's name)
        """The client is gone; the application hears of it as of any."""
        self._free.set()
