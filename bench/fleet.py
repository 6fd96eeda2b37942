"""The generator processes of one run, from their start to what they have to tell."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.plan import Plan, RunOutcome

ROOT = Path(__file__).resolve().parent.parent
# What a process may take beyond its own time before it is ended.
PATIENCE = 60.0


class VisitorFleet:
    """Generator processes, gone when the `with` ends."""

    def __init__(self, plan: Plan, processes: int = 1) -> None:
        self.plans = plan.split(processes)
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "bench.generator", each.text()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                bufsize=1,
                cwd=ROOT,
            )
            for each in self.plans
        ]

    @property
    def ledgers(self) -> list[str]:
        """The files that the processes keep."""
        return [plan.ledger for plan in self.plans if plan.ledger]

    @property
    def pids(self) -> list[int]:
        """The processes."""
        return [process.pid for process in self._processes]

    def wait_full(self) -> None:
        """Until every page of a plan to hold is open and acknowledged."""
        for process in self._processes:
            assert process.stdout
            line = process.stdout.readline()
            if line.strip() != "full":
                raise RuntimeError(f"A generator ended before its pages were open: {line}")

    def tell(self, line: str) -> None:
        """Say a line to each process. Raises RuntimeError where one has ended."""
        for process in self._processes:
            assert process.stdin
            try:
                process.stdin.write(line + "\n")
            except BrokenPipeError:
                raise RuntimeError(f"A generator has ended, with {process.wait(PATIENCE)}.") from None

    def signal(self, number: int) -> None:
        """Send a signal to each process, as SIGSTOP to machines that fall asleep with their pages open."""
        for process in self._processes:
            process.send_signal(number)

    def finish(self) -> RunOutcome:
        """What came of it, when all have come to their end."""
        outcome = RunOutcome()
        for process in self._processes:
            assert process.stdout
            outcome.merge(RunOutcome.read(process.stdout.readlines()[-1]))
            process.wait(PATIENCE)
        return outcome

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                # What was said and not read by a process that had ended.
                with suppress(BrokenPipeError):
                    if pipe:
                        pipe.close()


def run(plan: Plan, processes: int = 1) -> RunOutcome:
    """The outcome of a plan that ends by itself."""
    with VisitorFleet(plan, processes) as fleet:
        return fleet.finish()
