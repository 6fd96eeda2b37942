"""Debian's nginx with the file that operators get, in front of a small upstream and of the whole product."""

import base64
import hashlib
import http.client
import ipaddress
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from analytics.up.address import Address
from analytics.up.nginx import Nginx as BuiltNginx
from analytics.up.nginx import program
from scripts.stands import namespace
from scripts.stands.checkout import ROOT
from scripts.stands.ports import free_port
from scripts.stands.product import running
from scripts.stands.waiting import wait_for
from tests.nginx import RunningNginx, start_nginx
from tests.visitor_sockets import code_of

HANDSHAKE = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LIES = {
    "X-Forwarded-For": "198.51.100.66",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "666",
    "X-Real-IP": "198.51.100.66",
    "Forwarded": "for=198.51.100.66",
    "X_Forwarded_For": "198.51.100.66",
    "X-Footfall-Demo": "guess",
    "X-Footfall-Demo-Address": "198.51.100.66",
}
# An allowance that a test can use up, and of which nothing comes back meanwhile.
SMALL = {"burst=4000": "burst=20", "rate=100r/s": "rate=1r/m"}
SHORT = {"proxy_read_timeout 60s;": "proxy_read_timeout 1s;"}
NEIGHBOURS, STRANGER = ("2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1:ffff::3"), "2001:db8:0:2::1"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"


class Upstream(BaseHTTPRequestHandler):
    """Tells what it heard; as a WebSocket where asked to, and otherwise as JSON."""

    protocol_version = "HTTP/1.1"
    go_on = threading.Event()

    def do_GET(self) -> None:
        if self.path.startswith("/api/v1/sites/k/live/stream"):
            self._stream()
        elif "Upgrade" in self.headers:
            self._upgrade()
        else:
            if self.path == "/slow":
                self.go_on.wait(10)
            self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer()

    def log_message(self, *args: Any) -> None:
        pass

    def _heard(self) -> bytes:
        return json.dumps(dict(self.headers)).encode()

    def _answer(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self._heard())))
        self.end_headers()
        self.wfile.write(self._heard())

    def _upgrade(self) -> None:
        key = hashlib.sha1(self.headers["Sec-WebSocket-Key"].encode() + HANDSHAKE).digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(key).decode())
        self.end_headers()
        self.go_on.wait(10)
        heard = self._heard()
        self.wfile.write(b"\x81\x7e" + len(heard).to_bytes(2, "big") + heard)
        self.close_connection = True

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"data: first\n\n")
        self.go_on.wait(10)
        self.wfile.write(b"data: second\n\n")


@contextmanager
def small_upstream() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Upstream) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            Upstream.go_on.set()
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def nginx() -> Iterator[RunningNginx]:
    with small_upstream() as port, start_nginx(port) as started:
        yield started


@pytest.fixture(autouse=True)
def _nobody_waits() -> None:
    Upstream.go_on.set()


def ask(nginx: RunningNginx, path: str, **headers: str) -> dict[str, str]:
    """The headers that arrive behind nginx, names in lower case."""
    connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=10)
    connection.request("GET", path, headers={name.replace("__", "-"): said for name, said in headers.items()})
    answer = connection.getresponse()
    assert answer.status == 200
    heard = json.loads(answer.read())
    connection.close()
    return {name.lower(): said for name, said in heard.items()}


def check_forwarding(heard: dict[str, str]) -> None:
    assert heard["x-forwarded-for"] == "127.0.0.1"
    assert heard["x-forwarded-proto"] == "http"
    told = {"x-forwarded-for", "x-forwarded-proto"}
    assert not {name.lower().replace("_", "-") for name in LIES} - told & set(heard)
    assert "198.51.100.66" not in json.dumps(heard)


@pytest.mark.parametrize("path", ["/", "/live/k", "/board/k", "/api/v1/sites/k/live", "/admin/"])
def test_what_a_client_says_of_its_address_never_arrives(nginx: RunningNginx, path: str) -> None:
    heard = ask(nginx, path, **LIES)
    check_forwarding(heard)
    assert heard["host"] == f"127.0.0.1:{nginx.port}"
    assert "upgrade" not in heard


@pytest.mark.parametrize("path", ["/live/k", "/board/k"])
def test_a_websocket_is_passed_on(nginx: RunningNginx, path: str) -> None:
    with connect(
        f"ws://127.0.0.1:{nginx.port}{path}",
        origin=Origin("https://example.com"),
        additional_headers=LIES,
        compression=None,
    ) as socket:
        heard = {name.lower(): said for name, said in json.loads(socket.recv(timeout=10)).items()}
    check_forwarding(heard)
    assert (heard["upgrade"], heard["connection"]) == ("websocket", "upgrade")
    assert heard["origin"] == "https://example.com"


