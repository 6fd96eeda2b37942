"""`manage.py edge` beyond the contract that every adapter holds: start and end, limits, listeners."""

import copy
import json
import os
import re
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from websockets.sync.client import ClientConnection, connect, unix_connect
from websockets.typing import Origin

from scripts.stands.agents import FIREFOX
from scripts.stands.checkout import ROOT
from scripts.stands.edges import EdgeProcess, running_edge
from scripts.stands.page_messages import page
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.visitor_sockets import code_of

ORIGIN = Origin("https://example.com")
OPENED = "SELECT country FROM tracker_pageview WHERE id = %s"
ENDED = "SELECT 1 FROM tracker_pageview WHERE id = %s AND ended_at IS NOT NULL"


@pytest.fixture(scope="module")
def product(footfall: Product) -> Product:
    return footfall


@pytest.fixture(scope="module")
def key(product: Product) -> str:
    return product.add_site("example.com")


@pytest.fixture(scope="module")
def edge(product: Product) -> Iterator[EdgeProcess]:
    with running_edge(product) as started:
        yield started


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="footfall-edge-") as name:
        yield Path(name)


def dial(edge: EdgeProcess, key: str) -> ClientConnection:
    return connect(
        f"ws://127.0.0.1:{edge.port}/live/{key}",
        origin=ORIGIN,
        user_agent_header=FIREFOX,
        compression=None,
    )


def handshake(edge: EdgeProcess, key: str, connection: str = "Upgrade") -> socket.socket:
    """A page's socket that does nothing by itself: no answer to a ping, no close."""
    opened = socket.create_connection(("127.0.0.1", edge.port), timeout=10)
    lines = [
        f"GET /live/{key} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        f"Connection: {connection}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        f"Origin: {ORIGIN}",
        f"User-Agent: {FIREFOX}",
    ]
    opened.sendall("\r\n".join([*lines, "", ""]).encode())
    assert opened.recv(4096).startswith(b"HTTP/1.1 101")
    return opened


def frame(first: int, payload: bytes) -> bytes:
    """A frame as clients send it, masked with zeros."""
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else struct.pack("!BH", 0xFE, len(payload))
    return bytes([first]) + length + bytes(4) + payload


def close_said(opened: socket.socket) -> int:
    """The code of the close frame that comes after whatever else comes."""
    heard = b""
    while b"\x88\x02" not in heard:
        more = opened.recv(65536)
        assert more, heard
        heard += more
    at = heard.index(b"\x88\x02") + 2
    return int.from_bytes(heard[at : at + 2], "big")


def ask(edge: EdgeProcess, request: bytes) -> bytes:
    """All that the POST listener answers before it closes."""
    with socket.create_connection(("127.0.0.1", edge.post_port), timeout=15) as opened:
        opened.sendall(request)
        answer = b""
        while more := opened.recv(65536):
            answer += more
        return answer


