"""The processes of one `up`: web, and with `--edges N` Valkey, edges, jobs, and nginx before them all."""

import http.client
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from analytics.configuration import table
from analytics.configuration.kinds import OFF as OFF_WORDS
from analytics.up import log_file, nginx, run_folder, valkey
from analytics.up.address import Address
from analytics.up.child import Child
from analytics.up.data_folder import DataFolder
from analytics.up.environments import ProcessKind, environment
from analytics.up.errors import CannotStart
from analytics.up.options import ROOT, Options
from analytics.up.signs import Signs
from tracker.liveness.notify import DEMO_SITE, READY, TABLES
from tracker.liveness.watchdog import Aside, Watchdog
from tracker.server import ports

OFF = OFF_WORDS[-1]
READY_SECONDS = 30.0
FRONT_SECONDS = 10.0  # that nginx has, which starts in some hundredths of one
LOOK_SECONDS = 0.02
# A job may take minutes; while it gets on, its process gives signs, which nobody waits for.
JOBS_PATIENCE = 3.0
NO_WEB = "Footfall does not start. It says why above."


class Fleet:
    """The processes of one `up`."""

    def __init__(self, options: Options, data: DataFolder, listener: socket.socket) -> None:
        """Choose places, and check that everything is there; starts nothing.

        `listener`: bound to the port, and not listened on yet. Sets REDIS_URL where several processes need
        one, and none is given. Raises CannotStart.
        """
        self._options = options
        self._data = data
        self._listener = listener
        self._embedded = bool(options.edges) and not os.environ.get("REDIS_URL")
        if options.edges:
            nginx.program()
        if self._embedded:
            valkey.program()
        self.folder = run_folder.make(data)
        if self._embedded:
            os.environ["REDIS_URL"] = valkey.address(self.folder)
        # One process gathers datapoints, and whoever sends or shows them finds it there.
        self._signals = table.SIGNALS.value()
        if os.environ.get(table.SIGNALS_SOCKET.name):
            self._signals = OFF
        elif self._signals != OFF:
            os.environ[table.SIGNALS_SOCKET.name] = str(self.folder / "signals")
        # Held here as the port is: while web is replaced, staff wait for it instead of being refused.
        self._web_listener = ports.on_file(self.folder / "web") if options.edges else listener
        self._signs = Signs(self.folder)
        self._patience = 0.0
        # Web may look for Postgres once its own end of this is closed.
        self._waiting, self._going = os.pipe()
        self._children: list[Child] = []
        self._edges: list[Child] = []
        self._web: Child | None = None
        self._front: Child | None = None

    def start(self, patience: float) -> None:
        """Start what needs no Postgres, and web, which has much to do before it needs one.

        `patience`: for how many seconds a process may give no sign of life; 0: for ever.
        """
        self._patience = patience
        self._signs.start()
        if self._embedded:
            self._start(valkey.child(self.folder, patience))
        self._web = self._made_web()
        self._web.start()

    def go_on(self) -> None:
        """Postgres answers: start the others, and wait until all serve; with edges, nobody comes in yet.

        Web makes the tables before the others need them, and tells the operator what there is to know.
        Raises CannotStart.
        """
        os.close(self._going)
        if self._embedded:
            _wait_for([self.folder / "valkey"], "Valkey does not start.")
        self._wait_until_web_said(TABLES)
        if self._signals != OFF:
            self._start(self._made_signals())
        if self._options.edges:
            self._start(self._ours(ProcessKind.JOBS, "jobs", ["jobs"], JOBS_PATIENCE))
            self._start_edges()
        self._wait_until_web_said(READY)
        if self._web is None or not self._web.settled():
            raise CannotStart(NO_WEB)

    def open(self, trusted: Sequence[str]) -> None:
        """Start nginx, where there are edges: from now on visitors and staff come in.

        `trusted`: the proxies in front of it. Raises CannotStart where nginx does not serve.
        """
        if not self._options.edges:
            return
        self._listener.listen(ports.BACKLOG)
        # nginx does not see to it for a socket that it is given, and of two workers that are woken by one
        # visitor the second waits in accept, with all its pages, until the next one comes.
        self._listener.setblocking(False)
        self._front = nginx.Nginx(
            folder=self.folder,
            log=self._data.path / "nginx.log",
            address=self._options.address,
            listener=self._listener.fileno(),
            edges=self._options.edges,
            files=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
            trusted=trusted,
            demo=self._options.demo,
        ).child()
        self._front.start()
        until = time.monotonic() + FRONT_SECONDS
        while not _serves(self._options.address):
            if time.monotonic() > until:
                raise CannotStart(
                    f"nginx does not serve.{log_file.last_words(self._data.path / 'nginx.log')}"
                )

    def demo(self) -> Child:
        """The made-up visitors, to be started once they can come in; web has made their site."""
        site = next(
            word.removeprefix(DEMO_SITE).decode() for word in self._web_said() if word.startswith(DEMO_SITE)
        )
        url = self._options.address.own_url
        command = [sys.executable, str(ROOT / "manage.py"), "demo", "--url", url, "--site", site]
        return Child("demo", command, environment(ProcessKind.DEMO, os.environ))

    def stop(self) -> None:
        """Let all who hold sockets say 4502 and store what waits, at once; then end the others."""
        # Nobody else holds it any more, so that who comes is refused rather than left waiting.
        for listener in (self._listener, self._web_listener):
            listener.close()
        # Not SIGTERM for an edge: its pages have nowhere else to go.
        ends = [(edge, signal.SIGINT) for edge in self._edges]
        ends += [(self._web, signal.SIGTERM)] if self._web else []
        with ThreadPoolExecutor(len(ends) or 1) as together:
            list(together.map(lambda end: end[0].stop(end[1]), ends))
        for child in (*([self._front] if self._front else []), *reversed(self._children)):
            child.stop()
        self._signs.stop()
        run_folder.remove(self._data)

    def _start(self, child: Child) -> None:
        self._children.append(child)
        child.start()

    def _made_web(self) -> Child:
        """Web, whose first life begins with what a new database needs."""
        first = ["--prepare", f"--after={self._waiting}", *(["--demo"] if self._options.demo else [])]
        files = [self._waiting, self._web_listener.fileno()]
        command = ["web", f"--fd={files[1]}", *([] if self._options.edges else ["--jobs"])]
        return self._ours(ProcessKind.WEB, "web", command, 1.0, (), files, first)

    def _made_signals(self) -> Child:
        """What takes datapoints; where its port is taken, those that are posted alone."""
        own = [self.folder / "signals"]
        command = ["signals", f"--udp={self._signals}", "--if-free"]
        command += ["--host"] if table.SIGNALS_HOST.value() else []
        return self._ours(ProcessKind.SIGNALS, "signals", command, 1.0, own)

    def _start_edges(self) -> None:
        places: list[Path] = []
        for number in range(1, self._options.edges + 1):
            own = [self.folder / f"edge-{number}.{kind}" for kind in ("ws", "post")]
            options = [f"--uds={own[0]}", f"--post-uds={own[1]}"]
            edge = self._ours(ProcessKind.EDGE, f"edge {number}", ["edge", *options], 1.0, own)
            self._edges.append(edge)
            edge.start()
            places += own
        _wait_for(places, "An edge does not start.")

    def _ours(
        self,
        kind: ProcessKind,
        name: str,
        command: Sequence[str],
        patience: float,
        places: Sequence[Path] = (),
        files: Sequence[int] = (),
        first: Sequence[str] = (),
    ) -> Child:
        """A child that runs one of our commands, and has so many times the usual patience to give a sign.

        `places`: unix sockets that it makes, by which proxies find it.
        """
        seconds = self._patience * patience
        watchdog = Watchdog(name, self._signs, seconds, Aside(*places)) if seconds else None
        given = {**environment(kind, os.environ), **self._signs.environment(seconds)}
        words = [sys.executable, str(ROOT / "manage.py"), *command, "--verbosity=0"]
        return Child(name, words, given, watchdog, files=files, first=first)

    def _wait_until_web_said(self, word: bytes) -> None:
        """However long it takes: it may be making tables."""
        while self._web and not self._web.failed:
            if word in self._web_said():
                return
            time.sleep(LOOK_SECONDS)
        raise CannotStart(NO_WEB)

    def _web_said(self) -> frozenset[bytes]:
        return self._signs.said(self._web.pid or 0) if self._web else frozenset()


def _wait_for(places: list[Path], problem: str) -> None:
    """Wait until all these unix sockets are listened on."""
    until = time.monotonic() + READY_SECONDS
    while not all(map(_answers, places)):
        if time.monotonic() > until:
            raise CannotStart(f"{problem} It says why above.")
        time.sleep(LOOK_SECONDS)


def _answers(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(place)) == 0


def _serves(address: Address) -> bool:
    """Whether somebody answers HTTP there; that one can connect says nothing, since we listen already."""
    front = http.client.HTTPConnection(address.reached_at, address.port, timeout=2)
    try:
        front.request("HEAD", "/t.js")
        front.getresponse()
    except (OSError, http.client.HTTPException):
        time.sleep(LOOK_SECONDS)
        return False
    finally:
        front.close()
    return True
