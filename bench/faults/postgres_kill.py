"""Postgres killed and held down, or hanging, while pages come and go: counted, acknowledged and kept."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from uuid import UUID

from bench.faults.looks import Looks, page_views
from bench.faults.stand import Stand, standing
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.ledger import EntryKind, Reader
from bench.targets import Ground
from scripts.stands import process_tree
from scripts.stands.delays import Delays

DRAINED_SECONDS = 30.0
# Without an ack for so long a page says itself again.
ACK_SECONDS = 10.0


@contextmanager
def without_postgres(stand: Stand) -> Iterator[float]:
    """Postgres is killed, and cannot come back before the block ends; when that was (epoch seconds)."""
    aside = stand.cluster.with_name("cluster.aside")
    stand.cluster.rename(aside)
    try:
        yield stand.kill("postgres")
    finally:
        aside.rename(stand.cluster)


@contextmanager
def hanging_postgres(stand: Stand) -> Iterator[float]:
    """Postgres does nothing until the block ends; when it stopped (epoch seconds)."""
    stopped = [pid for root in stand.pids("postgres") for pid in process_tree.family(root)]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield time.time()
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


def postgres_kill(on: Ground, quick: bool) -> Iterator[Figure]:
    """Postgres is killed and away for 60 s: counted exactly, acknowledged from the spool, stored once."""
    yield from _outage("postgres-kill", on, quick, without_postgres)


def postgres_hang(on: Ground, quick: bool) -> Iterator[Figure]:
    """Postgres hangs for 60 s and refuses nothing: the same."""
    yield from _outage("postgres-hang", on, quick, hanging_postgres)


def _outage(
    run: str, on: Ground, quick: bool, trouble: Callable[[Stand], AbstractContextManager[float]]
) -> Iterator[Figure]:
    pages, away = (300, 8.0) if quick else (3_000, 60.0)
    with standing(on) as stand, VisitorFleet(stand.plan(pages, tabs=2)) as fleet:
        fleet.wait_full()
        fleet.tell(f"turnover {pages / 30}")
        with Looks(stand, fleet) as looks:
            looks.watch(2.0)
            with trouble(stand) as since:
                for change in ("leave", "open"):
                    fleet.tell(f"{change} {pages // 10}")
                    # Whoever asks a server that hangs must wait, and could look at nothing else.
                    looks.watch(away / 2, api=trouble is without_postgres)
                spooled = sum(file.stat().st_size for file in spool_files(stand))
                back = time.time()
            drained = _drained(stand, looks) - back
            looks.watch(2.0)
        fleet.tell("stop")
        outcome = fleet.finish()
        note = f"away for {back - since:.0f} s, {pages:,} pages, {outcome.done:,} turned over"
        yield Figure(run, "worst drift, board", looks.by_board.drift, "", 0, at_most=True, note=note)
        asked = f"{len(looks.by_api.sights)} answers, {len(looks.by_api.unanswered)} without one"
        yield Figure(run, "worst drift, API", looks.by_api.drift, "", 0, at_most=True, note=asked)
        yield from _acks(run, fleet, since, back)
        yield Figure(run, "bytes in the spool when it came back", spooled, "", 1)
        yield Figure(run, "spool stored after its return", drained, "s", DRAINED_SECONDS, at_most=True)
        dropped = sum(outcome.errors.values())
        yield Figure(
            run, "connections that noticed", dropped, "", 0, at_most=True, note=str(outcome.errors or "")
        )
        yield from page_views(run, stand, fleet, quick)


def spool_files(stand: Stand) -> list[Path]:
    """What waits on disk."""
    return list((stand.data / "spool").glob("*.spool"))


def _drained(stand: Stand, looks: Looks) -> float:
    """When nothing was left in the spool (epoch seconds); looks on meanwhile."""
    until = time.monotonic() + 2 * DRAINED_SECONDS
    while spool_files(stand) and time.monotonic() < until:
        looks.watch(0.1)
    return time.time()


def _acks(run: str, fleet: VisitorFleet, since: float, until: float) -> Iterator[Figure]:
    """How pages that came while Postgres was away were answered."""
    said: dict[UUID, float] = {}
    delays = Delays()
    for entry in Reader(fleet.ledgers).rest():
        if entry.kind is EntryKind.SAID and since <= entry.at < until:
            said.setdefault(entry.page, entry.at)
        elif entry.kind is EntryKind.ACKED and entry.page in said:
            delays.add(entry.at - said.pop(entry.page))
        elif entry.kind is EntryKind.CLOSED:
            said.pop(entry.page, None)
    note = (
        f"{len(delays):,} pages; median {delays.at(0.5) * 1000:,.0f} ms, p99 {delays.at(0.99) * 1000:,.0f} ms"
    )
    yield Figure(run, "longest wait for an ack meanwhile", delays.at(1), "s", ACK_SECONDS, True, note)
    yield Figure(run, "pages never answered", len(said), "", 0, at_most=True)
