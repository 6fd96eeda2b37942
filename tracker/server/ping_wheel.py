"""One wheel that pings every socket and lets go of the silent: no task and no timer per page.

Each socket has a place on the wheel and is looked at once a turn: what has not been heard of since the
ping before is gone. So a network that died in silence is noticed within two turns, 20 of the 25 s promised.
It cuts, too, whose half frame is not made whole in time.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from tracker.contract.socket_bounds import WHOLE_SECONDS

# Also what a handshake may take: a socket is not heard of before that.
TURN_SECONDS = WHOLE_SECONDS
# Small steps, so that 15,000 pings a turn hold the loop for 2 ms at a time and not for 80.
STEP_SECONDS = 0.25
# How long a page may take to answer a close before its socket is cut.
CLOSE_SECONDS = 1.5


class Pinged(Protocol):
    """A socket on the wheel."""

    heard: bool
    place: int
    begun_at: float  # when what is not whole yet began, by the steady clock; 0 where nothing is

    def ping(self) -> None: ...
    def cut(self) -> None: ...


class PingWheel:
    """The wheel itself. It is used on the event loop's thread only."""

    def __init__(self, whole_seconds: float = WHOLE_SECONDS) -> None:
        """`whole_seconds`: what a frame or message may take from its first byte to its last."""
        self._whole_seconds = whole_seconds
        self._places: list[set[Pinged]] = [set() for _ in range(round(TURN_SECONDS / STEP_SECONDS))]
        self._now = 0
        self._count = 0
        self._empty = asyncio.Event()
        self._empty.set()
        self._closing: deque[tuple[float, Pinged]] = deque()
        self._unfinished: deque[tuple[float, Pinged]] = deque()

    def add(self, socket: Pinged) -> None:
        """Ping a socket from now on, a turn from now first."""
        socket.place = self._now
        self._places[self._now].add(socket)
        if self._count == 0:
            self._empty.clear()
        self._count += 1

    def remove(self, socket: Pinged) -> None:
        """Take a socket off the wheel, once its connection is gone."""
        self._places[socket.place].remove(socket)
        self._count -= 1
        if self._count == 0:
            self._empty.set()

    def closing(self, socket: Pinged) -> None:
        """This side said its close: cut the socket unless the other side answers soon."""
        self._closing.append((time.monotonic() + CLOSE_SECONDS, socket))

    def unfinished(self, socket: Pinged) -> None:
        """Something began, at the socket's `begun_at`: cut the socket unless that is whole in time."""
        self._unfinished.append((socket.begun_at, socket))

    async def turn(self, progressed: Callable[[], None]) -> None:
        """Turn the wheel until cancelled, and say so at each step."""
        # Never two steps at once: after a pause of this process, pongs that wait must be read first.
        while True:
            await asyncio.sleep(STEP_SECONDS)
            self._now = (self._now + 1) % len(self._places)
            for socket in list(self._places[self._now]):
                if socket.heard:
                    socket.heard = False
                    socket.ping()
                else:
                    socket.cut()
            now = time.monotonic()
            self._cut_slow_closers(now)
            self._cut_unfinished(now)
            progressed()

    async def empty(self, patience: float) -> None:
        """Wait until all are gone; cut those that are not within `patience` seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), patience)
        for place in self._places:
            for socket in list(place):
                socket.cut()
        await self._empty.wait()

    def _cut_slow_closers(self, now: float) -> None:
        while self._closing and self._closing[0][0] <= now:
            self._closing.popleft()[1].cut()

    def _cut_unfinished(self, now: float) -> None:
        while self._unfinished and self._unfinished[0][0] + self._whole_seconds <= now:
            begun_at, socket = self._unfinished.popleft()
            # Else that was made whole, and what is not whole now began later.
            if socket.begun_at == begun_at:
                socket.cut()
