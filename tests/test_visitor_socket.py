"""One socket of an edge on a real pair of sockets: what counts, what is free, when nothing more is read."""

import asyncio
import json
import select
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import cast

import pytest

from scripts.stands import frames
from scripts.stands.frames import PING
from tests.conversation import PAGES, RecordingServices, example_caller
from tests.raw_sockets import closes, frame
from tracker.contract.drops import Drop
from tracker.contract.pace import Pace
from tracker.contract.records import Owner
from tracker.contract.socket_bounds import FEW_READS
from tracker.conversation.services import Caller, Reply
from tracker.conversation.session import Session
from tracker.edge.edge import Edge
from tracker.server.ping_wheel import PingWheel
from tracker.server.visitor_socket import VisitorSocket
from tracker.visitors.request import VisitorRequest

HEAD = frames.handshake("/live/k", "localhost", {})
BURST = 20
SOON = 0.6


class OneEdge(RecordingServices):
    """Lets everybody in, at a pace that is soon used up and never given back."""

    def admit(self, request: VisitorRequest) -> Caller:
        return example_caller()

    def open(self, caller: Caller, reply: Reply, close: Callable[[int], None]) -> Session:
        return Session(self, caller, Owner(1, 1), Pace(BURST, 0), reply, close)

    def finished(self, session: Session) -> None:
        if not session.closed:
            session.lost(1.0)


class OneDoor:
    """A listener of one socket, which is read when the test says so."""

    def __init__(self) -> None:
        self.desk = OneEdge()
        self.edge = cast(Edge, self.desk)
        self.pings = PingWheel(whole_seconds=SOON)
        self.far, near = socket.socketpair()
        self.far.settimeout(5)
        self.reads = True
        self.ended = asyncio.Event()
        self.near = VisitorSocket(self, near, None)
        self._poll = select.poll()
        self._poll.register(near, select.POLLIN)

    @property
    def over(self) -> bool:
        return self.ended.is_set()

    def gone(self, descriptor: int) -> None:
        self.ended.set()

    def ignore(self, descriptor: int) -> None:
        self.reads = False

    def says(self, data: bytes) -> None:
        """Say this, and let it be read, in as many reads as that takes."""
        with suppress(ConnectionError):
            self.far.sendall(data)
        while not self.over and self.reads and self._poll.poll(0):
            self.near.on_readable(False)

    def hears(self) -> list[frames.ServerFrames]:
        """What was said to the page since it was asked before."""
        self.far.setblocking(False)
        data = b""
        with suppress(BlockingIOError, ConnectionError):
            while more := self.far.recv(65536):
                data += more
        if data.startswith(b"HTTP/1.1"):
            data = data.partition(b"\r\n\r\n")[2]
        return frames.heard(data)[0]


@pytest.fixture
async def door() -> AsyncIterator[OneDoor]:
    made = OneDoor()
    turning = asyncio.create_task(made.pings.turn(lambda: None))
    yield made
    made.near.cut()
    await asyncio.sleep(0)
    turning.cancel()
    made.far.close()


async def until_over(door: OneDoor) -> None:
    await asyncio.wait_for(door.ended.wait(), 5)


@pytest.mark.parametrize("kind", [0x89, 0x8A, 0x01], ids=["pings", "pongs", "pieces"])
async def test_a_frame_that_is_no_message_costs_what_a_message_costs(door: OneDoor, kind: int) -> None:
    door.says(HEAD + frame(kind) + frame(0 if kind == 1 else kind) * (BURST - 1))
    assert closes(door.hears()) == []
    door.says(frame(0 if kind == 1 else kind))
    assert closes(door.hears()) == [4429]
    assert door.desk.drops.total(Drop.TOO_FAST) == 1
    # They are no messages, in the figures.
    assert door.desk.messages == 0


async def test_the_answer_to_a_ping_of_ours_is_free(door: OneDoor) -> None:
    door.says(HEAD)
    for _ in range(3 * BURST):
        door.near.ping()
        door.says(frame(0x8A))
    assert {each.opcode for each in door.hears()} == {PING}
    # One for each ping, and the next one costs.
    door.says(frame(0x8A) * BURST)
    assert closes(door.hears()) == []
    door.says(frame(0x8A))
    assert closes(door.hears()) == [4429]


async def test_a_short_read_that_ends_no_frame_costs_a_message_and_a_long_one_nothing(door: OneDoor) -> None:
    door.says(HEAD)
    said = frame(0x81, b'{"t":"state","id":"%s","s":"idle"}' % (b"0" * 4) + b" " * 7000)
    for at in range(0, len(said), 1000):
        door.says(said[at : at + 1000])
    assert closes(door.hears()) == [4400]


async def test_byte_by_byte_no_frame_becomes_whole(door: OneDoor) -> None:
    door.says(HEAD)
    for byte in frame(0x81, b" " * 100):
        door.says(bytes([byte]))
    assert closes(door.hears()) == [4429]


async def test_a_head_in_many_reads_is_no_pages(door: OneDoor) -> None:
    for byte in HEAD:
        door.says(bytes([byte]))
    assert door.over
    assert door.far.recv(4096).startswith(b"HTTP/1.1 431 ")


async def test_after_a_close_a_ping_is_not_answered_and_the_answer_to_the_close_ends_it(
    door: OneDoor,
) -> None:
    door.says(HEAD)
    door.near.close(4502)
    door.says(frame(0x89) + frame(0x81, b"{}"))
    assert [each.opcode for each in door.hears()] == [frames.CLOSE]
    door.says(frame(0x88, b"\x11\x96"))
    assert door.over
    assert door.hears() == []


@pytest.mark.parametrize(
    "said", [frame(0x8A), frame(0x81, b"{}"), b"\xff" * 10], ids=["pongs", "texts", "bytes"]
)
async def test_who_goes_on_after_a_close_is_not_listened_to_and_cut(door: OneDoor, said: bytes) -> None:
    door.says(HEAD)
    door.near.close(4429)
    for _ in range(FEW_READS + 2):
        door.says(said)
    assert not door.reads
    await until_over(door)
    assert [each.opcode for each in door.hears()] == [frames.CLOSE]


async def test_what_is_not_whole_in_time_is_cut_however_it_dribbles(door: OneDoor) -> None:
    door.says(HEAD + frame(0x01, b"{"))
    async with asyncio.timeout(5):
        while not door.over:
            door.says(frame(0x00))
            await asyncio.sleep(SOON / 5)


async def test_what_is_whole_in_time_begins_the_time_anew(door: OneDoor) -> None:
    door.says(HEAD + b"\x8a")
    for _ in range(8):
        await asyncio.sleep(SOON / 5)
        # The rest of a pong, and the first byte of the next one.
        door.says(frame(0x8A)[1:] + b"\x8a")
        assert not door.over
    await until_over(door)


async def test_a_good_page_may_be_silent_for_longer_than_that(door: OneDoor) -> None:
    door.says(HEAD + frame(0x8A)[:3])
    door.says(frame(0x8A)[3:])
    await asyncio.sleep(2 * SOON)
    assert not door.over
    assert door.hears() == []


async def test_what_follows_a_whole_message_has_a_time_of_its_own(door: OneDoor) -> None:
    said = frame(0x81, json.dumps({"t": "state", "id": str(PAGES[0]), "s": "idle"}).encode())
    door.says(HEAD + said[:3])
    begun_at = door.near.begun_at
    await asyncio.sleep(SOON / 5)
    door.says(said[3:] + frame(0x01, b"{"))
    assert door.near.begun_at > begun_at > 0
