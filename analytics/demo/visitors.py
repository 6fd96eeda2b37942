"""All made-up visitors together: some are there already when the curtain rises, others keep coming."""

import asyncio
import time
from collections.abc import Coroutine
from random import Random
from typing import Any, Final

from analytics.demo.page_socket import SocketAddress
from analytics.demo.people import People
from analytics.demo.rhythm import Rhythm, source
from analytics.demo.tab import DemoTab
from analytics.demo.walk import Stay, Walk, rest_of, walk

# A newcomer looks within ten seconds: until then the site has filled up.
WARM_UP_SECONDS: Final = 5.0
GOODBYE_SECONDS: Final = 2.0


class DemoVisitors:
    """Keeps `average` people on the demo site until it is cancelled."""

    def __init__(self, rng: Random, address: SocketAddress, people: People, average: int) -> None:
        self._rng = rng
        self._address = address
        self._people = people
        self._average = average
        self._rhythm = Rhythm(rng, average)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Come and go. Cancelled, everybody leaves in good order first."""
        started = time.monotonic()
        try:
            self._start(self._warm_up())
            while True:
                wait, whence = self._rhythm.next(time.monotonic() - started)
                await asyncio.sleep(wait)
                self._visit(walk(self._rng, whence))
        finally:
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=GOODBYE_SECONDS)

    async def _warm_up(self) -> None:
        """People in the middle of their visits. Long visits are the likelier ones to be found open."""
        walks = [walk(self._rng, source(self._rng)) for _ in range(20 * self._average)]
        visits = self._rng.choices(walks, [visit.seconds for visit in walks], k=self._average)
        for visit in visits:
            self._visit(rest_of(visit, self._rng.uniform(0, visit.seconds)))
            await asyncio.sleep(WARM_UP_SECONDS / self._average)

    def _visit(self, visit: Walk) -> None:
        person = self._people.next()
        tab = DemoTab(self._rng, self._address, person)
        self._start(tab.read(visit.stays, visit.referrer))
        first = visit.stays[0]
        if visit.second_tab and first.second_tab_at is not None:
            other = DemoTab(self._rng, self._address, person)
            self._start(self._later(other, visit.second_tab, first))

    async def _later(self, tab: DemoTab, second: Stay, first: Stay) -> None:
        await asyncio.sleep(first.second_tab_at or 0.0)
        await tab.read((second,), self._address.origin + first.path)

    def _start(self, doing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
