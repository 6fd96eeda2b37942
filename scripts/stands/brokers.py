"""Real brokers on free ports of the loopback, which can be killed and come back with what they kept."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from analytics.up.valkey import program as valkey_program
from scripts.stands.checkout import ROOT
from scripts.stands.folders import temporary_folder
from scripts.stands.ports import free_port
from scripts.stands.waiting import wait_for

NATS = Path(sys.executable).with_name("nats-server")
QUIET: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


class Broker:
    """One broker. `scheme`: of its URL; `command`: what starts it on its port."""

    def __init__(self, scheme: str, port: int, command: Sequence[str | Path]) -> None:
        self.port, self.url = port, f"{scheme}://127.0.0.1:{port}"
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin; returns when it takes connections."""
        self._process = subprocess.Popen(self._command, **QUIET)
        wait_for(self._answers, 20, f"the broker on port {self.port}")

    def kill(self) -> None:
        """As kill -9 does."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


@contextmanager
def _running(broker: Broker) -> Iterator[Broker]:
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


@contextmanager
def running_nats(*options: str) -> Iterator[Broker]:
    """NATS with JetStream, which keeps its streams in a folder. `options`: more words of its command."""
    with temporary_folder("footfall-nats-") as folder:
        port = free_port()
        own = ("-a", "127.0.0.1", "-p", str(port), "-js", "-sd", folder)
        with _running(Broker("nats", port, (NATS, *own, *options))) as broker:
            yield broker


@contextmanager
def running_valkey_port() -> Iterator[Broker]:
    """Valkey on a port, which writes down each change."""
    with temporary_folder("footfall-valkey-") as folder:
        port = free_port()
        kept = ("--dir", folder, "--save", "", "--appendonly", "yes", "--appendfsync", "always")
        with _running(
            Broker("redis", port, (valkey_program(), "--bind", "127.0.0.1", "--port", str(port), *kept))
        ) as broker:
            yield broker


@contextmanager
def running_mosquitto() -> Iterator[Broker]:
    """Mosquitto, which keeps sessions while it runs."""
    with temporary_folder("footfall-mosquitto-") as folder:
        port = free_port()
        settings = Path(folder) / "mosquitto.conf"
        settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n")
        settings.chmod(0o644)
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "mosquitto is not installed: scripts/test does that"
        with _running(Broker("mqtt", port, (program, "-c", settings))) as broker:
            yield broker


class Consuming:
    """A `manage.py consume` beside a running product; what it prints is gathered in `printed`."""

    def __init__(self, environment: dict[str, str], *words: str) -> None:
        self.printed = ""
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "consume", *words],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def taking(self) -> "Consuming":
        """Wait until it takes messages."""
        wait_for(lambda: "Taking" in self.printed or self.process.poll() is not None, 60, "consume to begin")
        assert self.process.poll() is None, self.printed
        return self

    def kill(self) -> None:
        """As kill -9 does."""
        self.process.kill()
        self._ended()

    def end(self) -> str:
        """End it as an operator does, and in order; all that it printed."""
        self.process.terminate()
        code = self._ended()
        assert code == 0, self.printed
        return self.printed

    def _ended(self) -> int:
        code = self.process.wait(timeout=60)
        self._reader.join(timeout=10)
        if self.process.stderr:
            self.process.stderr.close()
        return code

    def _read(self) -> None:
        for line in self.process.stderr or ():
            self.printed += line
