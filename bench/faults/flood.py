"""One address pours what it can, in turns with quiet: what that costs everybody else, and where it ends."""

import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bench import fleet, processes
from bench.faults.attacker import Flood, Poured
from bench.faults.stand import Stand, standing
from bench.figures import Figure
from bench.plan import Mode, RunOutcome
from bench.targets import Ground
from scripts.stands import process_tree
from scripts.stands.checkout import ROOT

RUN = "flood"
# What the others do all the while: loads a second, each from an address of its own.
RATE = 100.0
TURN_SECONDS, TURNS = 6.0, 4
WARM_SECONDS = 1.0
MORE_PERCENT = 20.0
MEBIBYTE = 2**20


@dataclass(frozen=True)
class FloodKind:
    """One kind of flood, and what must become of it."""

    name: str
    lines: int
    cut_seconds: float | None = None  # within which each of its connections must be ended
    ends: tuple[str, ...] = ()  # how they may end
    most_held: int | None = None
    growth: float | None = None  # MB that the edges may grow by


KINDS = (
    # The default of FOOTFALL_SOCKETS_PER_ADDRESS.
    FloodKind("sockets", 5000, most_held=2000),
    # One of too many messages, or its address's neighbours with it.
    FloodKind("messages", 5, cut_seconds=2.0, ends=("4429", "4503")),
    # 10 s, of which nginx looks at its clock now and then.
    FloodKind("handshakes", 1000, cut_seconds=10.5, ends=("dropped",)),
    FloodKind("giant", 2, cut_seconds=1.0, ends=("4413", "dropped", "4503"), growth=1.0),
    FloodKind("fragments", 2, cut_seconds=1.0, ends=("4413", "dropped", "4503"), growth=1.0),
)


# Of what is no message, on three sockets as fast as it is taken; those that are cut are opened again at once.
FRAME_KINDS = tuple(
    FloodKind(name, 3, cut_seconds=2.0, ends=("4400", "4413", "4429", "4503", "dropped"))
    for name in ("pongs", "pings", "continuations", "empties", "bytes")
)


def flood(on: Ground, quick: bool) -> Iterator[Figure]:
    """An attacker's sockets, messages, endless handshakes, giant and empty frames, from one address."""
    with standing(on, edges=2) as stand:
        yield from flood_at(stand, quick)


def flood_at(stand: Stand, quick: bool) -> Iterator[Figure]:
    """The run at any stand."""
    # Of the others each has a test of its own (test_floods.py, test_edge.py).
    for kind in KINDS[:1] if quick else KINDS:
        yield from _flood(stand, kind, quick)


def frame_flood(on: Ground, quick: bool) -> Iterator[Figure]:
    """Three sockets pour control frames, empty frames and plain bytes on edges, and on the one process."""
    for edges in (2, 0):
        with standing(on, edges=edges) as stand:
            yield from frame_flood_at(stand, quick)


def frame_flood_at(stand: Stand, quick: bool) -> Iterator[Figure]:
    """The run at any stand."""
    where = "edges" if stand.pids("edge") else "one process"
    for kind in FRAME_KINDS[:1] if quick else FRAME_KINDS:
        yield from _flood(stand, kind, quick, f"{where}, {kind.name}")


def _flood(stand: Stand, kind: FloodKind, quick: bool, name: str = "") -> Iterator[Figure]:
    name = name or kind.name
    seconds = 2.0 if quick else TURN_SECONDS
    if kind.name == "handshakes":
        seconds = 12.0  # until the first ones are cut
    quiet, noisy, poured, cost = RunOutcome(), RunOutcome(), Poured(), 0.0
    _others(stand, 1.0)  # what is made for the first page is not the attacker's to answer for
    before = processes.rss(_reached(stand))
    for _ in range(1 if quick else TURNS):
        began = _spent(stand)
        quiet.merge(_others(stand, seconds))
        between = _spent(stand)
        with _attacked(stand, kind, poured):
            noisy.merge(_others(stand, seconds))
        cost += (_spent(stand) - between) - (between - began)
    grown = (processes.rss(_reached(stand)) - before) / MEBIBYTE
    yield from _cost(name, quiet, noisy, poured, quick)
    share = cost / max(poured.seconds, 1) * 100
    yield Figure(RUN, f"{name}: CPU of what it reaches, more", share, "% core")
    yield from _bounds(kind, name, poured, grown)


@contextmanager
def _attacked(stand: Stand, kind: FloodKind, into: Poured) -> Iterator[None]:
    """The attacker at work; what came of it is added to `into` in the end."""
    told = Flood(kind.name, stand.key, stand.port, kind.lines)
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.faults.attacker", told.text()],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield
        said, _ = process.communicate(timeout=30)
        into.merge(Poured.read(said))
    finally:
        process.kill()
        process.wait()


def _reached(stand: Stand) -> list[int]:
    """The processes that hold visitors' sockets."""
    return stand.pids("edge") or stand.pids("web")


def _spent(stand: Stand) -> float:
    """CPU seconds of what the attacker reaches."""
    proxies = [pid for nginx in stand.pids("nginx") for pid in process_tree.family(nginx)]
    return processes.cpu_seconds([*_reached(stand), *proxies])


def _others(stand: Stand, seconds: float) -> RunOutcome:
    """Honest pages for so long."""
    plan = stand.plan(2000, Mode.LOADS, seconds=seconds, rate=RATE, warm=WARM_SECONDS)
    # New visitors each time, and none with the attacker's address.
    return fleet.run(replace(plan, returns=False, ledger="", process=secrets.randbelow(8)))


def _cost(name: str, quiet: RunOutcome, noisy: RunOutcome, poured: Poured, quick: bool) -> Iterator[Figure]:
    calm, hurt = quiet.acks.at(0.99), noisy.acks.at(0.99)
    share = poured.cpu / max(poured.seconds, 1) * 100
    note = (
        f"{calm * 1000:.1f} → {hurt * 1000:.1f} ms over {len(quiet.acks)}, {len(noisy.acks)} loads; "
        f"{poured.tried / max(poured.seconds, 1):,.0f} connections/s; attacker: {share:.0f} % of a core"
    )
    # A quick run has too few loads for a p99.
    goal = None if quick else MORE_PERCENT
    yield Figure(RUN, f"{name}: others' ack p99, more", (hurt / calm - 1) * 100, "%", goal, True, note)
    unheard = sum(noisy.errors.values())
    yield Figure(RUN, f"{name}: others refused or dropped", unheard, "", 0, True, str(noisy.errors))


def _bounds(kind: FloodKind, name: str, poured: Poured, grown: float) -> Iterator[Figure]:
    ends = ", ".join(f"{count:,} × {how}" for how, count in poured.ends.most_common())
    if kind.most_held is not None:
        held = poured.held
        yield Figure(RUN, f"{name}: held at once", held, "", kind.most_held, True, ends)
    if kind.cut_seconds is not None:
        worst = poured.cut.at(1.0)
        yield Figure(RUN, f"{name}: cut after, worst", worst, "s", kind.cut_seconds, True, ends)
        yield Figure(RUN, f"{name}: cut", len(poured.cut), "", 1)
        # nginx, too, refuses an address that comes too often: then nothing of it reached an edge.
        others = poured.ends.total() - sum(poured.ends[how] for how in {*kind.ends, "refused"})
        yield Figure(RUN, f"{name}: ended in another way", others, "", 0, True)
    if kind.growth is not None:
        yield Figure(RUN, f"{name}: edges' memory, more", grown, "MB", kind.growth, True)
