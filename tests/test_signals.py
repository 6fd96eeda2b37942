"""The process that takes servers' datapoints: real sockets, real Postgres, its signs and its end."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from scripts.stands.ports import free_port
from scripts.stands.waiting import wait_for
from tests.signal_tables import postgres
from tracker.signals.datapoint import Reason
from tracker.signals.listening import PortPlace, place
from tracker.signals.receiver import bound, dropped_by_kernel

__all__ = ["postgres"]

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Process:
    """`manage.py signals` before the test's database."""

    process: subprocess.Popen[str]
    port: int

    def say(self, *lines: str) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto("\n".join(lines).encode(), ("127.0.0.1", self.port))

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


@contextmanager
def started(postgres: psycopg.Connection, *options: str, **environment: str) -> Iterator[Process]:
    address = os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + postgres.info.dbname
    port = free_port()
    places = [option.format(port=port) for option in options]
    process = subprocess.Popen(
        [sys.executable, "manage.py", "signals", *places],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": address, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "Ready.\n"
        yield Process(process, port)
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def sums(postgres: psycopg.Connection, seconds: int = 600) -> dict[str, float]:
    """Of each series, over all windows of this length."""
    return dict(
        postgres.execute(
            "SELECT name, sum(sum) FROM tracker_signal JOIN tracker_series ON id = series_id"
            " WHERE seconds = %s AND sum IS NOT NULL GROUP BY 1",
            [seconds],
        ).fetchall()
    )


def test_what_arrives_is_stored_whole_when_the_process_is_told_to_end(postgres: psycopg.Connection) -> None:
    with started(postgres, "--udp=127.0.0.1:{port}", "--tcp=127.0.0.1:{port}") as process:
        for number in range(500):
            process.say("hits:1|c", f"time:{number}|ms", "what is this")
        with socket.create_connection(("127.0.0.1", process.port)) as sender:
            sender.sendall(b"hits:1")
            sender.sendall(b"0|c\nhits:5|c\n" + b"x" * 20_000)
            sender.sendall(b"y:1|c\nhits:100|c")
        # The last words of a connection are heard with its end, which comes after them.
        with socket.create_connection(("127.0.0.1", process.port)) as sender:
            sender.sendall(b"done:1|c\n")
            sender.shutdown(socket.SHUT_WR)
            assert sender.recv(1) == b""
        assert process.stop() == 0
    found = sums(postgres)
    assert found["hits"] == 500 + 10 + 5 + 100
    assert found["time"] == sum(range(500))
    assert "y" not in found
    refused = postgres.execute(
        "SELECT tags ->> 'reason', sum(sum) FROM tracker_signal JOIN tracker_series ON id = series_id"
        " WHERE name = 'footfall.signals.refused' AND seconds = 600 GROUP BY 1"
    ).fetchall()
    assert dict(refused) == {Reason.MALFORMED.value: 500, Reason.TOO_LONG.value: 1}


@pytest.mark.waits
def test_windows_are_stored_as_they_end_and_once_when_postgres_was_away(
    postgres: psycopg.Connection,
) -> None:
    with started(postgres, "--udp=127.0.0.1:{port}") as process:
        process.say("hits:1|c")
        wait_for(lambda: sums(postgres, 10).get("hits") == 1, 20, "the first window")
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        postgres.execute(f"{others} AND datname = current_database()")
        process.say("hits:2|c")
        wait_for(lambda: sums(postgres, 10).get("hits") == 3, 25, "the window after the connection was lost")
        assert process.stop(signal.SIGINT) == 0
    assert sums(postgres)["hits"] == 3


@pytest.mark.waits
def test_the_machine_says_how_it_is(postgres: psycopg.Connection) -> None:
    with started(postgres, "--host") as process:
        # A share of the CPU takes two looks: a window that ends at once has none.
        wait_for(lambda: "host.cpu" in sums(postgres, 10), 25, "figures of the machine")
        assert process.stop() == 0
    cpu = postgres.execute(
        "SELECT tags ->> 'mode', least, most FROM tracker_signal JOIN tracker_series ON id = series_id"
        " WHERE name = 'host.cpu' AND seconds = 600"
    ).fetchall()
    assert {"user", "system", "idle", "wait"} <= {mode for mode, _, _ in cpu}
    assert all(0 <= least <= most <= 100 for _, least, most in cpu)
    assert sums(postgres)["host.memory.used"] > 0


def test_without_a_database_it_takes_on_and_says_what_it_could_not_store(
    postgres: psycopg.Connection,
) -> None:
    nowhere = f"postgres://nobody@127.0.0.1:{free_port()}/nothing"
    with started(postgres, "--udp=127.0.0.1:{port}", DATABASE_URL=nowhere) as process:
        process.say("hits:1|c")
        assert process.stop() == 1


def complaint(*options: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", "signals", *options],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_taken_port_and_wrong_places_are_told_in_a_sentence() -> None:
    with bound("127.0.0.1", 0, socket.SOCK_DGRAM) as taken:
        port = taken.getsockname()[1]
        assert f"Cannot listen on 127.0.0.1:{port}: Address already in use." in complaint(f"--udp={port}")
    assert "'localhost' is no HOST:PORT" in complaint("--udp=localhost")
    assert "Cannot listen on no.such.host.invalid:8125" in complaint("--tcp=no.such.host.invalid:8125")
    assert "Say where datapoints come from" in complaint()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8125", PortPlace("127.0.0.1", 8125)),
        ("0.0.0.0:8125", PortPlace("0.0.0.0", 8125)),
        ("[::1]:8125", PortPlace("::1", 8125)),
    ],
)
def test_places_are_read_as_people_write_them(text: str, expected: PortPlace) -> None:
    assert place(text) == expected
    assert place(str(expected)) == expected


def test_what_the_kernel_drops_is_counted() -> None:
    with bound("127.0.0.1", 0, socket.SOCK_DGRAM) as port:
        port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(200):
                sender.sendto(b"hits:1|c" * 100, port.getsockname())
        taken = 0
        try:
            while port.recv(65_535):
                taken += 1
        except BlockingIOError:
            pass
        assert 0 < taken < 200
        assert dropped_by_kernel(port) == 200 - taken
