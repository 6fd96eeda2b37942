"""Everything killed with -9 at once, and started again from what is on disk."""

import time
from collections.abc import Iterator

from bench.faults.looks import Looks, page_views
from bench.faults.postgres_kill import spool_files, without_postgres
from bench.faults.stand import Stand, standing
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.targets import Ground

RUN = "all-kill"
HEALED_SECONDS = 5.0
# Longer than a dropped page stays away.
RETURN_SECONDS = 32.0


def all_kill(on: Ground, quick: bool) -> Iterator[Figure]:
    """All processes are killed at once, also while Postgres is away: a cold boot has the same ledger."""
    with standing(on) as stand:
        yield from all_kill_at(stand, quick)


def all_kill_at(stand: Stand, quick: bool) -> Iterator[Figure]:
    """A stand that is killed twice, or once when it must be quick."""
    pages, after = (200, 4.0) if quick else (2_000, RETURN_SECONDS)
    with VisitorFleet(stand.plan(pages, tabs=2)) as fleet:
        fleet.wait_full()
        # The second time, acknowledged page views are on the disk of the edges only.
        for name, away in (("calm: ", 0.0), ("spooling: ", 4.0))[quick:]:
            fleet.tell(f"turnover {pages / 30}")
            time.sleep(2.0)
            spooled = _kill(stand, away)
            fleet.tell("turnover 0")
            began = time.monotonic()
            stand.boot()
            yield Figure(RUN, f"{name}cold boot until ready", time.monotonic() - began, "s")
            ready = time.time()
            with Looks(stand, fleet) as looks:
                looks.watch(after)
                for label, check in (("API", looks.by_api), ("board", looks.by_board)):
                    right = check.healed(ready)
                    yield Figure(
                        RUN, f"{name}counts right, {label}", right, "s", HEALED_SECONDS, at_most=True
                    )
                back = looks.by_api.sights[-1].tabs
            if away:
                left = sum(file.stat().st_size for file in spool_files(stand))
                yield Figure(RUN, f"{name}bytes in the spools", spooled, "", 1)
                yield Figure(RUN, f"{name}bytes left in the spools", left, "", 0, at_most=True)
            if not quick:
                yield Figure(RUN, f"{name}pages not back", pages - back, "", 0, at_most=True)
        fleet.tell("stop")
        outcome = fleet.finish()
        note = str(outcome.errors)
        yield Figure(RUN, "pages turned over", outcome.done, "", 1, note=note)
        yield from page_views(RUN, stand, fleet, quick)


def _kill(stand: Stand, away: float) -> int:
    """Kill everything, after Postgres has been away for so many seconds; bytes in the spools then."""
    if not away:
        stand.kill("up")
        return 0
    with without_postgres(stand):
        time.sleep(away)
        stand.kill("up")
        return sum(file.stat().st_size for file in spool_files(stand))
