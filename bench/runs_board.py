"""What a board costs the process that makes its snapshots."""

import statistics
import time
from collections.abc import Iterator
from typing import NamedTuple

from bench import processes
from bench.figures import Figure
from bench.fleet import Fleet
from bench.plan import Mode
from bench.sessions import plan
from bench.targets import TARGETS, Ground, Server, running
from bench.watch import Board, log_in

PATHS = 20_000
TURNOVER = 4.0  # pages a second: every tick has something to tell
SETTLE_SECONDS = 4.0


def board(on: Ground, quick: bool) -> Iterator[Figure]:
    """The CPU time of one tick: with a board and without one, over the same pages."""
    pages, seconds = (2_000, 2.0) if quick else (15_000, 15.0)
    with running(TARGETS["footfall"], on) as server:
        assert server.product
        cookie = log_in(server.product.port, "admin", server.product.password)
        made = plan(server, Mode.HOLD, 900.0, pages=pages, paths=PATHS, rate=TURNOVER)
        with Fleet(made) as fleet:
            fleet.wait_full()
            time.sleep(SETTLE_SECONDS)
            pairs = [_compared(server, cookie, seconds) for _ in range(3)]
    costs = [(pair.within - pair.without) / max(pair.ticks, 1) * 1000 for pair in pairs]
    rate = sum(pair.ticks for pair in pairs) / seconds / len(pairs)
    note = (
        f"{pages:,} tabs, {min(pages, PATHS):,} URLs, {rate:.1f} ticks/s, "
        f"{pairs[0].size / 1024:.1f} KB each; {min(costs):.1f}–{max(costs):.1f}"
    )
    cost = statistics.median(costs)
    yield Figure("board", "footfall: CPU per tick of a board", cost, "ms", 20.0, at_most=True, note=note)


class Compared(NamedTuple):
    """CPU seconds of the server over the same time without a board and with one."""

    without: float
    within: float
    ticks: int
    size: float  # bytes of a snapshot


def _compared(server: Server, cookie: str, seconds: float) -> Compared:
    assert server.product
    without = _spent(server, seconds)
    board = Board(server.product.port, server.key, cookie)
    time.sleep(1.0)  # the first snapshot may build what later ones keep
    before = board.snapshots
    within = _spent(server, seconds)
    ticks = board.snapshots - before
    board.close()
    return Compared(without, within, ticks, board.bytes / max(board.snapshots, 1))


def _spent(server: Server, seconds: float) -> float:
    before = processes.cpu_seconds(server.pids)
    time.sleep(seconds)
    return processes.cpu_seconds(server.pids) - before
