"""`scripts/bench [--quick] [RUN …]`: measure, print a line for each figure, write them as JSON."""

import argparse
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import figures, runs_board, runs_hold, runs_load, runs_profile, runs_start
from bench.figures import Figure
from bench.targets import Ground, ground

Run = Callable[[Ground, bool], Iterator[Figure]]
RUNS: dict[str, Run] = {
    "loads": runs_load.loads,
    "memory": runs_hold.memory,
    "states": runs_hold.states,
    "hold": runs_hold.hold,
    "board": runs_board.board,
    "start": runs_start.start,
    "profile": runs_profile.profile,
}
UNASKED = [name for name in RUNS if name != "profile"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("runs", nargs="*", metavar="RUN", help=", ".join(RUNS))
    parser.add_argument(
        "--quick", action="store_true", help="within 3 minutes, fails where a ratio regressed"
    )
    parser.add_argument("--json", type=Path, default=Path("var/bench.json"), help="where the figures go")
    asked = parser.parse_args()
    if unknown := set(asked.runs) - RUNS.keys():
        parser.error(f"unknown run: {', '.join(sorted(unknown))} (there are {', '.join(RUNS)})")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    found: list[Figure] = []
    if (load := os.getloadavg()[0]) > 0.5 * (os.cpu_count() or 1):
        print(f"Something else uses this machine (load {load:.1f}): look at ratios only.", file=sys.stderr)
    with ground() as on:
        for name in asked.runs or UNASKED:
            for figure in RUNS[name](on, asked.quick):
                print(figure.line(), flush=True)
                found.append(figure)
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    figures.write(asked.json, found, machine())
    missed = [figure for figure in found if (figure.regressed if asked.quick else not figure.met)]
    for figure in missed:
        print(f"missed: {figure.line()}", file=sys.stderr)
    return 1 if missed else 0


def machine() -> dict[str, object]:
    """What the figures were measured on; the load says whether it was alone."""
    return {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


if __name__ == "__main__":
    sys.exit(main())
