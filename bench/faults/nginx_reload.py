"""nginx reads its configuration anew, as it must for each new certificate, with all pages open behind it."""

import os
import signal
import time
from collections.abc import Iterator

from bench.faults.looks import page_views
from bench.faults.returns import returns
from bench.faults.stand import Stand, standing
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.ledger import Reader
from bench.targets import Ground
from scripts.stands import process_tree

RUN = "reload"
# A little longer than the old workers have to see their pages off (`worker_shutdown_timeout 5s`).
EVERY_SECONDS = 8.0
SAMPLE_SECONDS = 0.2
GENERATIONS = 2
LATE_SECONDS = 5.0
LOOK_SECONDS = 1.0


def nginx_reload(on: Ground, quick: bool) -> Iterator[Figure]:
    """nginx reloaded again and again under load: old workers go, and no page view is lost."""
    with standing(on, edges=2) as stand:
        yield from reload_at(stand, quick)


def reload_at(stand: Stand, quick: bool) -> Iterator[Figure]:
    """The run at any stand."""
    pages, times, jitter = (300, 1, 2.0) if quick else (10_000, 20, 30.0)
    with VisitorFleet(stand.plan(pages, patience=jitter)) as fleet:
        fleet.wait_full()
        fleet.tell(f"turnover {pages / 100}")
        began = time.time()
        most, left = _generations(stand, times)
        fleet.tell("turnover 0")
        last = time.time()
        # Whose first try fails waits once more.
        while (found := returns(Reader(fleet.ledgers).rest(), began)).away:
            if time.time() - last > 2 * jitter + LATE_SECONDS:
                break
            time.sleep(LOOK_SECONDS)
        fleet.tell("stop")
        fleet.finish()
    note = f"{times} reloads, {found.dropped:,} connections dropped"
    yield Figure(RUN, "generations of workers at once", most, "", GENERATIONS, True, note)
    yield Figure(RUN, "old workers after the last", left, "", 0, True)
    late = f"{time.time() - last:.0f} s after the last reload"
    yield Figure(RUN, "pages not back", found.away, "", 0, True, late)
    yield from page_views(RUN, stand, fleet, quick)


def _generations(stand: Stand, times: int) -> tuple[int, int]:
    """Reload so often; the most generations of workers at once, and the old workers left at the end."""
    (master,) = stand.pids("nginx")
    born = dict.fromkeys(process_tree.family(master)[1:], 0)
    most = 1
    for number in range(1, times + 1):
        os.kill(master, signal.SIGHUP)
        until = time.monotonic() + EVERY_SECONDS
        while time.monotonic() < until:
            workers = process_tree.family(master)[1:]
            born |= dict.fromkeys(set(workers) - born.keys(), number)
            most = max(most, len({born[pid] for pid in workers}))
            time.sleep(SAMPLE_SECONDS)
    return most, sum(born[pid] < times for pid in process_tree.family(master)[1:])
