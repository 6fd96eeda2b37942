"""A bad network between visitors and Footfall: every packet comes late, and some never come."""

from collections.abc import Iterator

from bench.faults.apart import apart
from bench.faults.latency import Latency
from bench.faults.looks import page_views
from bench.faults.silent import network
from bench.faults.stand import standing
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.ledger import EntryKind, Reader
from bench.targets import Ground
from bench.verify import LiveCheck
from scripts.stands import namespace

RUN = "slow-network"
LOSS, ROUND_TRIP_SECONDS = 0.05, 0.3
QUEUE = 1
# TCP says what was lost again after 0.6, 1.2, 2.4 and 4.8 s: five losses in a row are 1 in 3 million.
SETTLE_SECONDS = 10.0
QUIET_SECONDS = 4.0  # to look at it once it has settled
EVERY_SECONDS = 0.2


@apart
def slow_network(on: Ground, quick: bool) -> Iterator[Figure]:
    """5 % of visitors' packets are lost, all others take 300 ms there and back: exact once quiet."""
    pages, rounds, churn = (80, 1, 8.0) if quick else (600, 4, 30.0)
    visitors = network(0)
    with standing(on, 1, DATABASE_URL=on.database()) as stand, Latency(QUEUE, ROUND_TRIP_SECONDS / 2) as late:
        board = stand.board()
        with namespace.rules(*_slow(visitors)), VisitorFleet(stand.plan(pages, tabs=2)) as fleet:
            fleet.wait_full()
            check = LiveCheck(fleet.ledgers, board.live, SETTLE_SECONDS)
            for _ in range(rounds):
                fleet.tell(f"turnover {pages / 20}")
                check.watch(churn, EVERY_SECONDS)
                fleet.tell("turnover 0")
                check.watch(SETTLE_SECONDS + QUIET_SECONDS, EVERY_SECONDS)
            check.settled()
            fleet.tell("stop")
            outcome = fleet.finish()
        board.close()
        note = f"{len(check.sights)} looks; {late.packets:,} packets, {outcome.done:,} pages turned over"
        yield Figure(RUN, "worst drift", check.drift, "", 0, at_most=True, note=note)
        yield Figure(RUN, "looks with one right answer", check.exact, "", 1)
        lost = sum(entry.kind is EntryKind.LOST for entry in Reader(fleet.ledgers).rest())
        yield Figure(RUN, "false disconnects", lost, "", 0, at_most=True, note=str(outcome.errors or ""))
        yield Figure(RUN, "saying a page to its ack: median", outcome.acks.at(0.5), "s")
        yield Figure(RUN, "saying a page to its ack: worst", outcome.acks.at(1), "s")
        yield from page_views(RUN, stand, fleet)


def _slow(visitors: str) -> list[tuple[str, ...]]:
    """What comes in from visitors or for them: first the loss, then the wait of what is left."""
    lost = ("--match", "statistic", "--mode", "random", "--probability", str(LOSS), "--jump", "DROP")
    late = ("--jump", "NFQUEUE", "--queue-num", str(QUEUE))
    return [(*way, *what) for what in (lost, late) for way in namespace.both_ways(visitors)]
