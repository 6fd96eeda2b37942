"""What a socket may cost beyond its messages, at an edge and in the one process: frames, bytes and time."""

import json
import re
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest

from scripts.stands import frames
from scripts.stands.edges import running_edge
from scripts.stands.page_messages import page
from scripts.stands.product import Product
from scripts.stands.sockets import open_socket
from scripts.stands.waiting import wait_for
from tests.board_sockets import Staff
from tests.raw_sockets import close_heard, closes, frame, heard_until_end, pour
from tracker.contract.socket_bounds import WHOLE_SECONDS

PING, PONG = frame(0x89), frame(0x8A)
BEGUN, EMPTY = frame(0x01), frame(0x00)
STATE = frame(0x81, json.dumps({"t": "state", "id": page()["id"], "s": "idle", "e": 1, "d": 1}).encode())


@pytest.fixture(scope="module")
def edge(footfall: Product) -> Iterator[Product]:
    with running_edge(footfall) as started:
        yield started.of(footfall)


@pytest.fixture(params=["daphne", "edge"])
def product(request: pytest.FixtureRequest, footfall: Product) -> Product:
    """The product through each of the servers that it brings."""
    return footfall if request.param == "daphne" else request.getfixturevalue("edge")


@pytest.fixture(scope="module")
def key(footfall: Product) -> str:
    return footfall.add_site("bounds.example")


def visitor(product: Product, key: str, address: str = "192.0.2.1") -> socket.socket:
    """A page that was acknowledged."""
    headers = {"X-Forwarded-For": address}
    opened = open_socket(product.socket_url, f"/live/{key}", "https://bounds.example", **headers)
    opened.sendall(frame(0x81, json.dumps(page(u="https://bounds.example/")).encode()))
    assert b'{"t":"ack"' in opened.recv(4096)
    return opened


def board(product: Product, key: str) -> socket.socket:
    """A board of a member of staff."""
    cookies = Staff(product, "owner").cookies
    return open_socket(product.socket_url, f"/board/{key}", product.url, Cookie=cookies)


def dropped(product: Product, reason: str) -> int:
    with urllib.request.urlopen(f"{product.url}/metrics", timeout=5) as response:
        found = re.search(rf'footfall_dropped_total{{reason="{reason}"}} (\d+)', response.read().decode())
    assert found
    return int(found[1])


@pytest.mark.parametrize(
    ("first", "said", "codes"),
    [
        (b"", PONG, {4429}),
        (b"", PING, {4429}),
        # An edge takes 64 pieces of a message at most.
        (BEGUN, EMPTY, {4413, 4429}),
        (b"", STATE, {4429}),
    ],
    ids=["pongs", "pings", "continuations", "messages"],
)
def test_a_flood_is_told_so_once_and_cut_within_two_seconds(
    product: Product, key: str, first: bytes, said: bytes, codes: set[int]
) -> None:
    before = dropped(product, "too_fast") + dropped(product, "too_big")
    with visitor(product, key) as opened:
        opened.sendall(first)
        heard, ended = pour(opened, said * 2000, seconds=4.0)
    assert ended
    assert len(closes(heard)) == 1
    assert set(closes(heard)) <= codes
    # A pong for each ping within the burst, and the few that its rate has given back meanwhile.
    assert sum(each.opcode == frames.PONG for each in heard) < 200
    assert dropped(product, "too_fast") + dropped(product, "too_big") == before + 1


def test_a_flood_of_a_board_is_told_so_and_cut(footfall: Product, cast_keys: tuple[str, str]) -> None:
    with board(footfall, cast_keys[0]) as opened:
        heard, ended = pour(opened, PONG * 2000, seconds=4.0)
    assert (closes(heard), ended) == ([4429], True)


def test_what_is_no_message_counts_for_the_address(product: Product, key: str) -> None:
    """Many sockets that each stay within a page's pace say together what many pages say."""
    before = dropped(product, "address_too_fast")
    with ExitStack() as stack:
        # Each may say 100 at once, and all of them 4,000.
        many = [stack.enter_context(visitor(product, key, "192.0.2.77")) for _ in range(60)]
        for opened in many:
            opened.sendall(PING * 98)
        wait_for(lambda: dropped(product, "address_too_fast") > before, what="an address that is refused")


@pytest.mark.alone
def test_a_flood_is_cut_in_time(product: Product, key: str) -> None:
    with visitor(product, key) as opened:
        began = time.monotonic()
        assert pour(opened, PONG * 5000, seconds=4.0)[1]
        assert time.monotonic() - began < 2.0


def test_bytes_one_by_one_count_as_frames_do(product: Product, key: str) -> None:
    """Each wakes the server up, and 8,000 of them are one frame."""
    with visitor(product, key) as opened:
        opened.sendall(b"\x81\xfe" + (8000).to_bytes(2, "big") + bytes(4))
        codes: list[int] = []
        for _ in range(4000):
            try:
                opened.send(b" ")
            except ConnectionError:
                break
            heard, ended = heard_until_end(opened, 0.001)
            codes += closes(heard)
            if codes or ended:
                break
        assert codes == [4429]


