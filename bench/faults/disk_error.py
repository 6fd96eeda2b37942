"""A disk that answers with errors: fsync or write of the spool fails with EIO while Postgres is away."""

import errno
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.faults.disk_full import (
    DRAINED_SECONDS,
    RECOVERED_SECONDS,
    acks_between,
    judged,
    size,
)
from bench.faults.looks import Looks
from bench.faults.postgres_kill import spool_files, without_postgres
from bench.faults.stand import Stand, standing
from bench.faults.vitals import metrics, seconds_until
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.targets import Ground

RUN = "disk-error"
# libfiu's names for the two calls; nothing but the spool makes them while a product serves.
FAULTS = {"fsync": "posix/io/sync/fsync", "write": "posix/io/rw/pwrite"}
FIFO = "fiu"
CONTROL = "fiu-ctrl"


def disk_error(on: Ground, quick: bool) -> Iterator[Figure]:
    """The spool's fsync, then its write, fails with EIO: no ack, no trust in that file, nothing lost."""
    pages, failing = size(quick)
    with standing(on, 0, _under) as stand, VisitorFleet(stand.plan(pages, tabs=2)) as fleet:
        fleet.wait_full()
        fleet.tell(f"turnover {pages / 10}")
        with Looks(stand, fleet) as looks:
            # A board asks Postgres before its first snapshot.
            looks.watch(2.0)
            for call, name in FAULTS.items():
                yield from _broken(stand, fleet, looks, call, name, failing)
        fleet.tell("stop")
        fleet.finish()
        yield from judged(RUN, "", stand, fleet, looks, quick)


def _broken(
    stand: Stand, fleet: VisitorFleet, looks: Looks, call: str, name: str, failing: float
) -> Iterator[Figure]:
    with without_postgres(stand):
        seconds_until(lambda: bool(spool_files(stand)), 10)
        before = set(spool_files(stand))
        _tell(stand, f"enable name={name},failinfo={errno.EIO}")
        stuck = seconds_until(lambda: bool(metrics(stand)["footfall_stuck"]), 30)
        stuck_at = time.time()
        looks.watch(failing)
        repaired_at = time.time()
        _tell(stand, f"disable name={name}")
        recovered = seconds_until(lambda: not metrics(stand)["footfall_stuck"], 30)
        new = len(set(spool_files(stand)) - before)
        looks.watch(1.0)
    drained = seconds_until(lambda: not metrics(stand)["footfall_spool_bytes"], 60)
    logged = sum("the spool takes nothing (EIO)" in line for line in stand.product.lines)
    looks.watch(0.5)
    note = f"for {failing:.0f} s, noticed after {stuck:.1f} s"
    acks = acks_between(fleet, stuck_at, repaired_at)
    yield Figure(RUN, f"{call}: acks while it failed", acks, "", 0, True, note)
    yield Figure(RUN, f"{call}: alarm in the log", logged, "lines", 1)
    if call == "fsync":
        yield Figure(RUN, f"{call}: new files instead of the failed one", new, "", 1)
    yield Figure(RUN, f"{call}: keeps again by itself", recovered, "s", RECOVERED_SECONDS, True)
    yield Figure(RUN, f"{call}: stored after Postgres' return", drained, "s", DRAINED_SECONDS, True)


def _under(data: Path) -> Sequence[str]:
    return "fiu-run", "-x", "-f", str(data / FIFO)


def _tell(stand: Stand, command: str) -> None:
    (pid,) = stand.pids("web")
    subprocess.run([CONTROL, "-f", str(stand.data / FIFO), "-c", command, str(pid)], check=True)
