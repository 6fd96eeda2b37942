"""What is poured on the whole product: sockets, messages, endless handshakes; and a board that is deaf."""

import json
import re
import select
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from scripts.stands.agents import FIREFOX
from scripts.stands.page_messages import page
from scripts.stands.product import Product, running
from scripts.stands.waiting import wait_for
from tests.board_sockets import Staff, ack, dial, hear, shows_tabs, visit, watch_until
from tests.cast import MAKE_CAST
from tests.visitor_sockets import code_of

ROOM, BURST = 20, 300


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running(
        ALLOWED_HOSTS="127.0.0.1,localhost",
        FOOTFALL_SOCKETS_PER_ADDRESS=str(ROOM),
        FOOTFALL_ADDRESS_BURST=str(BURST),
        FOOTFALL_ADDRESS_RATE="1",
    ) as made:
        yield made


@pytest.fixture(scope="module")
def key(product: Product) -> str:
    return product.manage("shell", "--no-imports", "-c", MAKE_CAST).split()[0]


def open_from(product: Product, key: str, address: str) -> ClientConnection:
    """A page of a visitor with this address of the loopback."""
    return connect(
        f"{product.socket_url}/live/{key}",
        origin=Origin("https://seen.example"),
        user_agent_header=FIREFOX,
        compression=None,
        source_address=(address, 0),
    )


def says(socket: ClientConnection) -> bool:
    """Whether a page is taken and acknowledged."""
    try:
        socket.send(json.dumps(page(u="https://seen.example/")))
        return bool(json.loads(socket.recv(timeout=10))["t"] == "ack")
    except ConnectionClosed:
        return False


def dropped(product: Product) -> dict[str, int]:
    with urllib.request.urlopen(f"{product.url}/metrics", timeout=5) as response:
        text = response.read().decode()
    found = re.findall(r'footfall_dropped_total\{reason="(\w+)"\} (\d+)', text)
    return {reason: int(count) for reason, count in found}


def post(product: Product, key: str) -> int:
    """The status that a page without sockets hears, from 127.0.0.1."""
    request = urllib.request.Request(
        f"{product.url}/live/{key}",
        json.dumps([page(u="https://seen.example/")]).encode(),
        {"Origin": "https://seen.example", "User-Agent": FIREFOX, "Content-Type": "text/plain"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def deaf_board(product: Product, key: str, cookies: str) -> socket.socket:
    """A board that never reads: all that it is sent stays in its kernel's buffer, or its server's."""
    opened = socket.create_connection(("127.0.0.1", product.port))
    lines = [
        f"GET /board/{key} HTTP/1.1",
        f"Host: 127.0.0.1:{product.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        f"Origin: {product.url}",
        f"Cookie: {cookies}",
    ]
    opened.sendall("\r\n".join([*lines, "", ""]).encode())
    return opened


@pytest.fixture(scope="module")
def staff(product: Product, key: str) -> Staff:
    return Staff(product, "owner")


@pytest.fixture(scope="module")
def deaf(product: Product, key: str, staff: Staff) -> Iterator[tuple[socket.socket, float]]:
    """Opened before everything else, so that nobody waits for it to be cut; with the time."""
    with deaf_board(product, key, staff.cookies) as opened:
        yield opened, time.monotonic()


def test_a_board_that_never_reads_is_sent_one_snapshot(
    product: Product, key: str, staff: Staff, deaf: tuple[socket.socket, float]
) -> None:
    with dial(product, key, staff.cookies, {"Origin": product.url}) as quick:
        ack(quick, hear(quick))
        for _ in range(5):
            with visit(product, key, "/"):
                ack(quick, watch_until(quick, shows_tabs(1), seconds=5))
            ack(quick, watch_until(quick, shows_tabs(0), seconds=5))
    assert deaf[0].recv(1_000_000, socket.MSG_PEEK).count(b'"seq"') == 1


def test_an_address_holds_so_many_sockets_and_no_other_notices(product: Product, key: str) -> None:
    before = dropped(product)["address_full"]
    with ExitStack() as stack:
        pages = [stack.enter_context(open_from(product, key, "127.0.0.1")) for _ in range(ROOM)]
        assert all(map(says, pages))
        for _ in range(5):
            assert code_of(stack.enter_context(open_from(product, key, "127.0.0.1"))) == 4503
        assert post(product, key) == 503
        assert says(stack.enter_context(open_from(product, key, "127.0.0.2")))
        assert dropped(product)["address_full"] == before + 6
        pages[0].close()
        wait_for(lambda: post(product, key) == 200, what="the room that one left")


def test_an_address_that_says_too_much_is_sent_away_and_no_other(product: Product, key: str) -> None:
    state = json.dumps({"t": "state", "id": page()["id"], "s": "idle", "e": 1, "d": 1})
    with ExitStack() as stack:
        pages = [stack.enter_context(open_from(product, key, "127.0.0.3")) for _ in range(10)]
        other = stack.enter_context(open_from(product, key, "127.0.0.4"))
        for one in pages:
            # Less than a page's own burst of 100.
            for _ in range(BURST // 5):
                one.send(state)
        assert code_of(pages[-1]) == 4503
        assert says(other)
        assert code_of(stack.enter_context(open_from(product, key, "127.0.0.3"))) == 4503
    assert dropped(product)["address_too_fast"] >= 2


@pytest.mark.waits
def test_a_handshake_that_never_ends_is_cut(product: Product, key: str) -> None:
    began = time.monotonic()
    with ExitStack() as stack:
        silent, dribbling = (
            stack.enter_context(socket.create_connection(("127.0.0.1", product.port))) for _ in range(2)
        )
        dribbling.sendall(f"GET /live/{key} HTTP/1.1\r\nHost: localhost\r\n".encode())

        def cut(connection: socket.socket) -> bool:
            return bool(select.select([connection], [], [], 0)[0]) and connection.recv(4096) == b""

        while not cut(dribbling):
            assert time.monotonic() - began < 14
            dribbling.sendall(b"X-A: b\r\n")
            time.sleep(0.5)
        assert time.monotonic() - began > 9
        wait_for(lambda: cut(silent), 4, "the silent one to be cut")


@pytest.mark.waits
def test_a_board_that_never_reads_is_cut_and_no_other_notices(
    product: Product, key: str, staff: Staff, deaf: tuple[socket.socket, float]
) -> None:
    board, opened_at = deaf
    gone = select.poll()
    gone.register(board, select.POLLRDHUP)
    with dial(product, key, staff.cookies, {"Origin": product.url}) as quick:
        while not gone.poll(0):
            assert time.monotonic() - opened_at < 35
            ack(quick, hear(quick, timeout=6))
        ack(quick, hear(quick, timeout=6))
