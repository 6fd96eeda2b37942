"""What the machine itself says, each second: processors, load, memory, disks, network."""

import os
import socket
import time
from collections.abc import Iterator

import psutil

from tracker.signals.datapoint import Datapoint, Series, SeriesKind

# How the kernel tells where a processor's time went, and psutil's names for it; not every system has all.
MODES = {
    "user": "user",
    "nice": "nice",
    "system": "system",
    "idle": "idle",
    "wait": "iowait",
    "interrupts": "softirq",
    "stolen": "steal",
}


class Machine:
    """Reads the kernel's counters; `read` says what became of them since the last time."""

    def __init__(self) -> None:
        self._host = socket.gethostname()
        self._times = psutil.cpu_times()
        self._disk, self._network = psutil.disk_io_counters(), psutil.net_io_counters()
        self._at = time.monotonic()

    def read(self) -> list[Datapoint]:
        """Shares in per cent, memory in bytes, the flow of disks and network in bytes a second."""
        now = time.monotonic()
        since, self._at = now - self._at, now
        if since <= 0:
            return []
        return [*self._processors(), *self._memory(), *self._flow(since)]

    def _gauge(self, name: str, value: float, **tags: str) -> Datapoint:
        own = {"host": self._host, **tags}
        return Datapoint(Series(f"host.{name}", SeriesKind.GAUGE, tuple(sorted(own.items()))), value)

    def _processors(self) -> Iterator[Datapoint]:
        before, self._times = self._times, psutil.cpu_times()
        parts = {
            mode: max(0.0, getattr(self._times, name, 0.0) - getattr(before, name, 0.0))
            for mode, name in MODES.items()
        }
        whole = sum(parts.values())
        for mode, part in parts.items():
            if whole:
                yield self._gauge("cpu", 100 * part / whole, mode=mode)
        for minutes, load in zip((1, 5, 15), os.getloadavg(), strict=True):
            yield self._gauge("load", load, minutes=str(minutes))

    def _memory(self) -> Iterator[Datapoint]:
        memory = psutil.virtual_memory()
        yield self._gauge("memory.used", memory.total - memory.available)
        yield self._gauge("memory.total", memory.total)

    def _flow(self, since: float) -> Iterator[Datapoint]:
        before, self._disk = self._disk, psutil.disk_io_counters()
        if before and self._disk:  # a container may show none
            yield self._gauge("disk", max(0, self._disk.read_bytes - before.read_bytes) / since, way="read")
            yield self._gauge(
                "disk", max(0, self._disk.write_bytes - before.write_bytes) / since, way="written"
            )
        earlier, self._network = self._network, psutil.net_io_counters()
        if earlier and self._network:
            received = max(0, self._network.bytes_recv - earlier.bytes_recv)
            sent = max(0, self._network.bytes_sent - earlier.bytes_sent)
            yield self._gauge("network", received / since, way="received")
            yield self._gauge("network", sent / since, way="sent")
