"""The one edge of a process whose server tells nobody when it begins: started at its first use."""

import asyncio

from tracker.edge.edge import Edge
from tracker.liveness.activity import Activities
from tracker.visitors import agents

READY_SECONDS = 5.0


class ProcessEdge:
    """Holds the edge from its first use on; made where the process is put together."""

    def __init__(self, activities: Activities | None = None) -> None:
        """`activities`: what goes on in this process beside the edge."""
        self._activities = activities or Activities()
        self._running: Edge | None = None
        self._starting: asyncio.Task[Edge] | None = None

    @property
    def running(self) -> Edge | None:
        """The edge, if it holds sockets already."""
        return self._running

    async def start(self) -> Edge:
        """The edge, started on the running loop at its first use (daphne has no lifespan to do it in).

        Waits until its sites are loaded, or for READY_SECONDS: pages that come meanwhile are not sent away.
        """
        if self._running:
            return self._running
        if self._starting is None:
            self._starting = asyncio.create_task(self._begin())
        return await asyncio.shield(self._starting)

    async def stop(self, over: float = 0.0) -> None:
        """Stop the edge, if it was started; its pages leave over so many seconds."""
        edge, self._running, self._starting = self._running, None, None
        if edge:
            await edge.stop(over)

    async def _begin(self) -> Edge:
        edge = Edge(self._activities)
        await edge.start()
        await asyncio.to_thread(agents.load)
        await asyncio.to_thread(edge.directory.wait_ready, READY_SECONDS)
        self._running = edge
        return edge
