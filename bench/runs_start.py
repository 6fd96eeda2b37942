"""How long it takes to be there."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

from bench.figures import Figure
from bench.targets import Ground
from tests.product import ROOT


def start(on: Ground, quick: bool) -> Iterator[Figure]:
    """A cold import of the application: with the compiled modules on disk, in a new process."""
    environment = {**os.environ, "DATABASE_URL": on.postgres.url, "SECRET_KEY": "only for a benchmark"}
    bare = _import("pass", environment)
    took = [_import("import analytics.asgi", environment) for _ in range(3 if quick else 5)]
    seconds = [each.seconds for each in took]
    note = (
        f"{min(seconds):.2f}–{max(seconds):.2f}; of CPU {min(each.cpu for each in took):.2f}; "
        f"an empty Python: {bare.seconds:.2f}"
    )
    yield Figure("start", "import of analytics.asgi", statistics.median(seconds), "s", 1.5, True, note)


class Took(NamedTuple):
    """What an import took: on the clock, and of CPU, which others on the machine do not lengthen."""

    seconds: float
    cpu: float


def _import(statement: str, environment: dict[str, str]) -> Took:
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", statement], cwd=ROOT, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{statement} ended with {process.returncode}.")
    return Took(time.monotonic() - began, used.ru_utime + used.ru_stime)
