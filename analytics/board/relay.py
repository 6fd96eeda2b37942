"""Carries snapshots from the web process that made them to the boards of all, over the channel layer.

One channel for the process and one group for each watched site, however many boards there are.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from channels.layers import get_channel_layer

from analytics.board.ticker import Heard
from tracker.across.redis_client import REDIS_ERRORS, TIMEOUT_SECONDS
from tracker.liveness.activity import Activity, go_on


def group(key: str) -> str:
    """The channel-layer group of the processes whose boards watch a site."""
    return f"board.{key}"


class Relay:
    """This process's end; `heard(key, seq, text)` is called for every snapshot that arrives."""

    def __init__(self, heard: Heard, activity: Activity) -> None:
        """`activity`: where it is told whether snapshots are received."""
        self._heard = heard
        self._activity = activity
        self._layer: Any = get_channel_layer()
        self._channel = ""
        self._followed: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    async def share(
        self, keys: set[str], key: str, made: Callable[[], Awaitable[tuple[int, str] | None]]
    ) -> bool:
        """Follow these sites and no others, and tell all who follow `key` what was `made` of it, if it was.

        False where Redis did not do it: to be tried again.
        """
        try:
            await self._follow(keys)
            if snapshot := await made():
                await self._send(key, *snapshot)
        except REDIS_ERRORS:
            return False
        return True

    async def _follow(self, keys: set[str]) -> None:
        if keys == self._followed:
            return
        async with asyncio.timeout(TIMEOUT_SECONDS):
            if self._task is None:
                self._channel = await self._layer.new_channel("board.")
                self._task = asyncio.create_task(go_on(self._activity, self._receive))
            for key in keys - self._followed:
                await self._layer.group_add(group(key), self._channel)
                self._followed.add(key)
            for key in self._followed - keys:
                await self._layer.group_discard(group(key), self._channel)
                self._followed.discard(key)

    async def _send(self, key: str, seq: int, text: str) -> None:
        message = {"type": "board.snapshot", "key": key, "seq": seq, "text": text}
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await self._layer.group_send(group(key), message)

    async def close(self) -> None:
        """Stop following every site."""
        with suppress(*REDIS_ERRORS):
            await self._follow(set())
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _receive(self) -> None:
        while True:
            message = await self._layer.receive(self._channel)
            self._activity.progressed()
            self._heard(message["key"], message["seq"], message["text"])
