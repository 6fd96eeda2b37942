"""The edges' own doors behind nginx, which would send one address to one edge; and what pages say there."""

import http.client
import json
import time
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, unix_connect
from websockets.typing import Origin

from bench import visitors
from bench.faults.stand import Stand

PATIENCE = 10.0
ORIGIN = f"https://{visitors.ORIGIN_HOST}"


class Doors:
    """Ways into one stand."""

    def __init__(self, stand: Stand) -> None:
        self._port, self._path = stand.port, f"/live/{stand.key}"
        self._folder = Path((stand.data / "run_folder").read_text().strip())

    def dial(self, edge: int, visitor: int) -> ClientConnection:
        """A visitor's socket at this edge (1, 2, …)."""
        return unix_connect(
            str(self._folder / f"edge-{edge}.ws"),
            f"ws://127.0.0.1:{self._port}{self._path}",
            origin=Origin(ORIGIN),
            user_agent_header=visitors.user_agent(visitor),
            additional_headers={"X-Forwarded-For": visitors.address(visitor)},
            compression=None,
        )

    def post(self, visitor: int, *messages: str) -> list[UUID]:
        """The acks of a POST through nginx."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self._port, PATIENCE, source_address=(visitors.address(visitor), 0)
        )
        headers = {"Origin": ORIGIN, "User-Agent": visitors.user_agent(visitor)}
        connection.request("POST", self._path, f"[{','.join(messages)}]", headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 200:
            raise OSError(f"status {answer.status}")
        return [UUID(ack["id"]) for ack in json.loads(body)]


def acked(opened: ClientConnection, *ids: UUID) -> set[UUID]:
    """Wait for the acks of these ids; those that came before the socket was closed, or patience ended."""
    heard: set[UUID] = set()
    until = time.monotonic() + PATIENCE
    with suppress(ConnectionClosed, TimeoutError):
        while not heard.issuperset(ids):
            heard.add(UUID(json.loads(opened.recv(timeout=until - time.monotonic()))["id"]))
    return heard


def close_code(opened: ClientConnection) -> int:
    """Wait until the server closes the socket; its code. Raises TimeoutError."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            opened.recv(timeout=until - time.monotonic())
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 0