def test_it_starts_without_models_admin_and_api(product: Product) -> None:
    # Importing those would double its start, 0.4 s on the reference machine where 1.2 s are promised.
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from django.conf import settings; settings.LOGGING;"
            "from tracker.management.commands import edge;"
            "from tracker.postgres.connect import connect; connect().close(); print(*sys.modules)",
        ],
        cwd=ROOT,
        env={**product.environment, "DJANGO_SETTINGS_MODULE": "analytics.settings"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    needless = {"django.contrib.admin", "ninja", "analytics.urls", "django.db.models", "daphne", "redis"}
    assert not needless & set(said)


def test_it_is_ready_soon(product: Product) -> None:
    with running_edge(product) as started:
        # In CPU time, which a busy machine stretches by little: 0.7 s where nothing else is to be done.
        fields = Path(f"/proc/{started.process.pid}/stat").read_text().rpartition(")")[2].split()
        assert (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") < 2.5


def test_firefox_may_keep_its_connection_alive(edge: EdgeProcess, key: str) -> None:
    with handshake(edge, key, connection="keep-alive, Upgrade") as opened:
        opened.sendall(frame(0x81, json.dumps(page()).encode()))
        assert b'{"t":"ack"' in opened.recv(4096)


def test_a_message_may_come_in_pieces(edge: EdgeProcess, key: str) -> None:
    said = json.dumps(page("/in-pieces")).encode()
    with handshake(edge, key) as opened:
        opened.sendall(frame(0x01, said[:50]) + frame(0x89, b"") + frame(0x00, said[50:90]))
        opened.sendall(frame(0x80, said[90:]))
        heard = b""
        while b'{"t":"ack"' not in heard:
            heard += opened.recv(4096)
        # A ping may come between the pieces.
        assert b"\x8a\x00" in heard


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (frame(0x01, b"{") + frame(0x00, b" ") * 100_000, 4413),
        (frame(0x01, b" " * 8000) + frame(0x80, b" " * 8000), 4413),
        (frame(0x01, b"{") + frame(0x81, b"}"), 4400),
        (frame(0x80, b"{}"), 4400),
        (frame(0x02, b"{}"), 4400),
        (frame(0x81, b"\xff\xfe"), 4400),
        (frame(0x82, b"\x00"), 4400),
    ],
    ids=["many pieces", "long pieces", "two begun", "none begun", "binary begun", "no text", "binary"],
)
def test_bad_frames_are_closed(edge: EdgeProcess, key: str, frames: bytes, code: int) -> None:
    with handshake(edge, key) as opened:
        opened.sendall(frames)
        assert close_said(opened) == code


def test_a_goodbye_is_answered_while_somebody_is_there(edge: EdgeProcess, key: str) -> None:
    with handshake(edge, key) as stays:
        stays.sendall(frame(0x88, b"\x03\xe9"))
        assert stays.recv(4096) == b"\x88\x02\x03\xe8"
        assert stays.recv(4096) == b""
    with handshake(edge, key) as leaves:
        # Both in one packet, as from a page that has left when the edge comes to it.
        leaves.send(frame(0x88, b"\x03\xe9"), socket.MSG_MORE)
        leaves.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionResetError):
            leaves.recv(4096)


def test_other_paths_are_not_found(edge: EdgeProcess, key: str) -> None:
    for path in ("/", "/board/x", f"/live/{key}/more"):
        with socket.create_connection(("127.0.0.1", edge.port), timeout=5) as opened:
            opened.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert opened.recv(4096).startswith(b"HTTP/1.1 404")


def test_whoever_asks_and_says_no_more_hears_the_whole_answer(edge: EdgeProcess) -> None:
    with socket.create_connection(("127.0.0.1", edge.port), timeout=5) as opened:
        opened.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", socket.MSG_MORE)
        opened.shutdown(socket.SHUT_WR)
        answer = b""
        while more := opened.recv(4096):
            answer += more
        assert answer.startswith(b"HTTP/1.1 404")
        assert answer.endswith(b"\r\n\r\n")


@pytest.mark.waits
def test_a_page_that_is_silently_gone_leaves_within_25_seconds(
    product: Product, edge: EdgeProcess, key: str
) -> None:
    silent, alive = page("/silently-gone"), page("/alive")
    with handshake(edge, key) as opened, dial(edge, key) as living:
        living.send(json.dumps(alive))
        began = time.monotonic()
        opened.sendall(frame(0x81, json.dumps(silent).encode()))
        wait_for(lambda: product.rows(ENDED, silent["id"]), 25, "the end of the page view")
        assert time.monotonic() - began < 25
        # The one that answers pings stays.
        assert not product.rows(ENDED, alive["id"])


@pytest.mark.waits
def test_a_handshake_that_does_not_come_is_cut(edge: EdgeProcess) -> None:
    with socket.create_connection(("127.0.0.1", edge.port), timeout=15) as opened:
        opened.sendall(b"GET /live/")
        assert opened.recv(100) == b""


