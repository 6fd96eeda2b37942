"""What is measured: the table of servers, and how each one is started and told apart."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from analytics.up import valkey
from analytics.up.data_folder import DataFolder
from analytics.up.postgres import Postgres
from bench.visitors import ORIGIN_HOST
from scripts.stands import process_tree
from scripts.stands.checkout import ROOT
from scripts.stands.ports import free_port
from scripts.stands.product import Product

BASELINES = ROOT / "bench" / "baselines"
START_SECONDS = 15.0
LESS = "node, less stored"


@dataclass
class ServerProcess:
    """A started target."""

    name: str
    key: str
    ports: tuple[int, ...]
    roots: list[int]  # the processes whose descendants are the server; Postgres is not among them
    product: Product | None = None
    database_url: str = ""
    beside: dict[str, int] = field(default_factory=dict)  # what else serves, by name: web process, Valkey

    @property
    def pids(self) -> list[int]:
        return [pid for root in self.roots for pid in process_tree.family(root)]

    @property
    def parts(self) -> dict[str, list[int]]:
        """Its processes and those beside it, by what they are; still without Postgres."""
        name = "edges" if self.beside else "server"
        return {name: self.pids, **{each: process_tree.family(root) for each, root in self.beside.items()}}


@dataclass(frozen=True)
class Target:
    """One line of the table."""

    name: str
    start: Callable[["Ground", ExitStack], ServerProcess]
    stores: bool = False  # whether its ack means a commit


@dataclass
class Ground:
    """What all targets of a run share: a folder and one Postgres."""

    folder: Path
    postgres: Postgres
    started: int = field(default=0)

    def database(self) -> str:
        """The address of a new, empty database."""
        self.started += 1
        name = f"bench_{self.started}"
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return urlsplit(self.postgres.url)._replace(path=f"/{name}").geturl()

    def environment(self) -> dict[str, str]:
        """The database, as libpq's clients take it."""
        parts = urlsplit(self.postgres.url)
        return {
            "PGHOST": unquote(parts.netloc.rpartition("@")[2]),
            "PGUSER": parts.username or "",
            "PGPASSWORD": parts.password or "",
            "PGDATABASE": parts.path[1:],
        }


@contextmanager
def ground() -> Iterator[Ground]:
    """A Postgres of its own, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as name:
        folder = Path(name)
        # The account that root drops Postgres to may pass: else the cluster would stand elsewhere, and stay.
        folder.chmod(0o711)
        data = DataFolder(folder / "postgres")
        data.make()
        data.lock()
        postgres = Postgres(data, say=lambda line: None)
        postgres.start()
        try:
            yield Ground(folder, postgres)
        finally:
            postgres.stop()


@contextmanager
def running(target: Target, on: Ground) -> Iterator[ServerProcess]:
    """A started target, gone afterwards."""
    with ExitStack() as stack:
        yield target.start(on, stack)


def _command(name: str, *command: str, **environment: str) -> Callable[[Ground, ExitStack], ServerProcess]:
    def start(on: Ground, stack: ExitStack) -> ServerProcess:
        port = free_port()
        log = _log(on, stack, name)
        process = subprocess.Popen(
            [*command, str(port)],
            cwd=ROOT,
            env={**os.environ, **on.environment(), **environment},
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
        stack.callback(_end, process)
        _wait_listening(process, port, Path(log.name))
        return ServerProcess(name, "bench", (port,), [process.pid])

    return start


def _node(name: str, store: str) -> Callable[[Ground, ExitStack], ServerProcess]:
    """`server.mjs` with one of its stores, on a database of its own."""

    def start(on: Ground, stack: ExitStack) -> ServerProcess:
        url = on.database()
        server = str(BASELINES / "server.mjs")
        begin = _command(name, "node", server, store, PGDATABASE=urlsplit(url).path[1:])
        return replace(begin(on, stack), database_url=url)

    return start


def _module(name: str) -> Callable[[Ground, ExitStack], ServerProcess]:
    return _command(name, sys.executable, "-m", f"bench.baselines.{name}")


def _one_process(on: Ground, stack: ExitStack, **environment: str) -> ServerProcess:
    url = on.database()
    product = Product(on.folder / f"data-{on.started}", DATABASE_URL=url, **environment)
    stack.callback(product.stop)
    key = product.add_site(ORIGIN_HOST)
    return ServerProcess("footfall", key, (product.port,), [product.process.pid], product, url)


def _edges(number: int) -> Callable[[Ground, ExitStack], ServerProcess]:
    """So many edge processes beside a web process and a Valkey; visitors come to them without nginx."""

    def start(on: Ground, stack: ExitStack) -> ServerProcess:
        redis, redis_url = valkey_beside(on, stack)
        beside = _one_process(on, stack, REDIS_URL=redis_url)
        assert beside.product
        ports, roots = [], []
        for _ in range(number):
            port, log = free_port(), _log(on, stack, "edge")
            process = subprocess.Popen(
                [sys.executable, "manage.py", "edge", f"--port={port}"],
                cwd=ROOT,
                env=beside.product.environment,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
            stack.callback(_end, process)
            _wait_listening(process, port, Path(log.name))
            ports.append(port)
            roots.append(process.pid)
        name = "edge" if number == 1 else f"{number} edges"
        others = {"web": beside.roots[0], "Valkey": redis}
        return replace(beside, name=name, ports=tuple(ports), roots=roots, beside=others)

    return start


def valkey_beside(on: Ground, stack: ExitStack) -> tuple[int, str]:
    """A Valkey of its own: its pid and its address."""
    on.started += 1
    folder = on.folder / f"valkey-{on.started}"
    folder.mkdir()
    child = valkey.child(folder, patience=0)
    child.start()
    stack.callback(child.stop)
    until = time.monotonic() + START_SECONDS
    while not (folder / "valkey").exists():
        if time.monotonic() > until:
            raise RuntimeError("Valkey does not start.")
        time.sleep(0.02)
    # Edges and web leave root for another account, and must reach it.
    folder.chmod(0o711)
    (folder / "valkey").chmod(0o777)
    return _listener_pid(folder), valkey.address(folder)


def _listener_pid(folder: Path) -> int:
    """The process whose folder of work this is."""
    for place in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            if place.readlink() == folder:
                return int(place.parent.name)
    raise RuntimeError("Valkey is gone again.")


def _log(on: Ground, stack: ExitStack, name: str) -> TextIO:
    on.started += 1
    return stack.enter_context((on.folder / f"log-{name}-{on.started}").open("w"))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until the port is listened on, read from the kernel: a probe would be a visitor."""
    until = time.monotonic() + START_SECONDS
    sought = f"0100007F:{port:04X} 00000000:0000 0A"
    while sought not in Path("/proc/net/tcp").read_text():
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"A target does not start: {log.name}: {log.read_text()[-2000:]}")
        time.sleep(0.02)


# Only held open, never loaded: its generators are three.
FOUR_EDGES = Target("4 edges", _edges(4), stores=True)
TARGETS = {
    target.name: target
    for target in (
        Target("footfall", _one_process, stores=True),
        Target("edge", _edges(1), stores=True),
        Target("2 edges", _edges(2), stores=True),
        Target("node", _node("node", "store"), stores=True),
        Target(LESS, _node(LESS, "store_less"), stores=True),
        Target("channels", _module("channels_acceptor")),
        Target("picows", _module("picows_acceptor")),
        Target("uws", _module("uws_acceptor")),
    )
}
