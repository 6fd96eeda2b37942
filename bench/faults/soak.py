"""Two hours of ordinary days: nothing may grow that is not counted anew each day."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression, mean

import psycopg
from redis import Redis

from analytics.up import run_folder, valkey
from analytics.up.data_folder import DataFolder
from bench import processes
from bench.faults.looks import Looks, page_views
from bench.faults.stand import Stand, standing
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.targets import Ground
from scripts.stands import process_tree

RUN = "soak"
MINUTES = float(os.environ.get("FOOTFALL_SOAK_MINUTES", "120"))
QUICK_SECONDS = 20.0
# Caches of names, agents and addresses fill, and Postgres' connections come, in the first part.
WARM_SHARE = 0.2
FLAT_PERCENT, SLOPE_PERCENT = 2.0, 1.0
HOUR = 3600.0


@dataclass(frozen=True)
class Sample:
    """What is open and taken at one moment."""

    at: float  # steady clock
    files: int  # of all processes but Postgres
    memory: dict[str, int]  # bytes by process name
    keys: int  # of Redis
    connections: int  # of Postgres


def soak(on: Ground, quick: bool) -> Iterator[Figure]:
    """Two hours (FOOTFALL_SOAK_MINUTES) of turnover: files, keys, connections flat, memory nearly so."""
    pages, seconds = (200, QUICK_SECONDS) if quick else (2_000, MINUTES * 60)
    samples: list[Sample] = []
    with standing(on, 2) as stand, VisitorFleet(stand.plan(pages, tabs=2)) as fleet:
        fleet.wait_full()
        fleet.tell(f"turnover {pages / 100}")
        with Looks(stand, fleet) as looks, closing(_redis(stand)) as redis:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                looks.watch(min(10.0, seconds / 10))
                samples.append(_sample(stand, redis))
        # First of all: what has taken two hours shall not be lost by what comes afterwards.
        yield from _judged(samples[int(len(samples) * WARM_SHARE) :], quick)
        fleet.tell("stop")
        outcome = fleet.finish()
        note = f"{seconds / 60:.1f} min, {pages:,} pages, {outcome.done:,} turned over"
        for label, check in (("API", looks.by_api), ("board", looks.by_board)):
            yield Figure(RUN, f"worst drift, {label}", check.drift, "", 0, True, note)
        yield Figure(RUN, "connections that noticed", sum(outcome.errors.values()), "", 0, True)
        yield from page_views(RUN, stand, fleet, quick)


def _judged(samples: list[Sample], quick: bool) -> Iterator[Figure]:
    # Twenty seconds say nothing of hours: the short form shows that it runs.
    flat, slope = (None, None) if quick else (FLAT_PERCENT, SLOPE_PERCENT)
    counts = {
        "open files": [sample.files for sample in samples],
        "Redis keys": [sample.keys for sample in samples],
        "Postgres connections": [sample.connections for sample in samples],
    }
    quarter = max(1, len(samples) // 4)
    for name, found in counts.items():
        first, last = mean(found[:quarter]), mean(found[-quarter:])
        note = f"from {first:,.1f} to {last:,.1f}"
        yield Figure(RUN, f"{name}: change", abs(last / first - 1) * 100, "%", flat, True, note)
    for name in samples[0].memory:
        sizes = [sample.memory[name] for sample in samples]
        rise = linear_regression([sample.at for sample in samples], sizes).slope * HOUR
        note = f"from {sizes[0] / 2**20:.1f} to {sizes[-1] / 2**20:.1f} MB"
        yield Figure(RUN, f"memory of {name}: rise an hour", rise / mean(sizes) * 100, "%", slope, True, note)


def _sample(stand: Stand, redis: Redis) -> Sample:
    names = ("up", "edge", "web", "jobs", "valkey", "nginx")
    # `up` is the parent of all others: its own memory alone.
    pids = {name: stand.pids(name) for name in names}
    pids["nginx"] = process_tree.family(pids["nginx"][0])
    files = sum(len(os.listdir(f"/proc/{pid}/fd")) for each in pids.values() for pid in each)
    with psycopg.connect(stand.database_url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE client_port = -1").fetchone()
    assert row
    memory = {name: processes.rss(each) for name, each in pids.items()}
    return Sample(time.monotonic(), files, memory, int(redis.dbsize()), row[0])


def _redis(stand: Stand) -> Redis:
    folder = DataFolder(stand.data).read(run_folder.RECORD)
    assert folder
    return Redis.from_url(valkey.address(Path(folder)))
