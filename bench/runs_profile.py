"""Where the time goes: py-spy beside a run of page loads; not among the runs that are made without a name."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bench import processes
from bench.figures import Figure
from bench.plan import Mode
from bench.runs_load import AT_ONCE
from bench.sessions import measure, plan
from bench.targets import TARGETS, Ground, running

SHOWN = 25


def profile(on: Ground, quick: bool) -> Iterator[Figure]:
    """The functions in which a process that holds sockets spends itself, alone and with all they call."""
    seconds = 8 if quick else 20
    for name in ("edge",) if quick else ("edge", "footfall"):
        yield from _profile(on, name, seconds)


def _profile(on: Ground, name: str, seconds: int) -> Iterator[Figure]:
    with running(TARGETS[name], on) as server:
        measure(on, server, plan(server, Mode.LOADS, 2.0, pages=AT_ONCE))
        busiest = max(server.pids, key=lambda pid: processes.cpu_seconds([pid]))
        stacks = on.folder / "stacks"
        spy = subprocess.Popen(
            [
                str(Path(sys.executable).with_name("py-spy")),
                *("record", "--pid", str(busiest), "--format", "raw", "--rate", "200", "--nonblocking"),
                *("--duration", str(seconds), "--output", str(stacks)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        measure(on, server, plan(server, Mode.LOADS, seconds + 3.0, pages=AT_ONCE))
        spy.wait(60)
    alone, within = _counted(stacks.read_text().splitlines())
    total = alone.total()
    for function, count in alone.most_common(SHOWN):
        yield Figure("profile", f"{name}: {function}", count / total * 100, "% alone")
    for function, count in within.most_common(SHOWN * 2):
        yield Figure("profile", f"{name}: {function}", count / total * 100, "% in all")


def _counted(lines: list[str]) -> tuple[Counter[str], Counter[str]]:
    """Samples by function: as the innermost one, and anywhere on the stack."""
    alone: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        functions = [_named(frame) for frame in stack.split(";")]
        alone[functions[-1]] += int(count)
        within.update(dict.fromkeys(set(functions), int(count)))
    return alone, within


def _named(frame: str) -> str:
    # "receive (tracker/conversation/session.py:120)": the line would split one function into many.
    name, _, place = frame.partition(" (")
    return f"{name} {'/'.join(place.rpartition(':')[0].split('/')[-2:])}" if place else name
