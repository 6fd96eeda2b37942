"""How long it takes to be there."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

from bench import processes
from bench.figures import Figure
from bench.targets import TARGETS, Ground, running
from scripts.stands.checkout import ROOT
from scripts.stands.ports import free_port


def start(on: Ground, quick: bool) -> Iterator[Figure]:
    """A cold import of the application: with the compiled modules on disk, in a new process."""
    environment = {
        **os.environ,
        "DATABASE_URL": on.postgres.url,
        "SECRET_KEY": "only for a benchmark, which nobody logs in to",
    }
    bare = _import("pass", environment)
    took = [_import("import analytics.asgi", environment) for _ in range(2 if quick else 5)]
    seconds = [each.seconds for each in took]
    note = (
        f"{min(seconds):.2f}–{max(seconds):.2f}; of CPU {min(each.cpu for each in took):.2f}; "
        f"an empty Python: {bare.seconds:.2f}"
    )
    yield Figure("start", "import of analytics.asgi", statistics.median(seconds), "s", 1.5, True, note)
    yield from _edge(on, 2 if quick else 5)


def _edge(on: Ground, times: int) -> Iterator[Figure]:
    """`manage.py edge`, from the command to the line that says that it serves."""
    with running(TARGETS["footfall"], on) as server:
        assert server.product
        command = [sys.executable, "manage.py", "edge", f"--port={free_port()}"]
        took = []
        for _ in range(times):
            began = time.monotonic()
            process = subprocess.Popen(
                command, cwd=ROOT, env=server.product.environment, stdout=subprocess.PIPE, text=True
            )
            assert process.stdout
            said = process.stdout.readline()
            took.append(Took(time.monotonic() - began, processes.cpu_seconds([process.pid])))
            process.terminate()
            process.wait(30)
            process.stdout.close()
            if said != "Ready.\n":
                raise RuntimeError(f"The edge says {said!r} instead of being ready.")
    seconds = [each.seconds for each in took]
    note = f"{min(seconds):.2f}–{max(seconds):.2f}; of CPU {min(each.cpu for each in took):.2f}"
    yield Figure("start", "manage.py edge is ready", statistics.median(seconds), "s", 1.2, True, note)


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
