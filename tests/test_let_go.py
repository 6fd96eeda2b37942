"""A connection that is over is let go at once, and not when the collector comes round.

What only the collector finds it finds all at once: at 550 loads a second all waited for up to 1 s.
"""

import json
import os
import signal
import socket
import urllib.request
from collections.abc import Iterator

import pytest

from scripts.stands.page_messages import page
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.uncollected import WORDS, running_uncollected
from tests.visitor_sockets import code_of, dial


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running_uncollected() as made:
        yield made


def objects(product: Product) -> int:
    """How many objects of connections the product has."""

    def said() -> list[str]:
        return [line for line in list(product.lines) if line.startswith(WORDS)]

    before = len(said())
    os.kill(product.web, signal.SIGUSR1)
    wait_for(lambda: len(said()) > before, what="an answer to the signal")
    return int(said()[-1].removeprefix(WORDS))


def test_nothing_of_a_connection_outlives_it(product: Product) -> None:
    key = product.add_site("example.com")

    with dial(product, key) as leaving, dial(product, key) as vanishing:
        for each in (leaving, vanishing):
            each.send(json.dumps(page()))
            assert json.loads(each.recv(timeout=5))["t"] == "ack"
        assert objects(product) >= 4
        vanishing.socket.shutdown(socket.SHUT_RDWR)
    with dial(product, "nosuchsite") as refused:
        assert code_of(refused) == 4403
    with dial(product, key) as broken:
        broken.send("no JSON")
        assert code_of(broken) == 4400
    with urllib.request.urlopen(f"{product.url}/healthz", timeout=5) as answer:
        assert answer.status == 200

    wait_for(lambda: objects(product) == 0, what="the end of everything of connections")
