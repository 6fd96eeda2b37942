"""Splits: one edge, or the web process, that Redis cannot be reached from, while everybody else can reach it.

Redis listens on every loopback address of the namespace, and each process knows it by an address of its own:
a firewall rule for that address cuts this process off, and it alone, for new connections too.
"""

import copy
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from analytics.up import valkey
from bench import verify
from bench.faults.apart import apart
from bench.faults.looks import Looks, page_views
from bench.faults.movers import Movers
from bench.faults.stand import Stand, standing
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.ledger import Entry, EntryKind, Reader
from bench.targets import Ground
from scripts.stands import namespace
from scripts.stands.delays import Delays
from scripts.stands.edges import running_edge
from scripts.stands.ports import free_port

EDGES = 2
# Where the web process, and then each edge, finds Redis.
ADDRESSES = ("127.9.0.1", "127.9.1.1", "127.9.1.2")
WEB, FIRST_EDGE = ADDRESSES[:2]
# A lease of 3 s, looked at four times a second and told twice a second; or a time-out of 1 s.
TOLD_SECONDS, HEALED_SECONDS = 5.0, 5.0
CALM_SECONDS, HEALING_SECONDS = 2.0, 6.0
# Without an ack for so long a page says itself again.
ACK_SECONDS = 10.0


@dataclass(frozen=True)
class Lengths:
    """How long, and how many."""

    split: float  # seconds
    pages: int


QUICK, FULL = Lengths(6.0, 100), Lengths(30.0, 1_000)


@contextmanager
def split_stand(on: Ground) -> Iterator[tuple[Stand, tuple[int, ...]]]:
    """A web process and edges, each with its own way to one Redis; and the edges' ports."""
    with ExitStack() as stack:
        port = stack.enter_context(_redis(on))
        urls = [f"redis://{address}:{port}" for address in ADDRESSES]
        stand = stack.enter_context(standing(on, 0, DATABASE_URL=on.database(), REDIS_URL=urls[0]))
        ports = []
        for url in urls[1:]:
            beside = copy.copy(stand.product)
            beside.environment = {**stand.product.environment, "REDIS_URL": url}
            ports.append(stack.enter_context(running_edge(beside)).port)
        yield stand, tuple(ports)


@apart
def netsplit(on: Ground, quick: bool) -> Iterator[Figure]:
    """An edge, and then web, loses Redis for 30 s: told as stale, not wrong in silence, soon right again."""
    with split_stand(on) as (stand, ports):
        for name, address in (("netsplit", FIRST_EDGE), ("web-split", WEB)):
            with ExitStack() as stack:
                movers = Movers(stack, stand, ports, 5 if quick else 50)
                yield from _split(name, address, stand, ports, QUICK if quick else FULL, movers)


def _split(
    run: str, address: str, stand: Stand, ports: tuple[int, ...], lengths: Lengths, movers: Movers
) -> Iterator[Figure]:
    made = stand.plan(lengths.pages, tabs=2, ports=ports)
    with VisitorFleet(made) as fleet, ThreadPoolExecutor(1) as beside:
        fleet.wait_full()
        fleet.tell(f"turnover {lengths.pages / 50}")
        with Looks(stand, fleet) as looks:
            calm = max(check.drift for check in looks.watch(CALM_SECONDS).checks)
            cut_at = time.time()
            namespace.cut(address)
            # A number that stays the same is right for nothing.
            fleet.tell(f"open {lengths.pages // 5}")
            looks.watch(lengths.split / 2)
            movers.move()
            looks.watch(lengths.split / 2)
            fleet.tell(f"leave {lengths.pages // 10}")
            healed_at = time.time()
            namespace.heal(address)
            moved = beside.submit(movers.wait)
            looks.watch(HEALING_SECONDS)
            moved.result()
        fleet.tell("stop")
        outcome = fleet.finish()
        yield Figure(run, "worst drift before", calm, "", 0, at_most=True)
        for label, check in (("API", looks.by_api), ("board", looks.by_board)):
            yield from _judged(run, label, check.sights, cut_at, healed_at)
            unanswered = len(check.unanswered)
            yield Figure(run, f"{label}: looks without an answer", unanswered, "", 0, at_most=True)
        broken = sum(outcome.errors.values())
        yield Figure(run, "pages' connections that noticed", broken, "", 0, at_most=True)
        yield from _acknowledged(run, Reader(fleet.ledgers).rest(), cut_at, healed_at)
        yield from movers.figures(run, HEALED_SECONDS)
        yield from page_views(run, stand, fleet)


def _judged(
    run: str, label: str, sights: list[verify.Sight], cut_at: float, healed_at: float
) -> Iterator[Figure]:
    """What was shown while it lasted, and how soon it was right again."""
    split = [sight for sight in sights if cut_at <= sight.at < healed_at]
    told_at = next((sight.at for sight in split if sight.stale), float("inf"))
    yield Figure(run, f"{label}: told as stale after", told_at - cut_at, "s", TOLD_SECONDS, at_most=True)
    silent = [sight.at for sight in sights if sight.drift and not sight.stale and sight.at < told_at]
    unsaid = max(silent, default=cut_at) - cut_at
    yield Figure(
        run, f"{label}: wrong before that, and not said to be", unsaid, "s", TOLD_SECONDS, at_most=True
    )
    later = sum(bool(sight.drift) and not sight.stale for sight in sights if sight.at >= told_at)
    worst = max(sight.drift for sight in sights)
    note = f"of {len(sights)} looks; while stale, the worst drift was {worst}"
    yield Figure(run, f"{label}: wrong after that, and not said to be", later, "", 0, at_most=True, note=note)
    wrong = [sight.at for sight in sights if sight.at >= healed_at and (sight.drift or sight.stale)]
    right = next((sight.at for sight in sights if not wrong or sight.at > wrong[-1]), float("inf"))
    healed = right - healed_at if wrong else 0.0
    yield Figure(run, f"{label}: right and not stale again after", healed, "s", HEALED_SECONDS, at_most=True)


def _acknowledged(run: str, entries: list[Entry], cut_at: float, healed_at: float) -> Iterator[Figure]:
    """Page views that were said at the first edge while the split lasted."""
    said: dict[object, float] = {}
    acks = Delays()
    for entry in entries:
        if entry.visitor % EDGES == 0 and cut_at <= entry.at < healed_at and entry.kind is EntryKind.SAID:
            said[entry.page] = entry.at
        elif entry.kind is EntryKind.ACKED and entry.page in said:
            acks.add(entry.at - said.pop(entry.page))
    yield Figure(run, "page views acknowledged meanwhile", len(acks), "", 1, note="at the first edge")
    yield Figure(run, "page views not acknowledged", len(said), "", 0, at_most=True)
    yield Figure(run, "longest wait for an ack", acks.at(1), "s", ACK_SECONDS, at_most=True)


@contextmanager
def _redis(on: Ground) -> Iterator[int]:
    """A Valkey that listens on all of them; its port."""
    port = free_port()
    options = ["--bind", *ADDRESSES, "--port", str(port), "--save", "", "--appendonly", "no"]
    process = subprocess.Popen([valkey.program(), *options], cwd=on.folder, stdout=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.kill()
        process.wait()
