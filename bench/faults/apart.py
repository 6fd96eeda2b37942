"""A run in a process and a network of its own, for faults that would hit others of this machine, too."""

import importlib
import inspect
import json
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from dataclasses import asdict
from functools import wraps
from types import FrameType

from analytics.up.child import SET_PARENT_DEATH_SIGNAL, prctl
from bench.figures import Figure
from bench.suite import Run
from bench.targets import Ground, ground
from scripts.stands import namespace
from scripts.stands.checkout import ROOT

PATIENCE = 60.0  # seconds that a run may take to stop what it started


def apart(run: Run) -> Callable[[Ground | None, bool], Generator[Figure, None, None]]:
    """This run, in a process and a network of its own, and on a ground of its own, whatever it is given."""

    @wraps(run)
    def outside(on: Ground | None, quick: bool) -> Generator[Figure, None, None]:
        entered = namespace.entering()
        process = subprocess.Popen(
            [
                *entered,
                sys.executable,
                "-m",
                __name__,
                run.__module__,
                run.__name__,
                "quick" if quick else "full",
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        try:
            for line in process.stdout:
                yield Figure(**json.loads(line))
            if process.wait(PATIENCE):
                raise RuntimeError(f"{run.__name__} broke off in its namespace; it says why above.")
        finally:
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(PATIENCE)
            finally:
                process.kill()
                process.stdout.close()

    return outside


def main() -> None:
    """Inside: run what the command line names; a line of JSON for each figure."""
    module, name, length = sys.argv[1:]
    # Asked for only here: gaining rights over the namespace has cleared what was asked before.
    prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    signal.signal(signal.SIGTERM, _end)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    namespace.open_loopback()
    run: Run = inspect.unwrap(getattr(importlib.import_module(module), name))
    with ground() as on:
        for figure in run(on, length == "quick"):
            print(json.dumps(asdict(figure)), flush=True)


def _end(number: int, frame: FrameType | None) -> None:
    # As an exception, so that everything that was started is stopped.
    sys.exit(1)


if __name__ == "__main__":
    main()
