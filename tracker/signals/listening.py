"""The ports of a process for datapoints, and what it does each second."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import NamedTuple

from tracker.signals.machine import Machine
from tracker.signals.receiver import Connections, DatagramReceiver, LineReceiver, bound
from tracker.signals.signals import Signals


class PortPlace(NamedTuple):
    """A host and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def place(text: str) -> PortPlace:
    """Read `HOST:PORT`, `[IPV6]:PORT` or a port of 127.0.0.1; raises ValueError with a sentence."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if not (port.isascii() and port.isdecimal() and 0 <= int(port) < 65_536):
        raise ValueError(f"{text!r} is no HOST:PORT, as 127.0.0.1:8125.")
    return PortPlace(host, int(port))


class Listening:
    """What arrives at the ports goes to `signals`."""

    def __init__(self, signals: Signals, machine: bool) -> None:
        """`machine`: whether this machine's own figures are taken as well."""
        self._signals = signals
        self._machine = Machine() if machine else None
        self._datagrams: list[DatagramReceiver] = []
        self._lines: list[socket.socket] = []
        self._connections = Connections()

    @contextmanager
    def bind(self, where: PortPlace, kind: socket.SocketKind) -> Iterator[None]:
        """Hold a port for datagrams or for lines; raises OSError."""
        port = bound(where.host, where.port, kind)
        with port:
            if kind is socket.SOCK_DGRAM:
                self._datagrams.append(DatagramReceiver(port, self._signals.reader, self._signals.take))
            else:
                self._lines.append(port)
            yield

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Take what arrives; at the end what has arrived, and no more."""
        for each in self._datagrams:
            each.start()
        servers = [
            await asyncio.get_running_loop().create_server(self._line_receiver, sock=port)
            for port in self._lines
        ]
        work = asyncio.create_task(self._signals.run(self._count_dropped))
        try:
            yield
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
            for server in servers:
                server.close()
            self._connections.close()
            for each in self._datagrams:
                each.stop()

    def each_second(self) -> None:
        """What is to be done once a second."""
        self._connections.end_silent()
        if self._machine:
            self._signals.take(self._machine.read())

    def _line_receiver(self) -> LineReceiver:
        return LineReceiver(self._signals.reader, self._signals.take, self._connections)

    def _count_dropped(self) -> None:
        for each in self._datagrams:
            each.count_dropped(self._signals.refused)
