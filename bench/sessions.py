"""One measurement: a plan at a server, with what server, Postgres and generator used for it."""

import secrets
import time
from dataclasses import dataclass, replace

from bench import fleet, processes
from bench.plan import Mode, Plan, RunOutcome
from bench.targets import Ground, ServerProcess
from scripts.stands import process_tree


@dataclass(frozen=True)
class Measured:
    """An outcome and its cost; server and Postgres in cores (CPU seconds a second)."""

    outcome: RunOutcome
    server: float
    postgres: float
    spent: float  # CPU seconds of the server, warming up included
    stored: float  # and of Postgres

    @property
    def microseconds(self) -> float:
        """Of the server's CPU for each acknowledged page."""
        return self.spent / max(self.outcome.acked, 1) * 1e6

    @property
    def postgres_microseconds(self) -> float:
        """Of Postgres' CPU for each acknowledged page."""
        return self.stored / max(self.outcome.acked, 1) * 1e6


def plan(server: ServerProcess, mode: Mode, seconds: float, **more: object) -> Plan:
    """A plan for this server, as a run of its own."""
    made = Plan(mode, server.key, server.ports, seconds, secrets.randbits(32))
    return replace(made, **more)  # type: ignore[arg-type]  # checked by Plan's own names


def measure(on: Ground, server: ServerProcess, made: Plan, processes_count: int = 1) -> Measured:
    """Run a plan that ends by itself."""
    before, database = _spent(on, server), _postgres(on)
    began = time.monotonic()
    outcome = fleet.run(made, processes_count)
    lasted = time.monotonic() - began
    spent, stored = _spent(on, server) - before, _postgres(on) - database
    return Measured(outcome, spent / lasted, stored / lasted, spent, stored)


def _spent(on: Ground, server: ServerProcess) -> float:
    return processes.cpu_seconds(server.pids)


def _postgres(on: Ground) -> float:
    assert on.postgres.pid
    return processes.cpu_seconds(process_tree.family(on.postgres.pid))
