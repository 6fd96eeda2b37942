"""Visitors' sockets, as the pages of example.com open them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from scripts.stands.agents import FIREFOX
from scripts.stands.product import Product


def dial(
    product: Product,
    key: str,
    origin: str | None = "https://example.com",
    agent: str = FIREFOX,
    **headers: str,
) -> ClientConnection:
    return connect(
        f"{product.socket_url}/live/{key}",
        origin=None if origin is None else Origin(origin),
        user_agent_header=agent,
        compression=None,
    )


def code_of(socket: ClientConnection) -> int | None:
    """The close code that the server said."""
    try:
        while True:
            socket.recv(timeout=10)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


@contextmanager
def opened(product: Product, key: str, said: dict[str, object]) -> Iterator[None]:
    """A page that has been acknowledged, open until the end of the block."""
    with connect(
        f"{product.socket_url}/live/{key}",
        origin=Origin("https://example.com"),
        user_agent_header=FIREFOX,
        compression=None,
    ) as socket:
        socket.send(json.dumps(said))
        assert json.loads(socket.recv(timeout=20))["id"] == said["id"]
        yield
