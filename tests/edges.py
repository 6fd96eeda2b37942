"""Edge processes beside a running product: `manage.py edge`, with the product's database and secret."""

import copy
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.product import ROOT, Product, free_port


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
    process = subprocess.Popen(
        [sys.executable, "manage.py", "edge", *places, *options],
        cwd=ROOT,
        env=product.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    edge = EdgeProcess(process, port, post_port)
    try:
        assert process.stdout
        assert process.stdout.readline() == "Ready.\n"
        yield edge
    finally:
        if process.poll() is None:
            edge.stop()
        assert process.stdout
        process.stdout.close()
