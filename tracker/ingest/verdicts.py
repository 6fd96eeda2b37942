"""What becomes of the items of a batch; some are told later, when Postgres has them."""

import asyncio

# Longer than a commit takes, shorter than a proxy's patience.
ANSWER_SECONDS = 20.0


class Verdicts:
    """What becomes of so many items, by their places; on one event loop.

    A verdict is "" where the item is stored, else why not; None until it is known.
    """

    def __init__(self, size: int) -> None:
        self.said: list[str | None] = [None] * size
        self._waiting = 0
        self._all_here = asyncio.Event()

    def refuse(self, place: int, reason: str) -> None:
        """This one is not stored, and was not waited for."""
        self.said[place] = reason

    def expect(self, count: int) -> None:
        """So many are told later."""
        self._waiting += count
        self._all_here.clear()

    def come(self, place: int, reason: str) -> None:
        """One that was expected."""
        self.said[place] = reason
        self._waiting -= 1
        if not self._waiting:
            self._all_here.set()

    async def wait(self) -> bool:
        """Whether all that are expected came in time."""
        if not self._waiting:
            return True
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._all_here.wait()
        except TimeoutError:
            return False
        return True
