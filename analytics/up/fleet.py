"""The processes around the web process under `--edges N`: Valkey, edges, jobs, and nginx before them all."""

import os
import resource
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.conf import settings

from analytics.up import nginx, run_folder, valkey
from analytics.up.account import Account
from analytics.up.child import Child
from analytics.up.data_folder import DataFolder
from analytics.up.errors import CannotStart
from analytics.up.options import ROOT, Options
from analytics.up.signs import Signs
from tracker.liveness.watchdog import Aside, Watchdog

READY_SECONDS = 30.0
# A job may take minutes; while it gets on, its process gives signs, which nobody waits for.
JOBS_PATIENCE = 3.0


class Fleet:
    """The processes of one `up --edges N`."""

    def __init__(self, options: Options, data: DataFolder, account: Account) -> None:
        """Choose places, and check that everything is there; starts nothing.

        Sets REDIS_URL, for this process too, where none is given. Raises CannotStart.
        """
        nginx.program()
        self._options = options
        self._data = data
        self._account = account
        self._embedded = not os.environ.get("REDIS_URL")
        if self._embedded:
            valkey.program()
        self.folder = run_folder.make(data, account)
        if self._embedded:
            os.environ["REDIS_URL"] = valkey.address(self.folder)
        self._signs = Signs(self.folder)
        self._children: list[Child] = []
        self._edges: list[Child] = []
        self._front: Child | None = None

    @property
    def web(self) -> Path:
        """The unix socket on which the web process listens."""
        return self.folder / "web"

    def start(self) -> None:
        """Start all but nginx, and wait until edges take sockets. Raises CannotStart."""
        if self._embedded:
            self._start(valkey.child(self.folder, settings.FOOTFALL_WATCHDOG))
            _wait_for([self.folder / "valkey"], "Valkey does not start.")
        self._signs.start()
        self._start(self._ours("jobs", ["jobs"], JOBS_PATIENCE))
        for number in range(1, self._options.edges + 1):
            edge = self._edge(number)
            self._edges.append(edge)
            edge.start()
        places = [
            self.folder / f"edge-{number}.{kind}"
            for number in range(1, self._options.edges + 1)
            for kind in ("ws", "post")
        ]
        _wait_for(places, "An edge does not start.")

    def open(self, trusted: list[str]) -> None:
        """Start nginx: from now on visitors and staff come in."""
        self._front = nginx.Nginx(
            folder=self.folder,
            log=self._data.path / "nginx.log",
            account=self._account,
            port=self._options.port,
            edges=self._options.edges,
            files=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
            trusted=trusted,
            demo=self._options.demo,
        ).child()
        self._front.start()

    def stop(self) -> None:
        """Let edges say 4502 and store what waits, all at once; then end the others."""
        with ThreadPoolExecutor(len(self._edges) or 1) as together:
            # Not SIGTERM: their pages have nowhere else to go.
            list(together.map(lambda edge: edge.stop(signal.SIGINT), self._edges))
        for child in (*([self._front] if self._front else []), *reversed(self._children)):
            child.stop()
        self._signs.stop()
        run_folder.remove(self._data)

    def _start(self, child: Child) -> None:
        self._children.append(child)
        child.start()

    def _edge(self, number: int) -> Child:
        place = self.folder / f"edge-{number}"
        places = [Path(f"{place}.{kind}") for kind in ("ws", "post")]
        options = [f"--uds={places[0]}", f"--post-uds={places[1]}", "--verbosity=0"]
        return self._ours(f"edge {number}", ["edge", *options], 1.0, *places)

    def _ours(self, name: str, command: list[str], patience: float, *places: Path) -> Child:
        """A child that runs one of our commands, and has so many times the usual patience to give a sign."""
        seconds = settings.FOOTFALL_WATCHDOG * patience
        watchdog = Watchdog(name, self._signs, seconds, Aside(*places)) if seconds else None
        environment = {**os.environ, **self._signs.environment(seconds)}
        return Child(name, [sys.executable, str(ROOT / "manage.py"), *command], environment, watchdog)


def _wait_for(places: list[Path], problem: str) -> None:
    """Wait until all these unix sockets are listened on."""
    until = time.monotonic() + READY_SECONDS
    while not all(map(_answers, places)):
        if time.monotonic() > until:
            raise CannotStart(f"{problem} It says why above.")
        time.sleep(0.02)


def _answers(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(place)) == 0
