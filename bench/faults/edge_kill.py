"""An edge killed with -9, again and again, while pages come and go."""

from collections.abc import Iterator
from itertools import cycle
from statistics import median

from bench.faults.looks import Looks, page_views
from bench.faults.stand import kill, standing
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.targets import Ground

RUN = "edge-kill"
HEALED_SECONDS = 5.0
# Longer than a dropped page stays away: afterwards every page must be back, and be counted.
RETURN_SECONDS = 32.0


def edge_kill(on: Ground, quick: bool) -> Iterator[Figure]:
    """An edge is killed 20 times mid-load: counts right again, every acknowledged page view once."""
    pages, kills, apart = (300, 3, 6.0) if quick else (3_000, 20, 8.0)
    with standing(on) as stand, VisitorFleet(stand.plan(pages, tabs=2)) as fleet:
        fleet.wait_full()
        fleet.tell(f"turnover {pages / 50}")
        with Looks(stand, fleet) as looks:
            calm = max(check.drift for check in looks.watch(2.0).checks)
            by_api, by_board = [], []
            for _, number in zip(range(kills), cycle((0, 1)), strict=False):
                at = kill(stand.pids("edge")[number])
                looks.watch(apart)
                by_api.append(looks.by_api.healed(at))
                by_board.append(looks.by_board.healed(at))
            if not quick:
                fleet.tell("turnover 0")
                looks.watch(RETURN_SECONDS)
            last = looks.by_api.sights[-1]
        fleet.tell("stop")
        outcome = fleet.finish()
        yield Figure(RUN, "worst drift before the first kill", calm, "", 0, at_most=True)
        for label, found in (("API", by_api), ("board", by_board)):
            note = f"{kills} kills, {pages:,} pages; median {median(found):.2f} s"
            yield Figure(
                RUN, f"counts right again, worst, {label}", max(found), "s", HEALED_SECONDS, True, note
            )
        if not quick:
            yield Figure(RUN, "pages not back at the end", pages - last.tabs, "", 0, at_most=True)
        note = f"{outcome.done:,} pages turned over; {outcome.errors}"
        yield Figure(RUN, "worst drift at the end", last.drift, "", 0, at_most=True, note=note)
        yield from page_views(RUN, stand, fleet, quick)