def test_another_upgrade_is_an_ordinary_request(nginx: RunningNginx) -> None:
    heard = ask(nginx, "/", Upgrade="h2c", Connection="Upgrade, HTTP2-Settings")
    assert "upgrade" not in heard


def test_a_stream_leaves_piece_by_piece(nginx: RunningNginx) -> None:
    Upstream.go_on.clear()
    connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=3)
    connection.request("GET", "/api/v1/sites/k/live/stream")
    answer = connection.getresponse()
    assert answer.readline() == b"data: first\n"
    Upstream.go_on.set()
    assert answer.read() == b"\ndata: second\n\n"
    connection.close()


def test_only_sockets_may_be_silent_for_long() -> None:
    # The file's minute for ordinary requests stands in for a second here.
    with small_upstream() as port, start_nginx(port, SHORT) as nginx:
        Upstream.go_on.clear()
        with connect(f"ws://127.0.0.1:{nginx.port}/live/k", compression=None) as socket:
            connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=10)
            connection.request("GET", "/slow")
            assert connection.getresponse().status == 504
            connection.close()
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                socket.recv(timeout=1)
            assert time.monotonic() - began >= 1
            Upstream.go_on.set()
            assert "upgrade" in str(socket.recv(timeout=10)).lower()


@pytest.mark.parametrize(("size", "status"), [(0, 200), (65_537, 200), (128 * 1024 + 1, 413)])
def test_a_body_is_small(nginx: RunningNginx, size: int, status: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=10)
    connection.request("POST", "/live/k", body=b"x" * size)
    answer = connection.getresponse()
    assert answer.status == status
    # Neither the answer nor the error page tells which nginx this is.
    assert not any(letter.isdigit() for letter in answer.headers["Server"].partition("Python")[0])
    assert b"nginx/" not in answer.read()
    connection.close()


def test_no_address_agent_or_query_reaches_a_log(nginx: RunningNginx) -> None:
    ask(nginx, "/sites/k/?token=s3cret", User__Agent="Agent-S3CRET", Referer="https://s3cret.example/")
    with socket.create_connection(("127.0.0.1", nginx.port)) as broken:
        broken.sendall(b"GET /s3cret-line HTTP/9.9\r\n\r\n")
        broken.recv(100)
    line = wait_for(
        lambda: [line for line in nginx.log().splitlines() if '"/sites/k/"' in line], what="a line"
    )
    assert json.loads(line[0])["status"] == 200
    assert "127.0.0.1" not in nginx.log()
    assert "s3cret" not in nginx.log().lower().replace("/s3cret-line", "")


def dial(nginx: RunningNginx, key: str, address: str) -> ClientConnection:
    """A page's socket from this address, which claims another one."""
    return connect(
        f"ws://{'[::1]' if ':' in address else '127.0.0.1'}:{nginx.port}/live/{key}",
        origin=Origin("https://example.com"),
        user_agent_header=FIREFOX,
        additional_headers={"X-Forwarded-For": "198.51.100.66"},
        source_address=(address, 0),
        compression=None,
    )


def test_visitors_behind_nginx_are_told_apart_by_their_own_addresses() -> None:
    with running(FOOTFALL_TRUSTED_PROXIES="127.0.0.1") as product, start_nginx(product.port) as nginx:
        key = product.add_site("example.com")

        def visit(address: str) -> str:
            page_id = str(uuid.uuid4())
            with dial(nginx, key, address) as page:
                page.send(json.dumps({"t": "page", "id": page_id, "u": "https://example.com/"}))
                assert json.loads(page.recv(timeout=10)) == {"t": "ack", "id": page_id}
            return str(
                product.rows("SELECT visitor FROM tracker_pageview WHERE id = %s", page_id)[0]["visitor"]
            )

        assert visit("127.0.0.2") == visit("127.0.0.2") != visit("127.0.0.3")


def test_one_address_asks_for_so_many_sockets_and_others_for_theirs() -> None:
    with small_upstream() as port, start_nginx(port, SMALL) as nginx:
        asked = [shakes_hands(nginx, "127.0.0.2") for _ in range(25)]
        assert asked == [True] * 21 + [False] * 4
        assert shakes_hands(nginx, "127.0.0.3")
        assert shakes_hands(nginx, "::1")
        # What is no socket is not counted.
        assert ask(nginx, "/live/k")


def shakes_hands(nginx: RunningNginx, address: str) -> bool:
    """Whether a WebSocket from this address is let through."""
    try:
        with dial(nginx, "k", address):
            return True
    except InvalidStatus as refused:
        if refused.response.status_code != 503:
            raise
        return False


