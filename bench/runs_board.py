"""What a board costs the process that makes its snapshots."""

import statistics
import time
from collections.abc import Iterator
from typing import NamedTuple

from bench import processes
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.plan import Mode
from bench.progress import say
from bench.sessions import plan
from bench.targets import FOUR_EDGES, TARGETS, Ground, ServerProcess, running
from bench.watch import Board
from scripts.stands.logins import log_in

PATHS = 20_000
TURNOVER = 4.0  # pages a second: every tick has something to tell
SETTLE_SECONDS = 4.0


# Target, pages, generator processes (each may open 20,000 files).
BOARDS = ((TARGETS["footfall"], 15_000, 1), (FOUR_EDGES, 50_000, 3))
QUICK_BOARDS = ((TARGETS["footfall"], 2_000, 1),)


def board(on: Ground, quick: bool) -> Iterator[Figure]:
    """The CPU time of one tick: with a board and without one, over the same pages."""
    seconds = 2.0 if quick else 15.0
    for target, pages, generators in QUICK_BOARDS if quick else BOARDS:
        say(f"board: {target.name} with {pages:,} pages")
        with running(target, on) as server:
            assert server.product
            cookie = log_in(server.product.port, "admin", server.product.password)
            made = plan(server, Mode.HOLD, 900.0, pages=pages, paths=PATHS, rate=TURNOVER)
            with VisitorFleet(made, generators) as fleet:
                fleet.wait_full()
                time.sleep(SETTLE_SECONDS)
                pairs = [_compared(server, cookie, seconds) for _ in range(3)]
        yield _judged(target.name, pages, seconds, pairs)


def _judged(name: str, pages: int, seconds: float, pairs: list["Compared"]) -> Figure:
    costs = [pair.cost for pair in pairs]
    rate = sum(pair.ticks for pair in pairs) / seconds / len(pairs)
    parts = ", ".join(
        f"{part} {statistics.median(pair.parts[part] for pair in pairs):.1f}" for part in pairs[0].parts
    )
    note = (
        f"{pages:,} tabs, {min(pages, PATHS):,} URLs, {rate:.1f} ticks/s, "
        f"{pairs[0].size / 1024:.1f} KB each; {min(costs):.1f}–{max(costs):.1f}; {parts}"
    )
    cost = statistics.median(costs)
    return Figure("board", f"{name}: CPU per tick of a board", cost, "ms", 20.0, at_most=True, note=note)


class Compared(NamedTuple):
    """The same time with a board, and before and after it without."""

    parts: dict[str, float]  # ms of CPU a tick that the board added, by what serves
    ticks: int
    size: float  # bytes of a snapshot

    @property
    def cost(self) -> float:
        """Of all parts."""
        return sum(self.parts.values())


def _compared(server: ServerProcess, cookie: str, seconds: float) -> Compared:
    assert server.product
    earlier = _spent(server, seconds)
    board = Board(server.product.port, server.key, cookie)
    time.sleep(1.0)  # the first snapshot may build what later ones keep
    before = board.snapshots
    within = _spent(server, seconds)
    ticks = board.snapshots - before
    board.close()
    time.sleep(1.0)
    later = _spent(server, seconds)
    # The pages' own work changes by more than a board adds, and mostly in one direction.
    without = {part: (earlier[part] + later[part]) / 2 for part in within}
    added = {part: (within[part] - without[part]) / max(ticks, 1) * 1000 for part in within}
    return Compared(added, ticks, board.bytes / max(board.snapshots, 1))


def _spent(server: ServerProcess, seconds: float) -> dict[str, float]:
    before = _cpu(server)
    time.sleep(seconds)
    return {part: spent - before[part] for part, spent in _cpu(server).items()}


def _cpu(server: ServerProcess) -> dict[str, float]:
    return {part: processes.cpu_seconds(pids) for part, pids in server.parts.items()}
