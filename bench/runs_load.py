"""Runs of page loads: how many a second, what they cost, and how long an ack takes at half of that."""

import math
import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from bench.figures import Figure
from bench.plan import Mode
from bench.progress import say
from bench.sessions import Measured, measure, plan
from bench.targets import LESS, TARGETS, Ground, ServerProcess, running

AT_ONCE = 512  # pages: at 50 ms a batch, enough for 10,000 loads a second


@dataclass(frozen=True)
class LoadGoal:
    """A ratio between two targets that is to be reached."""

    target: str
    baseline: str
    least: float | None


GOALS = (
    LoadGoal("footfall", "channels", 0.6),
    LoadGoal("footfall", "node", None),
    LoadGoal("edge", "node", 1.3),
    LoadGoal("2 edges", "node", 2.0),
    LoadGoal("edge", LESS, None),
    LoadGoal("2 edges", LESS, None),
    LoadGoal("2 edges", "uws", None),
    LoadGoal("edge", "picows", None),
)


# What a regression is told by; the other targets only say where these stand.
QUICK = {name for goal in GOALS if goal.least for name in (goal.target, goal.baseline)}


def loads(on: Ground, quick: bool) -> Iterator[Figure]:
    """All targets in turn, several times, so that a slow minute of the machine hits them alike."""
    rounds, seconds = (2, 3.0) if quick else (3, 10.0)
    targets = {name: target for name, target in TARGETS.items() if not quick or name in QUICK}
    found: dict[str, list[Measured]] = {name: [] for name in targets}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(running(target, on)) for name, target in targets.items()}
        for server in servers.values():
            # Uncounted: what is compiled while it runs (V8's code, caches) would be the first round's alone.
            measure(on, server, plan(server, Mode.LOADS, 0.5, pages=AT_ONCE))
        for number in range(rounds):
            say(f"loads: round {number + 1} of {rounds}, {seconds:.0f} s for each of {len(servers)} targets")
            for name, server in servers.items():
                found[name].append(measure(on, server, plan(server, Mode.LOADS, seconds, pages=AT_ONCE)))
        for name, each in found.items():
            yield from _described(name, each)
        yield from _ratios(found)
        for name, server in servers.items():
            if TARGETS[name].stores and (not quick or name == "edge"):
                rate = statistics.median(one.outcome.rate for one in found[name])
                yield from _delay(on, name, server, rate / 2, seconds)


def _described(name: str, measured: list[Measured]) -> Iterator[Figure]:
    rates = [each.outcome.rate for each in measured]
    costs = [each.microseconds for each in measured]
    stored = statistics.median(each.postgres_microseconds for each in measured)
    middle = measured[len(measured) // 2]
    note = (
        f"{min(rates):,.0f}–{max(rates):,.0f}; cores: server {middle.server:.2f}, "
        f"Postgres {middle.postgres:.2f}, "
        f"client {middle.outcome.cpu / (middle.outcome.seconds + 1):.2f}"
    )
    yield Figure("loads", f"{name}: loads", statistics.median(rates), "/s", note=note)
    yield Figure(
        "loads",
        f"{name}: server CPU per load",
        statistics.median(costs),
        "µs",
        note=f"Postgres {stored:.0f} µs" if TARGETS[name].stores else "",
    )
    if wrong := sum(sum(each.outcome.errors.values()) for each in measured):
        kinds = {kind: count for each in measured for kind, count in each.outcome.errors.items()}
        yield Figure("loads", f"{name}: errors", wrong, "", 0, at_most=True, note=str(kinds))


def _ratios(found: dict[str, list[Measured]]) -> Iterator[Figure]:
    for goal in GOALS:
        if goal.target not in found or goal.baseline not in found:
            continue
        pairs = [
            (ours, theirs)
            for ours, theirs in zip(found[goal.target], found[goal.baseline], strict=True)
            if theirs.outcome.done and ours.outcome.done
        ]
        # A server that got nothing done in its turn says nothing of the other one.
        if not pairs:
            yield Figure("loads", f"{goal.target} / {goal.baseline}: loads", math.nan, "×", goal.least)
            continue
        rates = [ours.outcome.rate / theirs.outcome.rate for ours, theirs in pairs]
        costs = [theirs.microseconds / ours.microseconds for ours, theirs in pairs]
        name = f"{goal.target} / {goal.baseline}"
        spread = f"{min(rates):.2f}–{max(rates):.2f}"
        yield Figure("loads", f"{name}: loads", statistics.median(rates), "×", goal.least, note=spread)
        # The same in CPU time alone: what is left of it when others use the machine, too.
        yield Figure("loads", f"{name}: loads per CPU second", statistics.median(costs), "×")


def _delay(on: Ground, name: str, server: ServerProcess, rate: float, seconds: float) -> Iterator[Figure]:
    made = plan(server, Mode.LOADS, seconds, pages=4096, rate=max(rate, 1.0))
    outcome = measure(on, server, made).outcome
    for share, label in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99")):
        goal = 150.0 if share == 0.99 and name not in ("node", LESS) else None
        note = f"at {rate:,.0f}/s; from when it was due: {outcome.loads.at(share) * 1000:,.0f} ms"
        yield Figure(
            "delay",
            f"{name}: ack {label}",
            outcome.acks.at(share) * 1000,
            "ms",
            goal,
            at_most=True,
            note=note,
        )
    if outcome.errors:
        wrong = sum(outcome.errors.values())
        yield Figure("delay", f"{name}: errors", wrong, "", 0, at_most=True, note=str(outcome.errors))