@pytest.mark.waits
def test_a_post_that_does_not_come_is_cut(edge: EdgeProcess, key: str) -> None:
    assert ask(edge, f"POST /live/{key} HTTP/1.1\r\nContent-Length: 10\r\n\r\n[".encode()) == b""


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /live/KEY HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"POST /live/KEY HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n[]", 400),
        (b"POST /live/KEY HTTP/1.1\r\nContent-Length: +2\r\n\r\n[]", 400),
        (b"POST /live/KEY HTTP/1.1\r\nContent-Length : 2\r\n\r\n[]", 400),
        (b"POST /live/KEY HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", 400),
        (b"POST /live/KEY HTTP/1.1\r\nOrigin: a\x0bb\r\n\r\n", 400),
        (b"POST  /live/KEY HTTP/1.1\r\n\r\n", 400),
        (b"POST /live/KEY HTTP/1.0\r\n\r\n", 400),
        (b"POST /live/KEY HTTP/1.1\r\nA: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"POST /other HTTP/1.1\r\nConnection: close\r\n\r\n", 404),
    ],
)
def test_posts_that_two_readers_could_take_for_different_ones_are_refused(
    edge: EdgeProcess, key: str, head: bytes, status: int
) -> None:
    assert ask(edge, head.replace(b"KEY", key.encode())).startswith(f"HTTP/1.1 {status} ".encode())


