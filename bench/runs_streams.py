"""What streams of servers' datapoints cost: a thousand clients of one series, and how soon one is told."""

import contextlib
import http.client
import json
import selectors
import socket
import statistics
import threading
import time
from collections.abc import Iterator

from bench import processes
from bench.figures import Figure
from bench.progress import say
from bench.targets import Ground
from scripts.stands.product import Product, running

CLIENTS = 1000
NAME = "bench.time"
# A series is told of as often as that at most, while its window fills.
EVERY_SECONDS = 0.5
SAMPLES = 40
RECEIVED = 65_536


def streams(on: Ground, quick: bool) -> Iterator[Figure]:
    """Server-sent events of one series that is said twice a second: CPU of the web process, and delay."""
    clients, seconds = (100, 5.0) if quick else (CLIENTS, 30.0)
    with running(FOOTFALL_STREAMS=str(clients + 1), FOOTFALL_API_RATE="0") as product:
        token = product.add_token(write=True)
        say("signals: how soon a stream tells")
        delays = _delays(product, token)
        say(f"signals: {clients:,} streams of one series")
        with _Readers(product, token, clients) as readers:
            idle = _cores(product, seconds / 3)
            with _said_steadily(product, token):
                time.sleep(2.0)
                before, began = readers.events, time.monotonic()
                busy = _cores(product, seconds)
                rate = (readers.events - before) / (time.monotonic() - began)
    name = "said to told by a stream, p90"
    note = f"median {statistics.median(delays) * 1000:.0f} ms; the page draws twice a second beyond that"
    delay = sorted(delays)[int(0.9 * len(delays))]
    yield Figure("signals", name, delay * 1000, "ms", 500, at_most=True, note=note)
    name = f"{clients:,} streams of one series: cores of the web process"
    note = f"{rate:,.0f} events a second in all; {idle:.2f} while nothing is said"
    yield Figure("signals", name, busy, "", 0.5, at_most=True, note=note)


def _cores(product: Product, seconds: float) -> float:
    web = [product.web]
    before, began = processes.cpu_seconds(web), time.monotonic()
    time.sleep(seconds)
    return (processes.cpu_seconds(web) - before) / (time.monotonic() - began)


def _say(connection: http.client.HTTPConnection, token: str, value: float) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = json.dumps([{"name": NAME, "type": "g", "value": value}])
    connection.request("POST", "/api/v1/signals", body, headers)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    answer.read()


def _delays(product: Product, token: str) -> list[float]:
    """Seconds from when a value is sent until a stream has told it, of values at odd moments."""
    sender = http.client.HTTPConnection("127.0.0.1", product.port, timeout=30)
    reader = http.client.HTTPConnection("127.0.0.1", product.port, timeout=30)
    _say(sender, token, 0)
    reader.request("GET", _path(), headers={"Authorization": f"Bearer {token}"})
    stream = reader.getresponse()
    found = []
    for value in range(1, SAMPLES + 1):
        time.sleep(EVERY_SECONDS + value % 7 * 0.071)
        sent = time.monotonic()
        _say(sender, token, value)
        while f'"last":{value}.0'.encode() not in stream.readline():
            pass
        found.append(time.monotonic() - sent)
    reader.close()
    sender.close()
    return found


@contextlib.contextmanager
def _said_steadily(product: Product, token: str) -> Iterator[None]:
    stop = threading.Event()

    def say_values() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", product.port, timeout=30)
        value = 0
        while not stop.wait(EVERY_SECONDS):
            value += 1
            _say(connection, token, value)
        connection.close()

    thread = threading.Thread(target=say_values)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _path() -> str:
    return f"/api/v1/signals/stream?name={NAME}&minutes=0"


class _Readers:
    """Clients that read what they are sent, in a thread of their own."""

    def __init__(self, product: Product, token: str, count: int) -> None:
        self.events = 0
        self._selector = selectors.DefaultSelector()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)
        asked = f"GET {_path()} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", product.port), timeout=60)
            client.sendall(asked.encode())
            # One after the other: each is looked up, and told what there is.
            assert b" 200 " in client.recv(RECEIVED).split(b"\r\n", 1)[0]
            client.setblocking(False)
            self._selector.register(client, selectors.EVENT_READ)

    def __enter__(self) -> "_Readers":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._selector.close()

    def _read(self) -> None:
        while not self._stop.is_set():
            for key, _ in self._selector.select(0.2):
                assert isinstance(key.fileobj, socket.socket)
                self.events += key.fileobj.recv(RECEIVED).count(b"event: signal")
