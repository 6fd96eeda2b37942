"""`up --edges 2`, and pages that are said to it."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection

from scripts.stands import clusters
from scripts.stands.folders import new_folder
from scripts.stands.page_messages import page
from scripts.stands.product import QUICK_SETTINGS, Product


@contextmanager
def started(*options: str, **environment: str) -> Iterator[Product]:
    folder = new_folder("footfall-fleet-")
    clusters.copy_to(folder)
    environment = {"DJANGO_SETTINGS_MODULE": QUICK_SETTINGS, **environment}
    fleet = Product(folder, "--edges", "2", *options, **environment)
    try:
        yield fleet
    finally:
        if fleet.process.poll() is None:
            fleet.stop()
        assert fleet.process.stdout
        fleet.process.stdout.close()
        shutil.rmtree(folder)


def say(page_socket: ClientConnection, **more: Any) -> str:
    """Say a page and wait for its ack; its id."""
    said = page(**more)
    page_socket.send(json.dumps(said))
    assert json.loads(page_socket.recv(timeout=10)) == {"t": "ack", "id": said["id"]}
    return str(said["id"])
