"""Two ways to see who is live, as the verifier needs them: the API with a token, and a board's socket."""

import http.client
import json
import socket
import threading
from contextlib import suppress
from typing import Any

from scripts.stands import frames

PATIENCE = 5.0


class Api:
    """`GET /api/v1/sites/KEY/live` over a connection that is kept; `query` may filter ("&page=…")."""

    def __init__(self, port: int, key: str, token: str, query: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._path = f"/api/v1/sites/{key}/live?limit=1{query}"
        self._headers = {"Authorization": f"Bearer {token}"}

    def live(self) -> dict[str, Any]:
        """The live object of this moment. Raises OSError when nobody answers rightly."""
        try:
            self._connection.request("GET", self._path, headers=self._headers)
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise OSError(f"no answer: {type(error).__name__}") from error
        if response.status != 200:
            raise OSError(f"status {response.status}")
        found: dict[str, Any] = json.loads(body)
        return found

    def close(self) -> None:
        self._connection.close()


class Board:
    """One open board: reads every snapshot and acknowledges it, in a thread, until `close`."""

    def __init__(self, port: int, key: str, cookie: str) -> None:
        self.snapshots = 0
        self.bytes = 0
        self._newest: dict[str, Any] | None = None
        self._first = threading.Event()
        host = f"127.0.0.1:{port}"
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._socket.sendall(
            frames.handshake(f"/board/{key}", host, {"Origin": f"http://{host}", "Cookie": cookie})
        )
        self._socket.settimeout(60)
        self._thread = threading.Thread(target=self._read, name="board", daemon=True)
        self._thread.start()

    def live(self) -> dict[str, Any]:
        """What the board shows now. Raises OSError when it never got anything."""
        if not self._first.wait(PATIENCE) or self._newest is None:
            raise OSError("no snapshot")
        return self._newest

    def close(self) -> None:
        # It may have been cut already, by the very fault that is looked at.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._socket.close()

    def _read(self) -> None:
        rest, opened = b"", False
        while data := self._receive():
            rest += data
            if not opened:
                answer = frames.answer(rest)
                if answer is None:
                    continue
                opened, rest = answer
            found, rest = frames.heard(rest)
            for opcode, payload in found:
                if opcode == frames.TEXT:
                    self._show(payload)
                elif opcode == frames.PING:
                    self._say(frames.frame(frames.PONG, payload))

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(1 << 20)
        except OSError:
            return b""

    def _show(self, payload: bytes) -> None:
        snapshot: dict[str, Any] = json.loads(payload)
        self.snapshots += 1
        self.bytes += len(payload)
        self._newest = snapshot
        self._first.set()
        self._say(frames.frame(frames.TEXT, b'{"ack":%d}' % snapshot["seq"]))

    def _say(self, frame: bytes) -> None:
        # Whoever closes the board may do so while a snapshot is on its way.
        with suppress(OSError):
            self._socket.sendall(frame)
