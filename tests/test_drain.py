"""A planned restart of one edge beside others: pages leave in portions, come back elsewhere, lose nothing."""

import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from uuid import uuid4

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from scripts.stands.agents import FIREFOX
from scripts.stands.edges import EdgeProcess, running_edge
from scripts.stands.page_messages import page
from scripts.stands.product import running
from tests.road import until

PAGES = 200
DRAIN_SECONDS = 4


@dataclass
class Acknowledged:
    """What the pages saw."""

    open: int = 0
    codes: list[int] = field(default_factory=list)
    closed_at: list[float] = field(default_factory=list)  # steady clock
    acked: set[str] = field(default_factory=set)


async def stay(url: str, other: str, ledger: Acknowledged, done: asyncio.Event) -> None:
    """A page that is closed once and comes back elsewhere, as the snippet does."""
    said = page("/", uuid4())
    for address in (url, other):
        async with connect(
            address, origin=Origin("https://example.com"), user_agent_header=FIREFOX, compression=None
        ) as socket:
            await socket.send(json.dumps(said if address == url else {**said, "e": 1000, "d": 10}))
            ledger.acked.add(json.loads(await socket.recv())["id"])
            ledger.open += 1
            if address == other:
                await done.wait()
                return
            try:
                await socket.recv()
            except ConnectionClosed as closed:
                ledger.codes.append(closed.rcvd.code if closed.rcvd else 0)
                ledger.closed_at.append(time.monotonic())
            ledger.open -= 1
        await asyncio.sleep(random.uniform(0, 0.5))


async def restart(edge: EdgeProcess, other: EdgeProcess, key: str) -> tuple[Acknowledged, float]:
    """Open pages on one edge, end it, and wait until all are on the other; how long the end took."""
    ledger, done = Acknowledged(), asyncio.Event()
    url, elsewhere = (f"ws://127.0.0.1:{one.port}/live/{key}" for one in (edge, other))
    async with asyncio.timeout(60), asyncio.TaskGroup() as pages:
        for _ in range(PAGES):
            pages.create_task(stay(url, elsewhere, ledger, done))
        await until(lambda: ledger.open == PAGES)
        began = time.monotonic()
        assert await asyncio.to_thread(edge.stop) == 0
        took = time.monotonic() - began
        await until(lambda: ledger.open == PAGES)
        done.set()
    return ledger, took


@pytest.mark.waits
def test_a_restarted_edge_sends_its_pages_elsewhere_in_portions() -> None:
    with running(FOOTFALL_DRAIN_SECONDS=str(DRAIN_SECONDS)) as product:
        key = product.add_site("example.com")
        with running_edge(product) as edge, running_edge(product) as other:
            ledger, took = asyncio.run(restart(edge, other, key))
        assert ledger.codes == [4502] * PAGES
        # Spread over the drain: no half second of it takes more than a few of its eighths.
        starts = sorted(ledger.closed_at)
        assert max(sum(start <= at < start + 0.5 for at in starts) for start in starts) < PAGES / 2
        assert DRAIN_SECONDS - 1 < took < 30
        stored = product.rows("SELECT id::text, ended_at, edge FROM tracker_pageview")
        assert sorted(row["id"] for row in stored) == sorted(ledger.acked)
        assert all(row["ended_at"] for row in stored)
        assert len({row["edge"] for row in stored}) == 1, "the edge that they came to owns them all"
