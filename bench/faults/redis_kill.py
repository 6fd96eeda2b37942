"""Redis killed with -9; it comes back empty, and everything in it is said again."""

from collections.abc import Iterator
from itertools import cycle
from statistics import median

from bench.faults.looks import Looks, page_views
from bench.faults.stand import standing
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.targets import Ground

RUN = "redis-kill"
BOARD_SECONDS, HEALED_SECONDS = 3.0, 5.0


def redis_kill(on: Ground, quick: bool) -> Iterator[Figure]:
    """Redis is killed and comes back empty: boards catch up by themselves, pages notice nothing."""
    pages, kills, apart = (300, 1, 6.0) if quick else (3_000, 10, 8.0)
    with standing(on) as stand, VisitorFleet(stand.plan(pages, tabs=2)) as fleet:
        fleet.wait_full()
        fleet.tell(f"turnover {pages / 50}")
        with Looks(stand, fleet) as looks:
            calm = max(check.drift for check in looks.watch(2.0).checks)
            looks.silence = 0.0
            by_api, by_board = [], []
            # At the same moment the count changes, so that only who hears of it can be right.
            for _, change in zip(range(kills), cycle(("leave", "open")), strict=False):
                at = stand.kill("valkey")
                fleet.tell(f"{change} {pages // 10}")
                looks.watch(apart)
                by_api.append(looks.by_api.healed(at))
                by_board.append(looks.by_board.healed(at))
        fleet.tell("stop")
        outcome = fleet.finish()
        yield Figure(RUN, "worst drift before the first kill", calm, "", 0, at_most=True)
        for label, found, goal in (("API", by_api, HEALED_SECONDS), ("board", by_board, BOARD_SECONDS)):
            note = f"{kills} kills, {pages:,} pages; median {median(found):.2f} s"
            yield Figure(RUN, f"counts right again, worst, {label}", max(found), "s", goal, True, note)
        yield Figure(
            RUN, "longest time without a new snapshot", looks.silence, "s", BOARD_SECONDS, at_most=True
        )
        unanswered = len(looks.by_api.unanswered)
        yield Figure(
            RUN, "looks by API that got no answer", unanswered, "", note=f"{len(looks.by_api.sights)} got one"
        )
        note = f"{outcome.done:,} pages turned over"
        dropped = sum(outcome.errors.values())
        yield Figure(RUN, "connections that noticed", dropped, "", 0, at_most=True, note=note)
        yield from page_views(RUN, stand, fleet, quick)
