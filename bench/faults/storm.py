"""A reconnect storm: every page is dropped in the same moment, and all come back as the snippet does."""

import time
from collections.abc import Iterator

from bench import processes, verify
from bench.faults.returns import returns
from bench.faults.stand import Stand, standing
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.ledger import Reader
from bench.targets import Ground

# Over which the snippet spreads its pages; a quick run spreads fewer over less.
JITTER_SECONDS, QUICK_JITTER_SECONDS = 30.0, 2.0
LATE_SECONDS = 5.0  # until then each page must be back
ACCEPT_SECONDS = 1.0
LOOK_SECONDS = 0.5
BACK_PERCENT = 99.0
# What the same pages may take more once they are back, since allocators keep some of what is freed.
GROWTH_PERCENT = 25.0


def storm(on: Ground, quick: bool) -> Iterator[Figure]:
    """nginx is killed with every page's connection, and started again: all pages come back within 35 s."""
    with standing(on, edges=2) as stand:
        yield from storm_at(stand, quick)


def storm_at(stand: Stand, quick: bool) -> Iterator[Figure]:
    """The run at any stand."""
    pages, jitter = (300, QUICK_JITTER_SECONDS) if quick else (10_000, JITTER_SECONDS)
    with VisitorFleet(stand.plan(pages, patience=jitter)) as fleet:
        fleet.wait_full()
        edges = stand.pids("edge")
        before = most = processes.rss(edges)
        api = stand.api()
        check = verify.LiveCheck(fleet.ledgers, api.live)
        began = stand.kill("nginx")
        while time.time() < began + jitter + LATE_SECONDS:
            check.watch(LOOK_SECONDS, LOOK_SECONDS)
            most = max(most, processes.rss(edges))
        check.settled()
        api.close()
        found = returns(Reader(fleet.ledgers).rest(), began)
        after = processes.rss(edges)
        ended = len(set(edges) - set(stand.pids("edge")))
        fleet.tell("stop")
        outcome = fleet.finish()
    within = 100 * found.within(jitter + LATE_SECONDS)
    note = f"of {found.dropped:,}; p99 {found.at(0.99):.1f} s"
    growth = (after / before - 1) * 100
    sizes = f"{before / 2**20:.0f} MB before, {most / 2**20:.0f} at most, {after / 2**20:.0f} after"
    yield Figure("storm", "pages dropped", found.dropped, "", pages)
    yield Figure("storm", f"back after {jitter + LATE_SECONDS:.0f} s", within, "%", BACK_PERCENT, note=note)
    accept = outcome.returns.at(0.99)
    median = f"median {outcome.returns.at(0.5) * 1000:.1f} ms"
    yield Figure("storm", "handshake of a return, p99", accept, "s", ACCEPT_SECONDS, True, median)
    yield Figure("storm", "edges' memory, more than before", growth, "%", GROWTH_PERCENT, True, sizes)
    yield Figure("storm", "worst drift", check.drift, "", 0, True, f"{len(check.sights)} looks")
    yield Figure("storm", "edges that ended", ended, "", 0, True)