def test_a_network_of_ipv6_counts_as_one_address_behind_nginx() -> None:
    inside(neighbours_share_their_room)


def test_a_network_of_ipv6_asks_nginx_for_as_many_sockets_as_one_address() -> None:
    inside(neighbours_share_what_they_ask_for)


# Each way in which "::" may stand: within, across, before and behind the first 64 bits.
NETWORKS = (
    *("2001:db8:1:2", "2001:db8:1:0", "2001:db8:0:0", "2001:0:0:0", "2001:0:0:3", "2001:0:2:3", "2001:0:2:0"),
    *("0:0:0:0", "0:0:0:4", "0:0:3:4", "0:2:3:4", "0:2:0:4", "0:2:0:0", "64:ff9b:0:0", "0:0:3:0"),
)
HOSTS = (
    "0:0:0:1",
    "0:0:0:0",
    "1:0:0:0",
    "1:2:3:4",
    "0:2:3:4",
    "1:0:0:4",
    "0:0:3:4",
    "ffff:ffff:0:0",
    "a:0:c:0",
)
TELLS_PLACES = {
    "    location / {": "    location = /place { return 200 $footfall_place; }\n    location / {",
    "    listen 80;": "    listen 80; set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;",
}


@pytest.mark.parametrize("source", ["footfall.conf", "footfall-edges.conf"])
def test_nginx_cuts_an_address_of_any_form_to_its_network(source: str) -> None:
    with start_nginx(1, TELLS_PLACES, source) as nginx:
        connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=10)

        def place(address: str) -> str:
            connection.request("GET", "/place", headers={"X-Forwarded-For": address})
            return connection.getresponse().read().decode()

        for network in NETWORKS:
            written = {form for host in HOSTS for form in forms(f"{network}:{host}")}
            assert {place(each) for each in written} == {network}, network
        assert place("192.0.2.7") == place("::ffff:192.0.2.7") == "192.0.2.7"
        assert place("192.0.2.8") == "192.0.2.8"
        connection.close()


def forms(address: str) -> set[str]:
    """An address as people write it."""
    known = ipaddress.IPv6Address(address)
    return {address, str(known), known.exploded, known.exploded.upper()}


def inside(check: Callable[[], None]) -> None:
    """Run a function of this file in a network of its own, where the neighbours and the stranger live."""
    program = f"from tests.test_nginx import settle, {check.__name__} as check; settle(); check()"
    subprocess.run([*namespace.entering(), sys.executable, "-c", program], cwd=ROOT, check=True)


def settle() -> None:
    namespace.open_loopback()
    for address in (*NEIGHBOURS, STRANGER):
        run("ip", "-6", "address", "add", f"{address}/128", "dev", "lo", "nodad")


def run(program: str, *words: str) -> None:
    found = shutil.which(program, path=namespace.PLACES)
    assert found, program
    subprocess.run([found, *words], check=True)


def neighbours_share_their_room() -> None:
    believing = {"FOOTFALL_TRUSTED_PROXIES": "127.0.0.1", "FOOTFALL_SOCKETS_PER_ADDRESS": "2"}
    with running(**believing) as product, start_nginx(product.port) as nginx, ExitStack() as stack:
        key = product.add_site("example.com")
        first, second, third, stranger = (
            stack.enter_context(dial(nginx, key, address)) for address in (*NEIGHBOURS, STRANGER)
        )
        assert code_of(third) == 4503
        for page in (first, second, stranger):
            page_id = str(uuid.uuid4())
            page.send(json.dumps({"t": "page", "id": page_id, "u": "https://example.com/"}))
            assert json.loads(page.recv(timeout=10)) == {"t": "ack", "id": page_id}


def neighbours_share_what_they_ask_for() -> None:
    Upstream.go_on.set()
    with small_upstream() as port, start_nginx(port, SMALL) as nginx:
        asked = [shakes_hands(nginx, NEIGHBOURS[number % 3]) for number in range(25)]
        assert asked == [True] * 21 + [False] * 4
        assert shakes_hands(nginx, STRANGER)


def test_a_data_folder_of_any_name_is_one_word_to_nginx(tmp_path: Path) -> None:
    strange = tmp_path / 'my "data" \\ {folder}; é'
    strange.mkdir()
    folder = tmp_path / "run"
    folder.mkdir()
    built = BuiltNginx(
        folder=folder,
        log=strange / "nginx.log",
        address=Address(ipaddress.ip_address("127.0.0.1"), free_port()),
        listener=0,
        edges=2,
        files=1024,
        trusted=["10.0.0.0/8"],
        demo=False,
    )
    built.child()
    done = subprocess.run(
        [program(), "-t", "-c", folder / "nginx.conf", "-e", strange / "nginx.log"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (strange / "nginx.log").exists()
