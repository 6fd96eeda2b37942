"""Hears the signs of life that the processes of `up` give, as systemd has it (sd_notify(3))."""

import socket
import struct
import threading
import time
from pathlib import Path

from tracker.liveness.activity import Activity, go_on_in_thread
from tracker.liveness.notify import ALIVE, READY

CREDENTIALS = struct.Struct("3i")  # process, user, group: as the kernel says them, not the sender


class Signs:
    """The socket on which processes say that they live."""

    def __init__(self, folder: Path) -> None:
        """Listens in a folder that only Footfall may write to. Raises OSError."""
        self.path = folder / "signs"
        self._last: dict[int, float] = {}
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
        """What tells a child of this process where it is heard, and for how long it may be silent."""
        return {"NOTIFY_SOCKET": str(self.path), "WATCHDOG_USEC": str(int(patience * 1e6))}

    def last(self, process: int) -> float | None:
        return self._last.get(process)

    def _hear(self) -> None:
        while not self._stopping.is_set():
            try:
                said, beside, _, _ = self._socket.recvmsg(256, socket.CMSG_SPACE(CREDENTIALS.size))
            except TimeoutError:
                continue
            if {ALIVE, READY} & set(said.split(b"\n")):
                self._note(beside)

    def _note(self, beside: list[tuple[int, int, bytes]]) -> None:
        for level, kind, data in beside:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                self._last[CREDENTIALS.unpack(data[: CREDENTIALS.size])[0]] = time.monotonic()
