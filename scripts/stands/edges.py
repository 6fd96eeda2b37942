"""Edge processes beside a running product: `manage.py edge`, with the product's database and secret."""

import copy
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from scripts.stands.checkout import ROOT
from scripts.stands.ports import free_port
from scripts.stands.product import Product


@dataclass
class EdgeProcess:
    """A running `manage.py edge`, ready."""

    process: subprocess.Popen[str]
    port: int
    post_port: int

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=30)

    def of(self, product: Product) -> Product:
        """The product as visitors find it who come through this edge; for WS and POST on `/live/` only."""
        beside = copy.copy(product)
        beside.socket_url = f"ws://127.0.0.1:{self.port}"
        beside.url = f"http://127.0.0.1:{self.post_port}"
        return beside


@contextmanager
def running_edge(
    product: Product, sockets: Path | None = None, options: Sequence[str] = ()
) -> Iterator[EdgeProcess]:
    """An edge on free ports, or on `sockets`/ws and `sockets`/post; gone afterwards."""
    port, post_port = free_port(), free_port()
    places = [f"--port={port}", f"--post-port={post_port}"]
    if sockets:
        places = [f"--uds={sockets / 'ws'}", f"--post-uds={sockets / 'post'}"]
    with starting_edge(product.environment, port, post_port, [*places, *options]) as edge:
        assert edge.process.stdout
        assert edge.process.stdout.readline() == "Ready.\n"
        yield edge


@contextmanager
def starting_edge(
    environment: dict[str, str], port: int, post_port: int, options: Sequence[str], said: TextIO | None = None
) -> Iterator[EdgeProcess]:
    """An edge that may not be ready yet, and complains to `said`; gone afterwards."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "edge", *options],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=said,
        text=True,
    )
    edge = EdgeProcess(process, port, post_port)
    try:
        yield edge
    finally:
        if process.poll() is None:
            edge.stop()
        assert process.stdout
        process.stdout.close()
