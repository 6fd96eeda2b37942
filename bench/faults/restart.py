"""Planned restarts: an edge that sends its pages to another one, and a whole product that stops."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench import verify
from bench.faults.returns import returns
from bench.faults.stand import Stand, standing
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.ledger import Reader
from bench.plan import Mode
from bench.sessions import plan
from bench.targets import TARGETS, Ground, ServerProcess, running
from tracker.contract.close_codes import RESTARTING

EXIT_SECONDS = 30.0
LOOK_SECONDS = 0.25
# A page comes back after a random 0 to 0.5 s; then its handshake.
BACK_SECONDS = 0.6
# While pages are sent off over the default time; over a shorter one, as in a quick run, so much more.
DIP_PERCENT, DRAIN_SECONDS = 3.0, 18
QUICK_DRAIN_SECONDS = 3
PAGES = 10_000
# Pages that come and go when everything is stopped: some are then between what they say and their ack.
IN_FLIGHT = 200.0


def restart(on: Ground, quick: bool) -> Iterator[Figure]:
    """SIGTERM: to both edges of two in turn, to the whole product, and to the one-process mode."""
    drain = QUICK_DRAIN_SECONDS if quick else DRAIN_SECONDS
    with standing(on, edges=2, FOOTFALL_DRAIN_SECONDS=str(drain)) as stand:
        yield from restart_at(stand, quick)
    if not quick:
        with running(TARGETS["footfall"], on) as server:
            yield from _one_process(on, server, PAGES)


def restart_at(stand: Stand, quick: bool) -> Iterator[Figure]:
    """The run at a stand that drains over QUICK_DRAIN_SECONDS, or the default."""
    pages, drain = (300, QUICK_DRAIN_SECONDS) if quick else (PAGES, DRAIN_SECONDS)
    dip = DIP_PERCENT * DRAIN_SECONDS / drain
    with VisitorFleet(stand.plan(pages)) as fleet:
        fleet.wait_full()
        # The pages of the first go to the other, which then holds them all when its turn comes.
        yield from _edge(stand, fleet, f"edge with half of {pages:,}", 1, dip)
        yield from _edge(stand, fleet, f"edge with all {pages:,}", 0, dip)
        if quick:
            return  # the tests stop many products
        fleet.tell(f"turnover {IN_FLIGHT}")
        time.sleep(1.0)
        yield from _stopped(f"product with {pages:,}", stand.product.process)
        fleet.tell("stop")
        fleet.finish()
    stand.boot()
    yield from _kept(f"product with {pages:,}", stand.stored(fleet))


def _edge(stand: Stand, fleet: VisitorFleet, label: str, number: int, goal: float) -> Iterator[Figure]:
    """End one edge, which `up` starts again, and watch the count until its pages are elsewhere."""
    edge = stand.pids("edge")[number]
    api = stand.api()
    check = verify.LiveCheck(fleet.ledgers, api.live)
    check.watch(1.0, LOOK_SECONDS)
    began = time.time()
    os.kill(edge, signal.SIGTERM)
    while _lives(edge) and time.time() - began < 2 * EXIT_SECONDS:
        check.watch(LOOK_SECONDS, LOOK_SECONDS)
    took = time.time() - began
    # Until it is there again, so that the next one may go; and all pages are.
    place = Path((stand.data / "run_folder").read_text().strip()) / f"edge-{number + 1}.ws"
    while not _listens(place) or check.sights[-1].tabs < max(sight.tabs for sight in check.sights):
        check.watch(LOOK_SECONDS, LOOK_SECONDS)
        if time.time() - began > 2 * EXIT_SECONDS:
            break
    check.watch(1.0, LOOK_SECONDS)
    check.settled()
    api.close()
    # Pages that have just opened may not be counted yet: only what goes down from here on is a dip.
    counts = [sight.tabs for sight in check.sights if sight.at >= began]
    dip = (1 - min(counts) / max(counts)) * 100
    found = returns(Reader(fleet.ledgers).rest(), began)
    looks = f"{len(counts)} looks, {len(check.unanswered)} unanswered"
    note = f"{found.dropped:,} dropped; median {found.at(0.5):.2f} s, last {found.at(1):.2f} s"
    without = found.dropped - found.codes[RESTARTING]
    yield Figure("restart", f"{label}: exit", took, "s", EXIT_SECONDS, True)
    yield Figure("restart", f"{label}: dip of the count", dip, "%", goal, True, looks)
    yield Figure("restart", f"{label}: worst drift", check.drift, "", 0, True)
    yield Figure("restart", f"{label}: back, p99", found.at(0.99), "s", BACK_SECONDS, True, note)
    yield Figure("restart", f"{label}: not back", found.away, "", 0, True)
    yield Figure("restart", f"{label}: dropped without 4502", without, "", 0, True, str(dict(found.codes)))


def _one_process(on: Ground, server: ServerProcess, pages: int) -> Iterator[Figure]:
    """The process that holds sockets and serves staff; its pages have nowhere else to go."""
    assert server.product
    ledger = str(on.folder / "ledger-one-process")
    made = plan(server, Mode.HOLD, 900.0, pages=pages, returns=True, ledger=ledger)
    with VisitorFleet(made) as fleet:
        fleet.wait_full()
        fleet.tell(f"turnover {IN_FLIGHT}")
        time.sleep(1.0)
        yield from _stopped(f"one process with {pages:,}", server.product.process)
        fleet.tell("stop")
        fleet.finish()
    kept = verify.stored(server.database_url, made.run, Reader(fleet.ledgers).rest())
    yield from _kept(f"one process with {pages:,}", kept)


def _stopped(label: str, process: subprocess.Popen[str]) -> Iterator[Figure]:
    """End a product as an operator does."""
    began = time.monotonic()
    process.terminate()
    code = process.wait(4 * EXIT_SECONDS)
    yield Figure("restart", f"{label}: exit", time.monotonic() - began, "s", EXIT_SECONDS, True)
    yield Figure("restart", f"{label}: exit code", code, "", 0, True)


def _kept(label: str, kept: verify.Stored) -> Iterator[Figure]:
    note = f"of {kept.acked:,} acknowledged, {kept.said - kept.acked:,} said in vain"
    yield Figure("restart", f"{label}: page views lost", kept.lost, "", 0, True, note)
    wrong = kept.duplicated + kept.wrong + kept.invented
    yield Figure("restart", f"{label}: page views stored wrongly", wrong, "", 0, True)
    yield Figure("restart", f"{label}: page views without an end", kept.open, "", 0, True)


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _listens(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(place)) == 0
