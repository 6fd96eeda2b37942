"""The command line of a table of runs: which are asked for, a line for each figure, all of them as JSON."""

import argparse
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from bench import figures
from bench.figures import Figure
from bench.targets import Ground, ground

Run = Callable[[Ground, bool], Iterator[Figure]]


def main(
    prog: str,
    about: str,
    quick: str,
    runs: Mapping[str, Run],
    unasked: Sequence[str],
    unasked_quick: Sequence[str] = (),
    settings: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> int:
    """Run what the command line names, or `unasked`; 1 when a figure was missed.

    `quick` says what `--quick` does. With it only what regressed is missed (see `Figure.regressed`), and
    `unasked_quick` is run, if that is less. `settings`: what a run reads from the environment may be said on
    the command line as well: the variable, and what it is for.
    """
    default = Path("var") / f"{Path(prog).name}.json"
    parser = argparse.ArgumentParser(prog=prog, description=about, epilog=_table(runs), formatter_class=_AsIs)
    parser.add_argument("runs", nargs="*", metavar="RUN", help="one of those below (default: all)")
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", type=Path, default=default, help=f"where the figures go ({default})")
    for flag, (variable, meaning) in settings.items():
        parser.add_argument(flag, dest=variable, type=float, metavar="N", help=meaning)
    asked = parser.parse_args()
    for variable, _ in settings.values():
        if (said := getattr(asked, variable)) is not None:
            os.environ[variable] = f"{said:g}"
    if unknown := set(asked.runs) - runs.keys():
        parser.error(f"unknown run: {', '.join(sorted(unknown))} (there are {', '.join(runs)})")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if (load := os.getloadavg()[0]) > 0.5 * (os.cpu_count() or 1):
        print(f"Something else uses this machine (load {load:.1f}): look at ratios only.", file=sys.stderr)
    found: list[Figure] = []
    with ground() as on:
        for name in asked.runs or (asked.quick and unasked_quick) or unasked:
            for figure in runs[name](on, asked.quick):
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


class _AsIs(argparse.RawDescriptionHelpFormatter):
    """Keeps the table's lines."""


def _table(runs: Mapping[str, Run]) -> str:
    lines = [f"  {name:<12} {(run.__doc__ or '').strip().splitlines()[0]}" for name, run in runs.items()]
    return "\n".join(["runs:", *lines])
