"""A connection to the process that gathers datapoints, for as long as somebody here needs one."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from tracker.liveness.activity import Activity, go_on
from tracker.signals.exchange_messages import LINE_MOST, Answered, Asked, line

AGAIN_SECONDS = 1.0


class ExchangeLink:
    """One connection of this process, made again whenever it breaks."""

    def __init__(
        self,
        path: Path | None,
        activity: Activity,
        ask: Callable[[], Asked],
        heard: Callable[[Answered], None],
    ) -> None:
        """`path`: where that process listens; None where there is none. `ask`: what is wanted of it now."""
        self.path = path
        self._activity, self._ask, self._heard = activity, ask, heard
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    def need(self) -> None:
        """Connect, or where that is done say what is wanted now."""
        if self._writer:
            self._writer.write(line(self._ask()))
        if self._task is None and self.path:
            self._task = asyncio.create_task(go_on(self._activity, self._hear))

    def end(self) -> None:
        """Nobody needs it any more."""
        if self._task:
            self._task.cancel()
            self._task = None
            self._activity.ended()

    async def _hear(self) -> None:
        while True:
            # One that is away is about to be started again.
            with suppress(OSError):
                await self._listen()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _listen(self) -> None:
        reader, self._writer = await asyncio.open_unix_connection(self.path, limit=LINE_MOST)
        decoder = msgspec.json.Decoder(Answered)
        writer = self._writer
        try:
            writer.write(line(self._ask()))
            while text := await reader.readline():
                self._heard(decoder.decode(text))
                self._activity.progressed()
        finally:
            writer.close()
            # Another one may be open by now, where this one was not needed for a moment.
            if self._writer is writer:
                self._writer = None
