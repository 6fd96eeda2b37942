"""Many open boards at once, read in one thread: what a page does, and nothing of what it shows."""

import re
import selectors
import socket
import threading
import time
from types import TracebackType
from typing import Self

from scripts.stands import frames
from scripts.stands.delays import Delays

PATIENCE = 60.0
SEQ = re.compile(rb'"seq":(\d+)')


class _Board:
    def __init__(self, port: int, key: str, cookie: str) -> None:
        host = f"127.0.0.1:{port}"
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.sendall(
            frames.handshake(f"/board/{key}", host, {"Origin": f"http://{host}", "Cookie": cookie})
        )
        self.rest = b""
        self.opened = False
        self.snapshots = 0

    def fileno(self) -> int:
        return self.socket.fileno()

    def read(self) -> list[bytes] | None:
        """The snapshots that have come; None when it was closed."""
        data = self.socket.recv(1 << 18)
        if not data:
            return None
        self.rest += data
        if not self.opened:
            answer = frames.answer(self.rest)
            if answer is None:
                return []
            self.opened, self.rest = answer
        found, self.rest = frames.heard(self.rest)
        for opcode, payload in found:
            if opcode == frames.PING:
                self.socket.sendall(frames.frame(frames.PONG, payload))
        return [payload for opcode, payload in found if opcode == frames.TEXT]


class Boards:
    """Open boards that read and acknowledge every snapshot, until the `with` ends."""

    def __init__(self, port: int, key: str, cookies: list[str], number: int) -> None:
        self.snapshots = 0
        self.bytes = 0
        self.lost = 0
        self.spread = Delays()  # from a snapshot's first board to each other one
        self._first: dict[bytes, float] = {}
        self._selector = selectors.DefaultSelector()
        self._boards = [_Board(port, key, cookies[n % len(cookies)]) for n in range(number)]
        for board in self._boards:
            self._selector.register(board, selectors.EVENT_READ)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="boards", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until each has shown a snapshot. Raises TimeoutError."""
        until = time.monotonic() + PATIENCE
        while not all(board.snapshots for board in self._boards):
            if time.monotonic() > until:
                silent = sum(not board.snapshots for board in self._boards)
                raise TimeoutError(
                    f"{silent} of {len(self._boards)} boards heard nothing, {self.lost} were closed"
                )
            time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join(PATIENCE)
        for board in self._boards:
            board.socket.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._stopped.is_set():
            for key, _ in self._selector.select(0.1):
                self._take(key.fileobj)  # type: ignore[arg-type]  # only boards are registered

    def _take(self, board: _Board) -> None:
        try:
            snapshots = board.read()
        except OSError:
            snapshots = None
        if snapshots is None:
            self._selector.unregister(board)
            self.lost += 1
            return
        for payload in snapshots:
            seq = SEQ.search(payload)
            assert seq, "A snapshot has no number."
            now = time.monotonic()
            self.spread.add(now - self._first.setdefault(seq[1], now))
            board.snapshots += 1
            self.snapshots += 1
            self.bytes += len(payload)
            board.socket.sendall(frames.frame(frames.TEXT, b'{"ack":%s}' % seq[1]))
