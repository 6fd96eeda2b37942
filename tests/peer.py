"""The other end of the snippet: a real WebSocket server and a real HTTP server that write down what arrives.

Test peers for what the product does not do on demand: stay silent, close with any code, refuse every upgrade.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from scripts.stands.checkout import ROOT
from scripts.stands.waiting import wait_for

SNIPPET = ROOT / "static" / "t.js"
Message = dict[str, Any]


@dataclass
class Heard:
    """What pages said, in order, with the connection (or POST) that it came by and its size in bytes."""

    frames: list[tuple[int, Message]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    opened_at: list[float] = field(default_factory=list)  # steady clock
    closed_at: dict[int, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self) -> int:
        """The number of a new connection, from 0."""
        with self.lock:
            self.opened_at.append(time.monotonic())
            return len(self.opened_at) - 1

    def hear(self, connection: int, text: str) -> Message:
        message: Message = json.loads(text)
        self.sizes.append(len(text.encode()))
        self.frames.append((connection, message))
        return message

    def of(self, kind: str) -> list[Message]:
        """The messages of one type."""
        return [message for _, message in list(self.frames) if message["t"] == kind]

    def wait(self, kind: str, count: int = 1, seconds: float = 10.0) -> list[Message]:
        """The messages of one type once there are so many."""
        wait_for(lambda: len(self.of(kind)) >= count, seconds, f"{count} × {kind}, heard {self.frames}")
        return self.of(kind)

    def wait_opened(self, count: int, seconds: float = 10.0) -> None:
        wait_for(lambda: len(self.opened_at) >= count, seconds, f"{count} connections")

    def wait_closed(self, connection: int, seconds: float = 10.0) -> None:
        wait_for(lambda: connection in self.closed_at, seconds, f"the end of connection {connection}")


@dataclass
class SocketPeer:
    """Serves `/t.js` and takes every socket; change its ways while it runs."""

    port: int = 0
    heard: Heard = field(default_factory=Heard)
    acking: bool = True
    close_with: int | None = None  # right after the handshake
    refusing: bool = False  # no upgrade at all
    connections: list[ServerConnection] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def drop(self, code: int = 1011) -> None:
        """Close the sockets that are open."""
        for connection in self.connections:
            connection.close(code)

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path == "/t.js":
            headers = Headers({"Content-Type": "text/javascript", "Connection": "close"})
            body = SNIPPET.read_bytes()
            headers["Content-Length"] = str(len(body))
            return Response(200, "OK", headers, body)
        if self.refusing:
            self.heard.open()
            return connection.respond(HTTPStatus.FORBIDDEN, "no sockets here")
        return None

    def _converse(self, connection: ServerConnection) -> None:
        number = self.heard.open()
        self.connections.append(connection)
        try:
            if self.close_with is not None:
                connection.close(self.close_with)
            for frame in connection:
                assert isinstance(frame, str)
                message = self.heard.hear(number, frame)
                if self.acking and message["t"] in ("page", "event"):
                    connection.send(json.dumps({"t": "ack", "id": message.get("k", message["id"])}))
        except ConnectionClosed:
            pass
        finally:
            self.heard.closed_at[number] = time.monotonic()


@contextmanager
def socket_peer() -> Iterator[SocketPeer]:
    """A socket peer on a free port of the loopback."""
    peer = SocketPeer()
    with serve(
        peer._converse, "127.0.0.1", 0, process_request=peer._answer, compression=None, close_timeout=1
    ) as server:
        peer.port = server.socket.getsockname()[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield peer
        finally:
            server.shutdown()
            peer.drop(1001)
            thread.join()


Page = tuple[str, dict[str, str]]  # HTML and further headers


@dataclass
class HttpPeer:
    """Serves host pages and `/t.js`; takes POSTs, and no socket."""

    port: int = 0
    pages: dict[str, Page] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)
    heard: Heard = field(default_factory=Heard)
    status: int = 200  # of the answers to POSTs
    asked: list[str] = field(default_factory=list)  # paths of GETs
    attempts: list[str] = field(default_factory=list)  # requests for /live/, by method
    headers: list[dict[str, str]] = field(default_factory=list)  # of the POSTs
    held: threading.Event = field(default_factory=threading.Event)  # until when `/wait` waits

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def put(self, path: str, head: str, body: str = "", **headers: str) -> str:
        """Serve a page from now on; its URL. Underscores in header names stand for dashes."""
        html = f"<!doctype html><html><head>{head}</head><body>{body}</body></html>"
        self.pages[path] = (html, {name.replace("_", "-"): value for name, value in headers.items()})
        return self.url + path


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    peer: HttpPeer

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.peer.asked.append(path)
        if path == "/wait":
            self.peer.held.wait(30)
        if path.startswith("/live/"):
            self.peer.attempts.append("GET")
            self._answer(403, "text/plain", b"no sockets here")
        elif path == "/t.js":
            self._answer(200, "text/javascript", SNIPPET.read_bytes())
        elif path in self.peer.scripts:
            self._answer(200, "text/javascript", self.peer.scripts[path].encode())
        elif path in self.peer.pages:
            html, headers = self.peer.pages[path]
            self._answer(200, "text/html; charset=utf-8", html.encode(), headers)
        else:
            self._answer(204, "text/plain", b"")

    def do_POST(self) -> None:
        self.peer.attempts.append("POST")
        self.peer.headers.append({name.lower(): value for name, value in self.headers.items()})
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        number = self.peer.heard.open()
        acks = []
        if self.peer.status == 200:
            for message in json.loads(body):
                self.peer.heard.hear(number, json.dumps(message))
                if message["t"] in ("page", "event"):
                    acks.append({"t": "ack", "id": message.get("k", message["id"])})
        self._answer(self.peer.status, "application/json", json.dumps(acks).encode())

    def _answer(self, status: int, kind: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        with suppress(ConnectionError):  # the page may have left
            self._write(status, kind, body, headers or {})

    def _write(self, status: int, kind: str, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Access-Control-Allow-Origin", "*")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Not on stderr: the tests look at what was heard."""


@contextmanager
def http_peer() -> Iterator[HttpPeer]:
    """An HTTP peer on a free port of the loopback."""
    peer = HttpPeer()
    handler: Callable[..., BaseHTTPRequestHandler] = type("Handler", (_Handler,), {"peer": peer})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        peer.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield peer
        finally:
            server.shutdown()
            thread.join()
