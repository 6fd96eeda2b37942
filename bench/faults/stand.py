"""A whole product as `scripts/run --edges N` starts it, with every process of it within reach of a signal."""

import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from analytics.up.data_folder import DataFolder
from analytics.up.postgres_home import recorded_home
from bench import verify
from bench.fleet import VisitorFleet
from bench.ledger import Reader
from bench.plan import MOST_SECONDS, Mode, Plan
from bench.targets import Ground
from bench.visitors import ORIGIN_HOST
from bench.watch import Api, Board
from scripts.stands import clusters, process_tree
from scripts.stands.checkout import ROOT
from scripts.stands.logins import log_in
from scripts.stands.product import QUICK_SETTINGS, Product

# What its command line holds tells a process; each is a child of `up`, which starts it again.
PROGRAMS = {
    "web": "manage.py web ",
    "edge": "manage.py edge ",
    "jobs": "manage.py jobs",
    "valkey": "valkey-server ",
    "postgres": "/postgres -D",
    "nginx": "nginx: master ",
}


class Stand:
    """Edges, web, jobs, Valkey, Postgres and nginx on one port, with one site. Made by `standing`."""

    def __init__(
        self,
        ledgers: Path,
        data: Path,
        edges: int,
        environment: dict[str, str],
        under: Sequence[str] = (),
        checkout: Path = ROOT,
    ) -> None:
        self.data = data
        self._ledgers = ledgers
        self._options = ("--edges", str(edges)) if edges else ()
        self._environment = environment
        self._under = under
        self.product = Product(data, *self._options, under=under, checkout=checkout, **environment)
        self.port = self.product.port
        self.key = self.product.add_site(ORIGIN_HOST)
        self.token = self.product.add_token()
        self.password = self.product.password
        self._cookie = ""

    @property
    def database_url(self) -> str:
        return (self.data / "database_url").read_text().strip()

    @property
    def cluster(self) -> Path:
        """The files of the embedded Postgres: while they are elsewhere, it cannot come back."""
        return recorded_home(DataFolder(self.data)) / "cluster"

    def pids(self, name: str) -> list[int]:
        """The processes of this name as they are now, edges by their number; empty between two lives.

        `up` is the one that all others descend from.
        """
        if name == "up":
            return [self.product.process.pid]
        lines = {pid: process_tree.command_line(pid) for pid in process_tree.family(self.product.process.pid)}
        found = [pid for pid, line in lines.items() if PROGRAMS[name] in line]
        return sorted(found, key=lambda pid: lines[pid])

    def kill(self, *names: str) -> float:
        """kill -9 all processes of these names, their descendants included; when that was (epoch seconds)."""
        return kill(*(pid for name in names for pid in self.pids(name)))

    def boot(self) -> None:
        """Start everything again from the same folder, on the same port, after `up` was killed."""
        self._start_again(signal.SIGKILL)

    def update(self) -> None:
        """Stop everything, and start this checkout's code in its place."""
        self._start_again(signal.SIGTERM)

    def _start_again(self, sign: signal.Signals) -> None:
        self.product.stop(sign)
        options = (*self._options, "--port", str(self.port))
        self.product = Product(self.data, *options, under=self._under, **self._environment)

    def api(self) -> Api:
        """The live API with a token; for the caller to close."""
        return Api(self.port, self.key, self.token)

    def board(self) -> Board:
        """An open board of a member of staff; for the caller to close."""
        self._cookie = self._cookie or log_in(self.port, "admin", self.password)
        return Board(self.port, self.key, self._cookie)

    def plan(self, pages: int, mode: Mode = Mode.HOLD, **more: object) -> Plan:
        """Pages that come back as the snippet does, from an address for each visitor; with a ledger."""
        run = secrets.randbits(32)
        ledger = str(self._ledgers / f"ledger-{run:08x}")
        made = Plan(mode, self.key, (self.port,), MOST_SECONDS, run, pages=pages, returns=True, ledger=ledger)
        return replace(made, **more)  # type: ignore[arg-type]  # checked by Plan's own names

    def stored(self, fleet: VisitorFleet) -> verify.Stored:
        """What Postgres has of a fleet that has finished, held against its ledgers."""
        return verify.stored(self.database_url, fleet.plans[0].run, Reader(fleet.ledgers).rest())

    def close(self) -> None:
        """Stop it, or what is left of it."""
        if self.product.process.poll() is None:
            self.product.stop()


@contextmanager
def standing(
    on: Ground,
    edges: int = 2,
    under: Callable[[Path], Sequence[str]] = lambda data: (),
    checkout: Path = ROOT,
    **environment: str,
) -> Iterator[Stand]:
    """A stand of its own, started with these settings; gone afterwards. 0 edges: one process does everything.

    `under` gives the words before its command (see `Product`), for its data folder; `checkout`: whose code it
    is.
    """
    # Logging in is no part of what is broken, and would wait for its turn on a machine that is full.
    environment = {"DJANGO_SETTINGS_MODULE": QUICK_SETTINGS, **environment}
    data = Path(tempfile.mkdtemp(prefix="footfall-stand-"))
    try:
        words = under(data)
        # Where its files go onto a disk of their own, Postgres makes them itself.
        if not (data / "postgres").exists():
            clusters.copy_to(data)
        stand = Stand(on.folder, data, edges, environment, words, checkout)
        try:
            yield stand
        finally:
            stand.close()
    finally:
        shutil.rmtree(data)


def kill(*roots: int) -> float:
    """kill -9 these processes and their descendants, at once; when that was (epoch seconds)."""
    # Stopped first: none may notice the end of another, or start something in its place, while this goes on.
    doomed = [pid for root in roots for pid in process_tree.family(root)]
    for sign in (signal.SIGSTOP, signal.SIGKILL):
        for pid in dict.fromkeys(doomed):
            with suppress(ProcessLookupError):
                os.kill(pid, sign)
    return time.time()
