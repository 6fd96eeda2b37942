"""Hears what the processes of `up` say of themselves, as systemd has it (sd_notify(3)): that they live.

Words of our own begin with `X_FOOTFALL_`, as that page wants them to.
"""

import socket
import struct
import threading
import time
from pathlib import Path

from tracker.liveness.activity import Activity, go_on_in_thread
from tracker.liveness.notify import ALIVE, READY

CREDENTIALS = struct.Struct("3i")  # process, user, group: as the kernel says them, not the sender
# Longer than all words of ours together.
MOST_BYTES = 1024
KEPT = (READY, b"X_FOOTFALL_")


class Signs:
    """The socket on which processes say that they live."""

    def __init__(self, folder: Path) -> None:
        """Listens in a folder that only Footfall may write to. Raises OSError."""
        self.path = folder / "signs"
        self._last: dict[int, float] = {}
        self._said: dict[int, set[bytes]] = {}
        self._stopping = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.settimeout(0.5)
        self._socket.bind(str(self.path))
        self._thread = threading.Thread(
            target=go_on_in_thread,
            args=(Activity("Signs of life"), self._hear, self._stopping),
            name="signs",
            daemon=True,
        )

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()

    def environment(self, patience: float) -> dict[str, str]:
        """What tells a child of this process where it is heard, and how long it may be silent (0: ever)."""
        return {
            "NOTIFY_SOCKET": str(self.path),
            **({"WATCHDOG_USEC": str(int(patience * 1e6))} if patience else {}),
        }

    def last(self, process: int) -> float | None:
        return self._last.get(process)

    def said(self, process: int) -> frozenset[bytes]:
        """What a process has said for good by now, each a `NAME=value`."""
        return frozenset(self._said.get(process, ()))

    def _hear(self) -> None:
        while not self._stopping.is_set():
            try:
                said, beside, _, _ = self._socket.recvmsg(MOST_BYTES, socket.CMSG_SPACE(CREDENTIALS.size))
            except TimeoutError:
                continue
            for process in _senders(beside):
                self._note(process, set(said.split(b"\n")))

    def _note(self, process: int, words: set[bytes]) -> None:
        if process not in self._said:
            for gone in [each for each in self._said if not Path(f"/proc/{each}").exists()]:
                self._last.pop(gone, None)
                del self._said[gone]
        self._said.setdefault(process, set()).update(word for word in words if word.startswith(KEPT))
        if words & {ALIVE, READY}:
            self._last[process] = time.monotonic()


def _senders(beside: list[tuple[int, int, bytes]]) -> list[int]:
    return [
        CREDENTIALS.unpack(data[: CREDENTIALS.size])[0]
        for level, kind, data in beside
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS)
    ]
