"""The product's staff and visitors served by uvicorn, the other ASGI server that Footfall may run on."""

import copy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from scripts.stands.checkout import ROOT
from scripts.stands.ports import free_port
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for

# What docs/operations.md asks for: daphne's bounds, which are not uvicorn's own.
FLAGS = (
    "--ws=websockets-sansio",
    "--ws-max-size=16384",
    "--ws-per-message-deflate=false",
    "--ws-ping-interval=10",
    "--ws-ping-timeout=10",
    "--no-access-log",
    "--no-proxy-headers",
    "--lifespan=off",
)


@contextmanager
def running_uvicorn(product: Product) -> Iterator[Product]:
    """A second web process beside the product, found at its own address; gone afterwards."""
    beside = copy.copy(product)
    port = free_port()
    beside.url, beside.socket_url = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "analytics.asgi:application", f"--port={port}", *FLAGS],
        cwd=ROOT,
        env=product.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: beside.ready() or process.poll() is not None, 60, "uvicorn")
        assert process.poll() is None
        yield beside
    finally:
        process.terminate()
        process.wait(timeout=30)
