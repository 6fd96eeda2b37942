"""The server's clock is set while pages are open: five minutes ahead, ten back, and once by ten weeks."""

import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import psycopg

from bench.faults.looks import Looks
from bench.faults.stand import Stand, standing
from bench.faults.vitals import seconds_until
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.ledger import EntryKind, Reader
from bench.targets import Ground

RUN = "clock"
STEPS = (300, -300, 0)  # seconds that the server's clock is ahead of ours
TEN_WEEKS = 70 * 86_400
# Not libfaketime: with steady clocks left alone it breaks clock_nanosleep, hence Python's time.sleep.
SHIM, COMPILER = Path(__file__).with_name("clock_step.c"), "cc"
# An edge follows the clock once a second.
FOLLOWS_SECONDS = 2.0
DURATION_SECONDS, HEALED_SECONDS = 1.5, 5.0
# A page that finds no salt for its day is sent away for 30 to 60 s; salts are looked after every 30 s.
SALTED_SECONDS = 120.0


class Lived(NamedTuple):
    """One page view, by the server's clock; seconds since the epoch."""

    began: float
    ended: float | None


def clock(on: Ground, quick: bool) -> Iterator[Figure]:
    """The server's clock steps by minutes under open pages: durations, order and live counts stay right."""
    setting, library = on.folder / "clock", on.folder / "clock_step.so"
    _set(setting, 0)
    subprocess.run([COMPILER, "-O2", "-shared", "-fPIC", "-o", str(library), str(SHIM)], check=True)
    pages, apart = (100, 3.5) if quick else (1_000, 60.0)
    with standing(on, 2, LD_PRELOAD=str(library), FOOTFALL_CLOCK=str(setting)) as stand:
        yield from _steps(stand, setting, pages, apart)
        if not quick:
            yield from _leap(stand, setting)


def _steps(stand: Stand, setting: Path, pages: int, apart: float) -> Iterator[Figure]:
    stepped = [(0.0, 0)]
    healed = []
    with VisitorFleet(stand.plan(pages, tabs=2)) as fleet:
        fleet.wait_full()
        fleet.tell(f"turnover {pages / 50}")
        with Looks(stand, fleet) as looks:
            looks.watch(2.0)
            for ahead in STEPS:
                _set(setting, ahead)
                stepped.append((at := time.time(), ahead))
                looks.watch(apart)
                healed.append(max(check.healed(at) for check in looks.checks))
        fleet.tell("stop")
        fleet.finish()
    note = f"{pages:,} pages; steps to {', '.join(f'{ahead:+}' for ahead in STEPS)} s"
    yield Figure(RUN, "live counts right again, worst", max(healed), "s", HEALED_SECONDS, True, note)
    yield from _lives(stand, fleet, stepped)


def _lives(stand: Stand, fleet: VisitorFleet, stepped: list[tuple[float, int]]) -> Iterator[Figure]:
    """Every page view's beginning and length, beside those that the ledger has."""
    said: dict[UUID, float] = {}
    closed: dict[UUID, float] = {}
    for entry in Reader(fleet.ledgers).rest():
        if entry.kind is EntryKind.SAID:
            said.setdefault(entry.page, entry.at)
        elif entry.kind is EntryKind.CLOSED:
            closed[entry.page] = entry.at
    seconds_until(lambda: all(page.ended for page in _lived(stand, fleet).values()), 30)
    lived = _lived(stand, fleet)
    lengths, begins, negative = [0.0], [0.0], 0
    for page, (began, ended) in lived.items():
        length = (ended or began) - began
        negative += length < 0
        lengths.append(abs(length - (closed[page] - said[page])))
        at, ahead = max(step for step in stepped if step[0] <= said[page])
        if said[page] > at + FOLLOWS_SECONDS:
            begins.append(abs(began - ahead - said[page]))
    note = f"{len(lived):,} page views, {len(begins) - 1:,} of them clear of a step"
    yield Figure(RUN, "durations beside the ledger, worst", max(lengths), "s", DURATION_SECONDS, True, note)
    yield Figure(RUN, "beginnings beside the ledger, worst", max(begins), "s", DURATION_SECONDS, True)
    yield Figure(RUN, "page views shorter than nothing", negative, "", 0, True)
    yield Figure(RUN, "page views missing", len(said.keys() - lived.keys()), "", 0, True)
    with psycopg.connect(stand.database_url) as connection:
        row = connection.execute("SELECT count(*) FROM tracker_visit WHERE ended_at < began_at").fetchone()
    assert row
    yield Figure(RUN, "visits shorter than nothing", row[0], "", 0, True)


def _leap(stand: Stand, setting: Path) -> Iterator[Figure]:
    """Ten weeks ahead there is neither a partition nor a salt: the default partition takes what comes."""
    with VisitorFleet(stand.plan(20)) as fleet:
        fleet.wait_full()
        _set(setting, TEN_WEEKS)
        time.sleep(FOLLOWS_SECONDS)
        fleet.tell("turnover 5")
        waited = seconds_until(lambda: _in_default(stand) > 0, SALTED_SECONDS)
        fleet.tell("stop")
        fleet.finish()
    _set(setting, 0)
    yield Figure(RUN, "ten weeks ahead: stored in the default partition", _in_default(stand), "", 1)
    yield Figure(RUN, "ten weeks ahead: until then", waited, "s", SALTED_SECONDS, True)


def _set(setting: Path, ahead: int) -> None:
    # In place: the processes have it mapped.
    with setting.open("r+b" if setting.exists() else "wb") as file:
        file.write(struct.pack("q", ahead))


def _lived(stand: Stand, fleet: VisitorFleet) -> dict[UUID, Lived]:
    run = fleet.plans[0].run
    with psycopg.connect(stand.database_url) as connection:
        rows = connection.execute(
            "SELECT id, extract(epoch FROM began_at)::float8, extract(epoch FROM ended_at)::float8"
            " FROM tracker_pageview WHERE id BETWEEN %s AND %s",
            (UUID(int=run << 96), UUID(int=(run + 1 << 96) - 1)),
        )
        return {page: Lived(began, ended) for page, began, ended in rows}


def _in_default(stand: Stand) -> int:
    with psycopg.connect(stand.database_url) as connection:
        row = connection.execute("SELECT count(*) FROM tracker_pageview_default").fetchone()
    return int(row[0]) if row else 0
