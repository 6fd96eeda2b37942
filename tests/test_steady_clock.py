"""The one process while its server's clock is set: durations follow clocks that nobody can set."""

import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.faults.clock import COMPILER, SHIM
from scripts.stands import frames
from scripts.stands.product import Product, running
from scripts.stands.sockets import open_socket
from scripts.stands.waiting import wait_for
from tests.raw_sockets import frame, heard_until_end

# Longer than daphne lets a socket live by itself.
DAY_SECONDS = 25 * 3600
# Pings come every 10 s, and daphne looks every 2 s.
PING_SECONDS = 14.0


class SetClock:
    """The clock of a product's processes."""

    def __init__(self, folder: Path) -> None:
        self.setting, self.library = folder / "clock", folder / "clock_step.so"
        self.setting.write_bytes(struct.pack("q", 0))
        subprocess.run([COMPILER, "-O2", "-shared", "-fPIC", "-o", str(self.library), str(SHIM)], check=True)

    def set(self, ahead: int) -> None:
        # In place: the processes have it mapped.
        with self.setting.open("r+b") as file:
            file.write(struct.pack("q", ahead))


@pytest.fixture
def clock(tmp_path: Path) -> SetClock:
    return SetClock(tmp_path)


@pytest.fixture
def product(clock: SetClock) -> Iterator[Product]:
    with running(LD_PRELOAD=str(clock.library), FOOTFALL_CLOCK=str(clock.setting)) as started:
        yield started


def is_pinged(opened: socket.socket) -> bool:
    """Whether a ping comes in time; it is answered."""
    heard: list[frames.ServerFrames] = []

    def one() -> bool:
        more, ended = heard_until_end(opened, 0.2)
        heard.extend(more)
        assert not ended, heard
        return any(each.opcode == frames.PING for each in heard)

    wait_for(one, PING_SECONDS, "a ping")
    for each in heard:
        if each.opcode == frames.PING:
            opened.sendall(frame(0x8A, each.payload))
    return True


@pytest.mark.waits
def test_a_clock_that_is_set_by_a_day_ends_no_socket_and_stops_no_timer(
    product: Product, clock: SetClock
) -> None:
    key = product.add_site("clock.example")
    with open_socket(product.socket_url, f"/live/{key}", "https://clock.example") as opened:
        clock.set(DAY_SECONDS)
        assert is_pinged(opened)
        clock.set(0)
        assert is_pinged(opened)
        # Nor does half a request get a day.
        half = socket.create_connection(("127.0.0.1", product.port), timeout=PING_SECONDS)
        half.sendall(b"GET / HTTP/1.1\r\n")
        clock.set(-DAY_SECONDS)
        with half:
            assert half.recv(100) == b""
