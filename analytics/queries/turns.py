"""A request's turn to ask Postgres, which others have while its answer is made elsewhere.

Each request that is answered has a thread, and a connection to Postgres, of its own. So only so many have
their turn at once (`analytics.access.request_door`); and whoever waits for another process, or for a thread
that many share, for longer than a moment asks nothing meanwhile.
"""

import asyncio
from concurrent.futures import Future
from contextvars import ContextVar
from typing import Any, Final, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections

T = TypeVar("T")
# To give a turn back and take it again costs a new connection, some 5 ms: not for what is there soon.
SOON_SECONDS: Final = 0.25


class Turn:
    """One request's turn; for one event loop."""

    def __init__(self, turns: asyncio.Semaphore) -> None:
        self._turns = turns
        self._held = False

    async def begin(self) -> None:
        """Wait until it comes; nothing where the request has it already, or has let go of it for good."""
        if not self._held:
            await self._turns.acquire()
            self._held = True

    def end(self) -> None:
        """Give it to others; once more does nothing."""
        if self._held:
            self._held = False
            self._turns.release()

    @property
    def held(self) -> bool:
        """Whether the request has it now."""
        return self._held


# Whose turn it is, in a request and in all tasks that it begins.
OWN_TURN: ContextVar[Turn | None] = ContextVar("own_turn", default=None)


async def elsewhere(made: Future[T]) -> T:
    """An answer that is made elsewhere, as it comes; whoever goes away leaves it to others who wait for it.

    Raises what it raises.
    """
    answer = asyncio.shield(asyncio.wrap_future(made))
    turn = OWN_TURN.get()
    if turn is None or not turn.held:
        return await answer
    try:
        await asyncio.wait([answer], timeout=SOON_SECONDS)
        if not answer.done():
            await _let_go(turn, answer)
    except asyncio.CancelledError:
        answer.cancel()
        raise
    return await answer


async def _let_go(turn: Turn, answer: asyncio.Future[Any]) -> None:
    """Wait for an answer without a turn, or the connection that belongs to it."""
    await sync_to_async(connections.close_all)()
    turn.end()
    await asyncio.wait([answer])
    await turn.begin()
