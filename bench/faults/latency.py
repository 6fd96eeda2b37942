"""Latency for real packets: iptables hands them to us over a netlink queue, and each is let go a while later.

This kernel has no `tc netem`; a proxy would delay bytes, but TCP's own handshakes, acks and retransmissions,
which are what suffers on a slow network, would stay as fast as the loopback. Only the queue's numbers travel,
never the packets.
"""

import select
import socket
import struct
import threading
import time
from collections import deque
from types import TracebackType
from typing import Final, Self

# From linux/netlink.h, linux/netfilter/nfnetlink.h and nfnetlink_queue.h.
NETLINK_NETFILTER, SUBSYSTEM, REQUEST = 12, 3 << 8, 1
PACKET, VERDICT, CONFIG = SUBSYSTEM | 0, SUBSYSTEM | 1, SUBSYSTEM | 2
CONFIG_COMMAND, CONFIG_PARAMETERS, CONFIG_LENGTH = 1, 2, 3
BIND, COPY_META = 1, 1
PACKET_HEADER, VERDICT_HEADER, ACCEPT = 1, 2, 1
HEADER: Final = struct.Struct("=IHHII")
ATTRIBUTE: Final = struct.Struct("=HH")
FAMILY_BYTES = 4
MOST_WAITING = 65_535  # packets; what comes on top is lost, as in a router
BUFFER_BYTES = 8 << 20


class Latency:
    """Holds every packet of one NFQUEUE back for `seconds`, in a thread, while the `with` lasts."""

    def __init__(self, queue: int, seconds: float) -> None:
        self._queue = queue
        self._seconds = seconds
        self.packets = 0
        self._waiting: deque[tuple[float, int]] = deque()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="latency")

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._socket.bind((0, 0))
        self._say(CONFIG, CONFIG_COMMAND, struct.pack("!BxH", BIND, socket.AF_INET))
        self._say(CONFIG, CONFIG_PARAMETERS, struct.pack("!IB", 0, COPY_META))
        self._say(CONFIG, CONFIG_LENGTH, struct.pack("!I", MOST_WAITING))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            patience = max(0.0, self._waiting[0][0] - time.monotonic()) if self._waiting else 0.1
            ready, _, _ = select.select([self._socket], [], [], patience)
            now = time.monotonic()
            if ready:
                self._take(self._receive(), now + self._seconds)
            while self._waiting and self._waiting[0][0] <= now:
                _, packet = self._waiting.popleft()
                self._say(VERDICT, VERDICT_HEADER, struct.pack("!II", ACCEPT, packet))

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(65536)
        except OSError:
            return b""  # more came than the buffer holds, and that is lost

    def _take(self, data: bytes, due: float) -> None:
        while len(data) >= HEADER.size:
            length, kind, *_ = HEADER.unpack_from(data)
            if kind == PACKET:
                self.packets += 1
                self._waiting.append((due, _packet(data[HEADER.size + FAMILY_BYTES : length])))
            data = data[_aligned(length) :]

    def _say(self, kind: int, attribute: int, value: bytes) -> None:
        told = ATTRIBUTE.pack(ATTRIBUTE.size + len(value), attribute) + value
        body = struct.pack("!BBH", 0, 0, self._queue) + told + b"\0" * (_aligned(len(told)) - len(told))
        self._socket.send(HEADER.pack(HEADER.size + len(body), kind, REQUEST, 0, 0) + body)


def _packet(attributes: bytes) -> int:
    """The number by which the kernel knows the packet."""
    while attributes:
        length, kind = ATTRIBUTE.unpack_from(attributes)
        if kind == PACKET_HEADER:
            return int.from_bytes(attributes[ATTRIBUTE.size : ATTRIBUTE.size + 4], "big")
        attributes = attributes[_aligned(length) :]
    raise ValueError("The kernel told of a packet without its number.")


def _aligned(length: int) -> int:
    return (length + 3) & ~3
