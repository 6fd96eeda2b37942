"""Full disks: where the spool is while Postgres is away, and where Postgres itself is."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from bench.faults.disk import Disk
from bench.faults.looks import Looks, page_views
from bench.faults.postgres_kill import without_postgres
from bench.faults.stand import Stand, standing
from bench.faults.vitals import metrics, readiness, seconds_until
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.ledger import EntryKind, Reader
from bench.targets import Ground
from bench.watch import Board

RUN = "disk-full"
# The writer tries a full disk again each second.
RECOVERED_SECONDS, DRAINED_SECONDS = 5.0, 30.0
# A page that was not answered says itself again after 10 s.
AGAIN_SECONDS = 15.0


def disk_full(on: Ground, quick: bool) -> Iterator[Figure]:
    """The spool's disk fills up while Postgres is away, then Postgres' own: nothing acknowledged is lost."""
    yield from _spool(on, quick)
    yield from _postgres(on, quick)


def _spool(on: Ground, quick: bool) -> Iterator[Figure]:
    pages, full = size(quick)
    name, disk = "spool's disk: ", Disk("spool", 64 << 20)
    with standing(on, 0, disk.under) as stand, VisitorFleet(stand.plan(pages, tabs=2)) as fleet:
        fleet.wait_full()
        fleet.tell(f"turnover {pages / 10}")
        with Looks(stand, fleet) as looks, closing(stand.board()) as board:
            # A board asks Postgres before its first snapshot.
            board.live(), looks.watch(1.0)
            disk.fill(stand, leave=16 << 10)
            with without_postgres(stand):
                filled = seconds_until(lambda: bool(metrics(stand)["footfall_stuck"]), 30)
                stuck_at = time.time()
                looks.watch(full)
                yield from _alarms(name, stand, board)
                freed_at = time.time()
                disk.free()
                recovered = seconds_until(lambda: not metrics(stand)["footfall_stuck"], 30)
                looks.watch(1.0)
            drained = seconds_until(lambda: not metrics(stand)["footfall_spool_bytes"], 60)
            fleet.tell("turnover 0")
            answered = seconds_until(lambda: not unanswered(fleet), AGAIN_SECONDS)
            looks.watch(1.0)
        fleet.tell("stop")
        fleet.finish()
        acks = acks_between(fleet, stuck_at, freed_at)
        note = f"full for {freed_at - stuck_at:.0f} s, {filled:.1f} s after Postgres went; {pages:,} pages"
        yield Figure(RUN, f"{name}acks while nothing could be kept", acks, "", 0, True, note)
        yield Figure(RUN, f"{name}keeps again by itself", recovered, "s", RECOVERED_SECONDS, True)
        yield Figure(RUN, f"{name}stored after Postgres' return", drained, "s", DRAINED_SECONDS, True)
        yield Figure(RUN, f"{name}open pages answered", answered, "s", AGAIN_SECONDS, True)
        yield from judged(RUN, name, stand, fleet, looks, quick)


def _postgres(on: Ground, quick: bool) -> Iterator[Figure]:
    pages, full = size(quick)
    name, disk = "Postgres' disk: ", Disk("postgres", 256 << 20)
    with standing(on, 0, disk.under) as stand, VisitorFleet(stand.plan(pages, tabs=2)) as fleet:
        fleet.wait_full()
        fleet.tell(f"turnover {pages / 10}")
        with Looks(stand, fleet) as looks, closing(stand.board()) as board:
            board.live(), looks.watch(1.0)
            disk.fill(stand)
            noticed = seconds_until(lambda: readiness(stand) != "ok", 60)
            # Others than the writer may notice first, while its own rows still find room in Postgres' log.
            seconds_until(lambda: metrics(stand)["footfall_spool_bytes"] > 0, 60)
            looks.watch(full)
            yield from _alarms(name, stand, board)
            waiting = metrics(stand)["footfall_spool_bytes"]
            disk.free()
            well = seconds_until(lambda: _well(stand), 60)
            looks.watch(1.0)
        fleet.tell("stop")
        fleet.finish()
        note = f"noticed {noticed:.1f} s after it was full; {pages:,} pages"
        yield Figure(RUN, f"{name}bytes in the spool meanwhile", waiting, "", 1, note=note)
        yield Figure(RUN, f"{name}all stored, by itself", well, "s", DRAINED_SECONDS, True)
        yield from judged(RUN, name, stand, fleet, looks, quick)


def _well(stand: Stand) -> bool:
    return readiness(stand) == "ok" and not metrics(stand)["footfall_spool_bytes"]


def _alarms(name: str, stand: Stand, board: Board) -> Iterator[Figure]:
    """What a person can see of it meanwhile."""
    shown = board.live()["system"]["trouble"]
    yield Figure(
        RUN, f"{name}alarm by /readyz", float(readiness(stand) != "ok"), "", 1, note=readiness(stand)
    )
    yield Figure(RUN, f"{name}alarm on the board", float(bool(shown)), "", 1, note=shown)
    logged = [line for line in stand.product.lines if "buffer: " in line]
    yield Figure(RUN, f"{name}alarm in the log", len(logged), "lines", 1, note=logged[-1] if logged else "")


def judged(
    run: str, name: str, stand: Stand, fleet: VisitorFleet, looks: Looks, quick: bool
) -> Iterator[Figure]:
    """What must hold whatever the disk did: nothing dropped, every count right, every page view once."""
    yield Figure(run, f"{name}dropped", dropped(stand), "", 0, True)
    yield Figure(run, f"{name}worst drift, board", looks.by_board.drift, "", 0, True)
    for figure in page_views(run, stand, fleet, quick):
        yield replace(figure, name=name + figure.name)


def dropped(stand: Stand) -> float:
    """Everything that the process says it dropped."""
    found = metrics(stand)
    return sum(value for name, value in found.items() if not name.startswith("footfall_"))


def size(quick: bool) -> tuple[int, float]:
    """How many pages are open, and for how many seconds the disk takes nothing."""
    return (100, 2.0) if quick else (1_000, 60.0)


def acks_between(fleet: VisitorFleet, since: float, until: float) -> int:
    """How many pages were acknowledged between two moments."""
    entries = Reader(fleet.ledgers).rest()
    return sum(entry.kind is EntryKind.ACKED and since <= entry.at < until for entry in entries)


def unanswered(fleet: VisitorFleet) -> int:
    """Pages that are open and were not acknowledged, as the ledgers are now."""
    waiting = set()
    for entry in Reader(fleet.ledgers).rest():
        if entry.kind is EntryKind.SAID:
            waiting.add(entry.page)
        else:
            waiting.discard(entry.page)
    return len(waiting)
