"""A real Valkey that can be killed and comes back empty, and a line to it that can go dead without a word."""

import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from analytics.up.valkey import program
from scripts.stands.waiting import wait_for


class Valkey:
    """A server on a unix socket; keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "valkey"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    def start(self) -> None:
        """Begin, empty; returns when it answers."""
        self.path.unlink(missing_ok=True)
        place = ("--port", "0", "--unixsocket", self.path, "--unixsocketperm", "777")
        command = (program(), *place, "--save", "", "--appendonly", "no")
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_for(self._answers, what="Valkey")

    def kill(self) -> None:
        """As kill -9 does."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.connect(str(self.path))
            probe.sendall(b"PING\r\n")
            return probe.recv(64) == b"+PONG\r\n"
        return False


class ValkeyLine:
    """A way to the server for one process. While it is cut, bytes vanish and nobody is told."""

    def __init__(self, valkey: Valkey) -> None:
        self.path = valkey.path.with_name("line")
        self._server = valkey.path
        self._whole = threading.Event()
        self._whole.set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self.path.chmod(0o777)
        self._listener.listen()
        self._sockets: list[socket.socket] = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    def close(self) -> None:
        self.mend()
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.socket(socket.AF_UNIX)
                self._sockets += [near, far]
                far.connect(str(self._server))
                for source, target in ((near, far), (far, near)):
                    thread = threading.Thread(target=self._carry, args=(source, target))
                    self._threads.append(thread)
                    thread.start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._whole.wait()
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


@contextmanager
def running_valkey() -> Iterator[Valkey]:
    """A Valkey of its own, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="footfall-valkey-") as folder:
        # Those who ask it may be another account than whoever tests.
        Path(folder).chmod(0o711)
        valkey = Valkey(Path(folder))
        valkey.start()
        try:
            yield valkey
        finally:
            valkey.kill()


@contextmanager
def running_line(valkey: Valkey) -> Iterator[ValkeyLine]:
    """A line of its own, gone afterwards."""
    line = ValkeyLine(valkey)
    try:
        yield line
    finally:
        line.close()
