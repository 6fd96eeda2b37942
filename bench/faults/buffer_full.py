"""More than buffer and spool may hold: memory stays bounded, and what is not kept is told as not kept."""

import time
from collections.abc import Iterator
from uuid import UUID

import psycopg

from bench import processes
from bench.faults.disk_full import acks_between, dropped, unanswered
from bench.faults.looks import page_views
from bench.faults.postgres_kill import without_postgres
from bench.faults.stand import Stand, standing
from bench.faults.vitals import metrics, seconds_until
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.ledger import EntryKind, Reader
from bench.targets import Ground

RUN = "buffer-full"
# Room for some 120 entries on disk and 200 in memory.
SPOOL_BYTES, BUFFER = 60_000, 200
PAGES, TURNOVER = 100, 100
# Shorter than the 10 s after which a page says itself again: then each page was said once, taken or dropped.
ONCE_SECONDS = 5.0
FULL_SECONDS = 120.0
GROWTH_MB = 16.0
AGAIN_SECONDS = 15.0


def buffer_full(on: Ground, quick: bool) -> Iterator[Figure]:
    """Buffer and spool are full: acknowledging stops, memory is bounded, each drop is counted."""
    with standing(on, 0, FOOTFALL_SPOOL_BYTES=str(SPOOL_BYTES), FOOTFALL_BUFFER=str(BUFFER)) as stand:
        yield from _counted(stand)
        if not quick:
            yield from _bounded(stand)


def _counted(stand: Stand) -> Iterator[Figure]:
    """What `dropped` says, against the pages that the ledger has and Postgres never gets."""
    with VisitorFleet(stand.plan(PAGES)) as fleet:
        fleet.wait_full()
        with without_postgres(stand):
            fleet.tell(f"turnover {TURNOVER}")
            time.sleep(ONCE_SECONDS)
            fleet.tell("stop")
            fleet.finish()
        seconds_until(lambda: not (metrics(stand)["footfall_spool_bytes"] + _depth(stand)), 60)
    said = {entry.page for entry in Reader(fleet.ledgers).rest() if entry.kind is EntryKind.SAID}
    told, never = dropped(stand), len(said - _stored(stand, fleet))
    yield Figure(RUN, "page views that found no room", never, "", 1, note=f"of {len(said):,} said")
    yield Figure(RUN, "`dropped` beside the ledger", abs(told - never), "", 0, True, f"it says {told:,.0f}")
    yield from page_views(RUN, stand, fleet, quick=True)


def _bounded(stand: Stand) -> Iterator[Figure]:
    """Pages keep coming for long, and say themselves again: what that costs, and whether they are stored."""
    pids = stand.pids("web")
    with VisitorFleet(stand.plan(PAGES)) as fleet:
        fleet.wait_full()
        with without_postgres(stand):
            fleet.tell(f"turnover {TURNOVER}")
            seconds_until(lambda: bool(metrics(stand)["footfall_stuck"]), 30)
            since, before, deepest = time.time(), processes.rss(pids), 0.0
            while time.time() < since + FULL_SECONDS:
                time.sleep(0.5)
                deepest = max(deepest, _depth(stand))
            growth, until = processes.rss(pids) - before, time.time()
        fleet.tell("turnover 0")
        answered = seconds_until(lambda: not unanswered(fleet), AGAIN_SECONDS)
        fleet.tell("stop")
        fleet.finish()
    note = f"{FULL_SECONDS:.0f} s at {TURNOVER} pages a second"
    acks = acks_between(fleet, since, until)
    yield Figure(RUN, "acks while it is full", acks, "", 0, True, note)
    yield Figure(RUN, "memory more while it is full", growth / 2**20, "MB", GROWTH_MB, True)
    limit = BUFFER + 2 * PAGES
    yield Figure(
        RUN, "entries that wait", deepest, "", limit, True, "new ones to 200, ends of stored ones beyond"
    )
    yield Figure(RUN, "open pages answered when there is room", answered, "s", AGAIN_SECONDS, True)
    yield from page_views(RUN, stand, fleet)


def _depth(stand: Stand) -> float:
    return metrics(stand)["footfall_buffer_depth"]


def _stored(stand: Stand, fleet: VisitorFleet) -> set[UUID]:
    run = fleet.plans[0].run
    with psycopg.connect(stand.database_url) as connection:
        found = connection.execute(
            "SELECT id FROM tracker_pageview WHERE id BETWEEN %s AND %s",
            (UUID(int=run << 96), UUID(int=(run + 1 << 96) - 1)),
        )
        return {page for (page,) in found}
