"""Boards' sockets, and the members of staff who open them."""

import json
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.cookiejar import CookieJar
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from scripts.stands.agents import FIREFOX
from scripts.stands.product import Product
from tests.cast import PASSWORD


class Staff:
    """One person's browser: its cookies."""

    def __init__(self, product: Product, name: str, password: str = PASSWORD) -> None:
        self.product = product
        self.jar = CookieJar()
        self.open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar)).open
        self.open(f"{product.url}/login/").read()
        self.post("/login/", username=name, password=password)

    @property
    def cookies(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.jar)

    def post(self, path: str, **fields: str) -> None:
        token = next(cookie.value for cookie in self.jar if cookie.name == "csrftoken")
        body = urllib.parse.urlencode({"csrfmiddlewaretoken": token, **fields}).encode()
        self.open(f"{self.product.url}{path}", body).read()


def dial(product: Product, key: str, cookies: str, headers: dict[str, str]) -> ClientConnection:
    sent = {**headers, **({"Cookie": cookies} if cookies else {})}
    return connect(f"{product.socket_url}/board/{key}", additional_headers=sent, compression=None)


@contextmanager
def visit(product: Product, key: str, path: str) -> Iterator[None]:
    """A real visitor: his page is counted from here until the end of the block."""
    with connect(
        f"{product.socket_url}/live/{key}",
        additional_headers={"Origin": "https://seen.example"},
        user_agent_header=FIREFOX,
        compression=None,
    ) as socket:
        socket.send(json.dumps({"t": "page", "id": str(uuid.uuid4()), "u": f"https://seen.example{path}"}))
        assert json.loads(socket.recv(timeout=10))["t"] == "ack"
        yield


def hear(board: ClientConnection, timeout: float = 10) -> dict[str, Any]:
    """The next snapshot."""
    snapshot: dict[str, Any] = json.loads(board.recv(timeout=timeout))
    return snapshot


def ack(board: ClientConnection, snapshot: dict[str, Any]) -> None:
    board.send(json.dumps({"ack": snapshot["seq"]}))


def code_of(board: ClientConnection, timeout: float = 10) -> int | None:
    """The close code that the server said; what it sends before that is passed over."""
    with suppress(ConnectionClosed):
        while True:
            board.recv(timeout=timeout)
    return board.close_code


def watch_until(
    board: ClientConnection, told: Callable[[dict[str, Any]], bool], seconds: float
) -> dict[str, Any]:
    """The first snapshot that tells it; every one before is acknowledged."""
    until = time.monotonic() + seconds
    while True:
        snapshot = hear(board, max(0.001, until - time.monotonic()))
        if told(snapshot):
            return snapshot
        ack(board, snapshot)


def shows_tabs(count: int) -> Callable[[dict[str, Any]], bool]:
    return lambda snapshot: bool(snapshot["tabs"] == count)
