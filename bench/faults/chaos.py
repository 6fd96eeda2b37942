"""Random kills and freezes of random processes under load, for as long as one likes."""

import os
import random
import signal
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from bench.faults.looks import Looks, page_views
from bench.faults.stand import PROGRAMS, Stand, standing
from bench.faults.vitals import readiness, seconds_until
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.ledger import Entry, EntryKind, Reader
from bench.targets import Ground
from scripts.stands import process_tree
from scripts.stands.delays import Delays

RUN = "chaos"
MINUTES, SEED = "FOOTFALL_CHAOS_MINUTES", "FOOTFALL_CHAOS_SEED"
SETTINGS = {
    "--minutes": (MINUTES, "chaos: for how long (default 30)"),
    "--seed": (SEED, "chaos: which faults come, and when (default: another one each time, which is printed)"),
}
HEALED_SECONDS = 5.0
ACK_SECONDS = 0.25
# Longer than a dropped page stays away.
RETURN_SECONDS = 32.0
# Seconds until a frozen process is ended by its watchdog: some thaw before that, some do not.
PATIENCE = 4
LONGEST_FREEZE = 8.0
READY_SECONDS = 60.0
EVERYTHING = "everything"


@dataclass
class Trouble:
    """What was done to a stand so far, and when it was left alone."""

    done: Counter[str] = field(default_factory=Counter)
    calm: list[tuple[float, float]] = field(default_factory=list)  # seconds since the epoch

    def is_calm(self, at: float) -> bool:
        """Whether nothing was broken then."""
        place = bisect_right(self.calm, (at, float("inf")))
        return place > 0 and at <= self.calm[place - 1][1]


def chaos(on: Ground, quick: bool) -> Iterator[Figure]:
    """Random kills and freezes of random processes (--minutes, --seed): nothing lost, doubled or wrong."""
    minutes = 0.0 if quick else float(os.environ.get(MINUTES) or 30)
    seed = int(os.environ.get(SEED) or random.SystemRandom().randrange(10**6))
    pages = 300 if quick else 2_000
    yield Figure(RUN, "seed", seed, "")
    with (
        standing(on, 2, FOOTFALL_WATCHDOG=str(PATIENCE)) as stand,
        VisitorFleet(stand.plan(pages, tabs=2)) as fleet,
    ):
        fleet.wait_full()
        fleet.tell(f"turnover {pages / 50}")
        trouble, healed = Trouble(), list[tuple[float, str]]()
        until = time.monotonic() + minutes * 60
        rng = random.Random(seed)  # noqa: S311 (it is to be repeatable)
        while not healed or time.monotonic() < until:
            broken = _break(stand, rng, 3 if quick else rng.randint(2, 6))
            trouble.done += broken
            words = _words(broken)
            healed += ((each, words) for each in _heal(stand, fleet, trouble, 8.0 if quick else 20.0))
        fleet.tell("turnover 0")
        with Looks(stand, fleet) as looks:
            looks.watch(2.0 if quick else RETURN_SECONDS)
            last = looks.by_api.sights[-1]
        fleet.tell("stop")
        outcome = fleet.finish()
        yield Figure(RUN, "faults", trouble.done.total(), "", 1, note=_words(trouble.done))
        worst, after = max(healed)
        late = sum(each > HEALED_SECONDS for each, _ in healed)
        note = f"{late} of {len(healed)} looks later; the worst after {after}"
        yield Figure(RUN, "counts right again, worst", worst, "s", HEALED_SECONDS, True, note)
        yield Figure(RUN, "worst drift at the end", last.drift, "", 0, True)
        if not quick:
            yield Figure(RUN, "pages not back at the end", pages - last.tabs, "", 0, True)
        yield from _acks(fleet, trouble)
        yield Figure(RUN, "pages turned over", outcome.done, "", 1, note=str(outcome.errors))
        yield from page_views(RUN, stand, fleet, quick)


def _break(stand: Stand, rng: random.Random, times: int) -> Counter[str]:
    """Do this and that to processes, one after the other or at once; none is frozen any more afterwards."""
    done = Counter[str]()
    frozen: list[tuple[float, list[int]]] = []
    for _ in range(times):
        name = rng.choice([*PROGRAMS, "edge", "edge", "backend", EVERYTHING])
        how = rng.choice(("kill", "freeze")) if name != EVERYTHING else "kill"
        done[f"{how} {name}"] += 1
        if name == EVERYTHING:
            _thaw(frozen, 0.0)
            stand.boot()
        elif pids := _chosen(stand, name, rng):
            _send(signal.SIGKILL if how == "kill" else signal.SIGSTOP, pids)
            if how == "freeze":
                frozen.append((time.monotonic() + rng.uniform(0.5, LONGEST_FREEZE), pids))
        time.sleep(rng.uniform(0.0, 4.0))
        _thaw(frozen, time.monotonic())
    while frozen:
        time.sleep(0.1)
        _thaw(frozen, time.monotonic())
    return done


def _chosen(stand: Stand, name: str, rng: random.Random) -> list[int]:
    """One process of this name, or a part of its family; none where it is just coming up."""
    if name == "backend":
        found = [pid for root in stand.pids("postgres") for pid in process_tree.family(root)[1:]]
    else:
        found = stand.pids(name)
    if not found:
        return []
    chosen = rng.choice(found)
    # nginx' master serves nobody: its workers do.
    return process_tree.family(chosen) if name == "nginx" else [chosen]


def _thaw(frozen: list[tuple[float, list[int]]], now: float) -> None:
    """Let those go on whose time has come; at 0 all of them."""
    for due in [each for each in frozen if not now or each[0] <= now]:
        frozen.remove(due)
        _send(signal.SIGCONT, due[1])


def _send(sign: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, sign)


def _heal(stand: Stand, fleet: VisitorFleet, trouble: Trouble, seconds: float) -> Iterator[float]:
    """Wait until every process is back, and see how soon all counts are right."""
    waited = seconds_until(lambda: _is_whole(stand), READY_SECONDS)
    calm = time.time()
    if waited == float("inf"):
        yield waited
        return
    with Looks(stand, fleet) as looks:
        looks.watch(seconds)
        yield from (check.healed(calm) for check in looks.checks)
    # Pages that were dropped come back for half a minute: that is load, and no outage.
    trouble.calm.append((calm + HEALED_SECONDS, time.time()))


def _is_whole(stand: Stand) -> bool:
    try:
        ready = readiness(stand).startswith("ok")
    except OSError:
        return False
    return ready and all(stand.pids(name) for name in PROGRAMS) and len(stand.pids("edge")) == 2


def _acks(fleet: VisitorFleet, trouble: Trouble) -> Iterator[Figure]:
    """How long acknowledgements took of what was said, and acknowledged, while nothing was broken."""
    said: dict[object, Entry] = {}
    delays = Delays()
    for entry in Reader(fleet.ledgers).rest():
        if entry.kind is EntryKind.SAID:
            said[entry.page] = entry
        elif entry.kind is EntryKind.ACKED:
            before = said.pop(entry.page, None)
            if before and trouble.is_calm(before.at):
                delays.add(entry.at - before.at)
    note = f"of {len(delays):,} outside of outages"
    yield Figure(RUN, "ack, p99", delays.at(0.99), "s", ACK_SECONDS, True, note)


def _words(done: Counter[str]) -> str:
    return ", ".join(f"{count} × {name}" for name, count in sorted(done.items()))
