"""Networks that swallow packets, split and dawdle: the fault runs, short, and what they stand on."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from django.db import OperationalError, connection

from analytics.up.postgres import Postgres
from bench.faults import silent, slow_network, splits
from bench.faults.apart import apart
from bench.faults.far_postgres import postgres_at
from bench.faults.latency import Latency
from bench.figures import Figure
from bench.targets import Ground
from scripts.stands import namespace
from scripts.stands.checkout import ROOT
from tracker.postgres.connect import connect

NETWORK, OTHER = "127.16.0.0/16", "127.17.0.1"
NEAR, FAR = "127.9.2.1", "127.9.2.2"  # of one Postgres


@pytest.mark.alone
def test_pages_that_fall_silent_are_gone_as_promised() -> None:
    # Nothing else runs beside it: some pages are to close within a second.
    assert [figure.line() for figure in silent.silent(None, True) if not figure.met] == []


@pytest.mark.waits
@pytest.mark.parametrize("run", [splits.netsplit, slow_network.slow_network], ids=["splits", "slow"])
def test_the_network_is_survived_as_promised(
    run: Callable[[Ground | None, bool], Generator[Figure, None, None]],
) -> None:
    assert [figure.line() for figure in run(None, True) if not figure.met] == []


def test_what_is_cut_vanishes_both_ways_until_it_heals() -> None:
    inside(what_is_cut_vanishes)


def test_late_packets_take_their_time() -> None:
    inside(late_packets)


@pytest.mark.waits
def test_what_a_connection_locked_is_free_soon_after_its_network_died() -> None:
    inside(locks_are_freed)


@pytest.mark.waits
def test_staff_are_told_soon_that_the_network_to_the_database_is_dead() -> None:
    inside(database_is_given_up)


def test_an_error_inside_is_told_and_leaves_nothing() -> None:
    figures = apart(broken)(None, True)
    pid = int(next(figures).value)
    with pytest.raises(RuntimeError, match="broken broke off"):
        next(figures)
    assert not Path(f"/proc/{pid}").exists()


def test_what_is_given_up_leaves_nothing() -> None:
    figures = apart(endless)(None, True)
    pid = int(next(figures).value)
    with closing(figures):
        assert Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{pid}").exists()


def test_a_machine_without_namespaces_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespace, "AS_ROOT", ("unshare", "--no-such-namespace"))
    monkeypatch.setattr(namespace, "AS_ANYBODY", ("unshare", "--no-such-namespace"))
    with pytest.raises(namespace.NoNamespace, match="need a network namespace, and so root"):
        namespace.entering()


def inside(check: Callable[[], None]) -> None:
    """Run a function of this file in a namespace."""
    program = f"from tests.test_faults_network import {check.__name__} as check; check()"
    subprocess.run([*namespace.entering(), sys.executable, "-c", program], cwd=ROOT, check=True)


def what_is_cut_vanishes() -> None:
    namespace.open_loopback()
    with connected("127.16.0.1") as (visitor, server), connected(OTHER) as (other, others_server):
        namespace.cut(NETWORK)
        for here, there in ((visitor, server), (server, visitor)):
            here.sendall(b"unheard")
            there.settimeout(0.3)
            with pytest.raises(TimeoutError):
                there.recv(1)
        other.sendall(b"heard")
        assert others_server.recv(9) == b"heard"
        namespace.heal(NETWORK)
        server.settimeout(10)
        assert server.recv(9) == b"unheard"


def late_packets() -> None:
    namespace.open_loopback()
    late = ("--jump", "NFQUEUE", "--queue-num", "1")
    with (
        Latency(1, 0.1),
        namespace.rules(*((*way, *late) for way in namespace.both_ways(NETWORK))),
        connected("127.16.0.1") as (visitor, server),
    ):
        began = time.monotonic()
        visitor.sendall(b"x")
        server.sendall(server.recv(1))
        assert visitor.recv(1) == b"x"
        assert time.monotonic() - began >= 0.2


def locks_are_freed() -> None:
    namespace.open_loopback()
    with postgres_at(NEAR, FAR) as url:
        use_database(url)
        with closing(connect()) as doomed, psycopg.connect(url.replace(NEAR, FAR)) as other:
            doomed.execute("SELECT pg_advisory_xact_lock(1)")
            namespace.cut(NEAR)
            other.execute("SET lock_timeout = '30s'")
            other.execute("SELECT pg_advisory_xact_lock(1)")
            namespace.heal(NEAR)


def database_is_given_up() -> None:
    namespace.open_loopback()
    namespace.cut(NEAR)
    use_database(f"postgres://nobody@{NEAR}/nothing")
    began = time.monotonic()
    with pytest.raises(OperationalError):
        connection.ensure_connection()
    assert time.monotonic() - began < 30


def use_database(url: str) -> None:
    """For Django, which has not read its settings yet in a new process."""
    key = "only for tests, and long enough to be taken for a key"
    os.environ |= {"DATABASE_URL": url, "SECRET_KEY": key, "DJANGO_SETTINGS_MODULE": "analytics.settings"}


@contextmanager
def connected(address: str) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection from this address to 127.0.0.1."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname(), 10, (address, 0)) as near,
        listener.accept()[0] as far,
    ):
        yield near, far


def broken(on: Ground, quick: bool) -> Iterator[Figure]:
    yield started(on.postgres)
    raise ValueError("on purpose")


def endless(on: Ground, quick: bool) -> Iterator[Figure]:
    yield started(on.postgres)
    time.sleep(600)


def started(postgres: Postgres) -> Figure:
    assert postgres.pid
    return Figure("test", "Postgres", postgres.pid, "")


for run in (broken, endless):
    # Pytest knows this file by another name than a new process does.
    run.__module__ = "tests.test_faults_network"