def test_who_was_refused_can_pour_no_longer_than_others(product: Product) -> None:
    """Nobody's page has no pace of its own."""
    with open_socket(product.socket_url, "/live/nosuchsite", "https://bounds.example") as opened:
        heard, ended = pour(opened, PING * 2000, seconds=4.0)
    assert ended
    assert closes(heard) == [4403]
    assert all(each.opcode != frames.PONG for each in heard)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", 1000),
        *((code.to_bytes(2, "big"), 1000) for code in (1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999)),
        *(
            (code.to_bytes(2, "big"), 1002)
            for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535)
        ),
        (b"\x03", 1002),
        (b"\x03\xe8bye", 1000),
        (b"\x03\xe8\xff\xfe", 1007),
    ],
)
def test_a_close_is_answered_by_what_it_says(product: Product, key: str, payload: bytes, code: int) -> None:
    with open_socket(product.socket_url, f"/live/{key}", "https://bounds.example") as opened:
        opened.sendall(frame(0x88, payload))
        heard, ended = heard_until_end(opened, 4.0)
    assert (closes(heard), ended) == ([code], True)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"\x81\x05hello", 4400),
        (frame(0xC1, b"{}"), 4400),
        (frame(0x83), 4400),
        (frame(0x8B), 4400),
        (frame(0x09), 4400),
        (b"\x89\xfe\x00\x7e" + bytes(4 + 126), 4400),
        (frame(0x80, b"{}"), 4400),
        (frame(0x01, b"{") + frame(0x81, b"}"), 4400),
        (frame(0x81, b"\xff"), 4400),
        (frame(0x01, b"\xff"), 4400),
        # Not all of it, and yet no text any more.
        (b"\x81\x90" + bytes(4) + b"\xff", 4400),
        (b"\x81\xfe\x00\x02" + bytes(4) + b"{}", 4400),
        (b"\x81\xff" + (2**20).to_bytes(8, "big") + bytes(4), 4413),
        (b"\x81\xfe\x40\x01" + bytes(4), 4413),
    ],
    ids=[
        *("no mask", "reserved bit", "unknown kind", "unknown control", "ping in pieces", "long ping"),
        *("nothing begun", "two begun", "no text", "no text so far", "half no text", "long way of saying 2"),
        *("a megabyte", "16,385 bytes"),
    ],
)
def test_what_breaks_the_protocol_hears_a_code_that_keeps_pages_away(
    product: Product, key: str, said: bytes, code: int
) -> None:
    reason = "too_big" if code == 4413 else "malformed"
    with visitor(product, key) as opened:
        before = dropped(product, reason)
        opened.sendall(said)
        assert close_heard(opened) == code
    wait_for(lambda: dropped(product, reason) == before + 1, what="the reason to be counted")


def test_a_page_that_answers_pings_and_says_what_it_may_stays(product: Product, key: str) -> None:
    with visitor(product, key) as opened:
        for _ in range(50):
            opened.sendall(PING)
        heard, ended = heard_until_end(opened, 0.5)
    assert not ended
    assert [each.opcode for each in heard] == [frames.PONG] * 50


@pytest.mark.waits
def test_half_a_frame_and_half_a_message_are_cut_in_time(
    footfall: Product, edge: Product, key: str, cast_keys: tuple[str, str]
) -> None:
    """However many bytes of it dribble in, or pings between its frames."""
    ways = {
        "a frame": (b"\x81\xa0" + bytes(4), b" "),
        "a message": (BEGUN, EMPTY),
        "a message with pings": (BEGUN, PING),
        "silence": (b"\x81", b""),
    }
    lasted: dict[str, float] = {}

    def dribble(opened: socket.socket, name: str, first: bytes, more: bytes) -> None:
        with opened:
            began = time.monotonic()
            opened.sendall(first)
            ended = False
            while not ended and time.monotonic() - began < 2 * WHOLE_SECONDS:
                ended = heard_until_end(opened, 0.5)[1]
                if not ended:
                    try:
                        opened.sendall(more)
                    except ConnectionError:
                        ended = True
            lasted[name] = time.monotonic() - began

    opens = {
        "daphne": partial(visitor, footfall, key),
        "edge": partial(visitor, edge, key),
        "board": partial(board, footfall, cast_keys[0]),
    }
    threads = [
        threading.Thread(target=dribble, args=(opened(), f"{where}: {name}", *said))
        for where, opened in opens.items()
        for name, said in ways.items()
    ]
    with visitor(footfall, key) as one, visitor(edge, key) as other:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for good in (one, other):
            # They answered no ping, and have some seconds left for that.
            good.sendall(PONG)
            assert not heard_until_end(good, 0.2)[1]
    assert {name: seconds for name, seconds in lasted.items() if not 9.9 < seconds < 11.5} == {}


def test_a_request_in_many_short_reads_is_no_browsers(footfall: Product) -> None:
    with socket.create_connection(("127.0.0.1", footfall.port), timeout=10) as opened:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.sendall(b"GET / HTTP/1.1\r\nX-A: ")
        ended = False
        for _ in range(2000):
            try:
                opened.sendall(b"a")
            except ConnectionError:
                ended = True
            ended = ended or heard_until_end(opened, 0.001)[1]
            if ended:
                break
        assert ended
