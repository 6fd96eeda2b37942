"""Where datapoints arrive: a UDP port and a TCP port, read by one event loop."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tracker.signals.datapoint import Datapoint, Reason
from tracker.signals.statsd import LINE_MOST, Statsd

DATAGRAM_MOST = 65_535
# Datagrams in one go: some 4,000 datapoints, 15 ms, before others have their turn.
GO = 100
# What the kernel holds while we are busy; it gives as much of it as its own bound allows.
BUFFER = 8 * 1024 * 1024
CONNECTIONS_MOST = 256
SILENCE_SECONDS = 3600.0

Take = Callable[[list[Datapoint]], None]


def bound(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """A socket at this address, of either family; raises OSError."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=kind)[0]
    opened = socket.socket(family, kind)
    try:
        if kind is socket.SOCK_DGRAM:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        else:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.setblocking(False)
    except OSError:
        opened.close()
        raise
    return opened


class DatagramReceiver:
    """Reads datagrams of lines, each whole."""

    def __init__(self, port: socket.socket, reader: Statsd, take: Take) -> None:
        self._port = port
        self._reader = reader
        self._take = take
        self._dropped = dropped_by_kernel(port)

    def start(self) -> None:
        """Begin, in the running loop."""
        asyncio.get_running_loop().add_reader(self._port, self._receive)

    def stop(self) -> None:
        """Take what has arrived, and no more."""
        self._receive()
        asyncio.get_running_loop().remove_reader(self._port)
        self._port.close()

    def _receive(self) -> None:
        for _ in range(GO):
            try:
                datagram = self._port.recv(DATAGRAM_MOST)
            except BlockingIOError:
                return
            except OSError:
                # An answer that could not be delivered: nothing is answered here.
                continue
            self._take(self._reader.read(datagram))

    def count_dropped(self, refused: Counter[Reason]) -> None:
        """Add what the kernel dropped since the last time, datagrams that nobody has seen."""
        dropped = dropped_by_kernel(self._port)
        if dropped > self._dropped:
            refused[Reason.KERNEL] += dropped - self._dropped
        self._dropped = dropped


class LineReceiver(asyncio.Protocol):
    """One TCP connection of lines. A line that is too long costs itself alone."""

    def __init__(self, reader: Statsd, take: Take, connections: "Connections") -> None:
        self._reader = reader
        self._take = take
        self._connections = connections
        self._rest = b""
        self._passing = False  # over a line that is too long
        self._transport: asyncio.Transport | None = None
        self._heard = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport) or not self._connections.enter(self):
            transport.close()
            return
        self._transport = transport
        self._heard = asyncio.get_running_loop().time()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport:
            # What a sender leaves unfinished when it goes is its last line.
            if self._rest and not self._passing:
                self._take(self._reader.read(self._rest))
            self._connections.leave(self)

    def data_received(self, data: bytes) -> None:
        self._heard = asyncio.get_running_loop().time()
        lines, ended, rest = data.rpartition(b"\n")
        if ended:
            self._finish(lines)
            self._rest = b""
        if not self._passing:
            self._rest += rest
        if len(self._rest) > LINE_MOST:
            self._reader.refused[Reason.TOO_LONG] += 1
            self._rest, self._passing = b"", True

    def _finish(self, lines: bytes) -> None:
        if self._passing:
            _, _, lines = lines.partition(b"\n")
            self._passing = False
        self._take(self._reader.read(self._rest + lines))

    def end_if_silent(self, now: float) -> None:
        """Close a connection on which nothing came for an hour."""
        if self._transport and now - self._heard > SILENCE_SECONDS:
            self._transport.close()

    def close(self) -> None:
        """End it, after what has arrived."""
        if self._transport:
            self._transport.close()


class Connections:
    """The TCP connections that are open, a bounded number."""

    def __init__(self, most: int = CONNECTIONS_MOST) -> None:
        self._most = most
        self._open: set[LineReceiver] = set()

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, connection: LineReceiver) -> bool:
        """Whether there is room for one more."""
        if len(self._open) >= self._most:
            return False
        self._open.add(connection)
        return True

    def leave(self, connection: LineReceiver) -> None:
        """One has gone."""
        self._open.discard(connection)

    def end_silent(self) -> None:
        """Close those on which nothing came for an hour."""
        now = asyncio.get_running_loop().time()
        for connection in list(self._open):
            connection.end_if_silent(now)

    def close(self) -> None:
        """Close all."""
        for connection in list(self._open):
            connection.close()


def dropped_by_kernel(port: socket.socket, table: Path = Path("/proc/net")) -> int:
    """How many datagrams the kernel dropped at this port, since its buffer was full; 0 where it does not say.

    Source: proc(5): the last column of /proc/net/udp and udp6; the tenth is the socket's inode.
    """
    name = "udp6" if port.family is socket.AF_INET6 else "udp"
    inode = str(Path(f"/proc/self/fd/{port.fileno()}").stat().st_ino)
    try:
        lines = (table / name).read_text().splitlines()[1:]
    except OSError:
        return 0
    fields = next((fields for line in lines if (fields := line.split())[9] == inode), None)
    return int(fields[-1]) if fields else 0