def test_one_connection_carries_many_posts(edge: EdgeProcess, key: str) -> None:
    body = json.dumps([page("/kept-alive")])
    one = (
        f"POST /live/{key} HTTP/1.1\r\nOrigin: {ORIGIN}\r\nUser-Agent: {FIREFOX}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )
    last = f"POST /live/{key} HTTP/1.1\r\nConnection: close\r\n\r\n"
    answer = ask(edge, (one * 3 + last).encode()).decode()
    assert re.findall(r"HTTP/1\.1 (\d+)", answer) == ["200", "200", "200", "403"]


def test_a_signal_stores_and_says_goodbye(product: Product, key: str) -> None:
    said = page("/until-restart")
    with running_edge(product) as edge, dial(edge, key) as living, handshake(edge, key):
        living.send(json.dumps(said))
        edge.process.send_signal(signal.SIGTERM)
        assert code_of(living) == 4502
        # The one that answers nothing is cut.
        assert edge.process.wait(timeout=10) == 0
    assert product.rows(ENDED, said["id"])


def test_over_a_unix_socket_the_proxy_says_the_address(product: Product, key: str, folder: Path) -> None:
    said = page("/behind-a-proxy")
    with running_edge(product, folder):
        for name in ("ws", "post"):
            assert stat.S_IMODE((folder / name).stat().st_mode) == 0o660
        with unix_connect(
            str(folder / "ws"),
            f"ws://localhost/live/{key}",
            origin=ORIGIN,
            user_agent_header=FIREFOX,
            compression=None,
            # A German address; the one to its left is what the client itself said.
            additional_headers={"X-Forwarded-For": "1.1.1.1, 91.12.0.1"},
        ) as opened:
            opened.send(json.dumps(said))
            assert json.loads(opened.recv(timeout=5))["id"] == said["id"]
    assert product.rows(OPENED, said["id"]) == [{"country": "DE"}]


def test_a_killed_one_leaves_no_socket_in_the_way(product: Product, folder: Path) -> None:
    with running_edge(product, folder) as edge:
        edge.stop(signal.SIGKILL)
    with (
        running_edge(product, folder) as edge,
        unix_connect(str(folder / "ws"), "ws://localhost/live/x") as opened,
    ):
        assert code_of(opened) == 4403
        assert edge.stop() == 0


@pytest.mark.waits
def test_a_taken_listener_is_refused_in_one_sentence(
    product: Product, edge: EdgeProcess, folder: Path
) -> None:
    with running_edge(product, folder):
        for option, what in (
            (f"--port={edge.port}", f"port {edge.port}"),
            (f"--uds={folder}/ws", f"{folder}/ws"),
        ):
            done = subprocess.run(
                [sys.executable, "manage.py", "edge", option],
                cwd=ROOT,
                env=product.environment,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 1
            assert done.stderr == f"CommandError: Cannot listen on {what}: Address already in use.\n"


def look(edge: EdgeProcess, path: str, method: str = "GET", *headers: str) -> tuple[int, str]:
    """Status and body of a request to the POST listener."""
    lines = [f"{method} {path} HTTP/1.1", "Connection: close", *headers, "", ""]
    head, _, body = ask(edge, "\r\n".join(lines).encode()).decode().partition("\r\n\r\n")
    return int(head.split()[1]), body


def test_a_local_program_is_told_how_an_edge_is(edge: EdgeProcess, key: str) -> None:
    assert look(edge, "/healthz") == (200, "ok\n")
    assert look(edge, "/readyz") == (200, "ok\n")
    assert look(edge, "/readyz", "HEAD") == (200, "")
    assert look(edge, "/metrics", "POST")[0] == 405
    with dial(edge, key) as opened:
        opened.send(json.dumps(page("/counted-here")))
        opened.recv(timeout=5)
        status, text = look(edge, "/metrics")
    assert status == 200
    held = re.search(r"^footfall_tabs (\d+)$", text, re.MULTILINE)
    assert held
    assert int(held[1]) >= 1


def test_an_edge_whose_tables_are_behind_is_not_ready(product: Product, edge: EdgeProcess) -> None:
    taken = product.rows(
        "DELETE FROM django_migrations WHERE app = 'tracker' AND name ="
        " (SELECT max(name) FROM django_migrations WHERE app = 'tracker') RETURNING id, app, name, applied"
    )[0]
    try:
        assert look(edge, "/readyz") == (503, "Migrations are missing.\n")
        assert look(edge, "/healthz") == (200, "ok\n")
    finally:
        product.rows(
            "INSERT INTO django_migrations (id, app, name, applied) VALUES (%s, %s, %s, %s) RETURNING 1",
            *taken.values(),
        )
    assert look(edge, "/readyz") == (200, "ok\n")


def test_a_database_that_is_ahead_does_not_matter_to_an_edge(product: Product, edge: EdgeProcess) -> None:
    product.rows(
        "INSERT INTO django_migrations (app, name, applied)"
        " VALUES ('tracker', '9999_next', now()) RETURNING 1"
    )
    try:
        assert look(edge, "/readyz") == (200, "ok\n")
    finally:
        product.rows("DELETE FROM django_migrations WHERE name = '9999_next' RETURNING 1")


def test_an_edge_before_an_empty_database_says_what_is_missing(product: Product) -> None:
    url = (product.data / "database_url").read_text().strip()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE without_tables")
        try:
            beside = copy.copy(product)
            empty = url.rpartition("/")[0] + "/without_tables"
            beside.environment = {**product.environment, "DATABASE_URL": empty}
            with running_edge(beside) as edge:
                assert look(edge, "/readyz") == (503, "Migrations are missing.\n")
        finally:
            connection.execute("DROP DATABASE without_tables WITH (FORCE)")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_a_stranger_needs_a_token_to_look_at_an_edge(product: Product, edge: EdgeProcess, path: str) -> None:
    token = product.add_token()
    forwarded = "X-Forwarded-For: 192.0.2.1"
    assert look(edge, path, "GET", forwarded) == look(edge, "/no-such-page", "GET", forwarded)
    assert look(edge, path, "GET", forwarded, f"Authorization: Bearer {token}")[0] == 200
    assert look(edge, path, "GET", forwarded, f"Authorization: Bearer {token[:-1]}!")[0] == 404
