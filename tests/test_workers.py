"""`manage.py edge --workers N`: several edges behind one place, which come and go as one."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect, unix_connect
from websockets.typing import Origin

from scripts.stands import process_tree
from scripts.stands.agents import FIREFOX
from scripts.stands.checkout import ROOT
from scripts.stands.edges import EdgeProcess, running_edge, starting_edge
from scripts.stands.page_messages import page
from scripts.stands.ports import free_port
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.postmaster import postmaster_of
from tests.visitor_sockets import code_of

ORIGIN = Origin("https://example.com")
HELD = "SELECT count(DISTINCT edge) AS edges FROM tracker_pageview WHERE path = %s"


@pytest.fixture(scope="module")
def key(footfall: Product) -> str:
    return footfall.add_site("example.com")


@pytest.fixture
def edge(footfall: Product) -> Iterator[EdgeProcess]:
    with running_edge(footfall, options=["--workers=2"]) as started:
        yield started


@contextmanager
def starting(environment: dict[str, str], folder: Path) -> Iterator[EdgeProcess]:
    """Two workers that may not be ready yet; what they complain of is in `folder`/said."""
    port = free_port()
    with (
        (folder / "said").open("w") as said,
        starting_edge(environment, port, 0, [f"--port={port}", "--workers=2"], said) as edge,
    ):
        yield edge


def says_something(edge: EdgeProcess, seconds: float) -> bool:
    assert edge.process.stdout
    return bool(select.select([edge.process.stdout], [], [], seconds)[0])


def children(edge: EdgeProcess) -> set[int]:
    return set(process_tree.children(edge.process.pid))


def holder(edge: EdgeProcess, socket: ClientConnection) -> int:
    """The worker that has this page's socket, by what the kernel says of the two."""
    ends = f"0100007F:{edge.port:04X} 0100007F:{socket.local_address[1]:04X} "

    def found() -> int:
        # While others come and go, the kernel's list may have a line twice, or not at all.
        lines = [line for line in Path("/proc/net/tcp").read_text().splitlines() if ends in line]
        names = {f"socket:[{line.split()[9]}]" for line in lines}
        return next((child for child in children(edge) if names & open_files(child)), 0)

    return wait_for(found, what="who holds the page")


def open_files(process: int) -> set[str]:
    names = set()
    with suppress(OSError):  # a process that goes meanwhile
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            with suppress(FileNotFoundError):  # a file that does
                names.add(os.readlink(descriptor))
    return names


def listened_on(port: int) -> bool:
    """Read from the kernel: a probe would be a visitor."""
    return f"0100007F:{port:04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text()


def opened(
    stack: ExitStack, edge: EdgeProcess, key: str, said: dict[str, Any] | None = None
) -> ClientConnection:
    """A page that was acknowledged, open as long as `stack`."""
    dialled = connect(
        f"ws://127.0.0.1:{edge.port}/live/{key}",
        origin=ORIGIN,
        user_agent_header=FIREFOX,
        compression=None,
    )
    socket = stack.enter_context(dialled)
    acknowledged(socket, said or page())
    return socket


def acknowledged(socket: ClientConnection, said: dict[str, Any]) -> None:
    socket.send(json.dumps(said))
    assert json.loads(socket.recv(timeout=10)) == {"t": "ack", "id": said["id"]}


def test_pages_are_held_by_all_of_them_and_all_hear_the_goodbye(
    footfall: Product, edge: EdgeProcess, key: str
) -> None:
    with ExitStack() as stack:
        pages = [opened(stack, edge, key, page("/workers")) for _ in range(24)]
        # The kernel chooses by the client's port: all 24 at one of two would be a chance in eight million.
        assert footfall.rows(HELD, "/workers") == [{"edges": 2}]
        edge.process.send_signal(signal.SIGTERM)
        wait_for(lambda: not listened_on(edge.port), 10, "the end of listening")
        assert {code_of(each) for each in pages} == {4502}
        assert edge.process.wait(timeout=30) == 0


def test_one_that_is_killed_is_back_within_two_seconds_and_the_other_goes_on(
    edge: EdgeProcess, key: str
) -> None:
    with ExitStack() as stack:
        saids = [page("/goes-on") for _ in range(24)]
        pages = [(opened(stack, edge, key, said), said) for said in saids]
        holders = {socket: holder(edge, socket) for socket, _ in pages}
        killed, other = children(edge)
        assert set(holders.values()) == {killed, other}
        seconds = []
        for _ in range(3):
            known = children(edge)
            began = time.monotonic()
            os.kill(killed, signal.SIGKILL)
            killed = newcomer(edge, key, known)
            seconds.append(time.monotonic() - began)
        # The best of three, since others use the machine: 0.3 to 0.6 s for the first, which had lived for a
        # second, and 0.9 to 1.3 s for those that had not.
        assert min(seconds) < 2
        kept = [(socket, said) for socket, said in pages if holders[socket] == other]
        for socket, said in kept:
            acknowledged(socket, said)
            assert holder(edge, socket) == other


def newcomer(edge: EdgeProcess, key: str, known: set[int]) -> int:
    """The first worker beyond those known who acknowledges a page."""
    while True:
        with ExitStack() as stack:
            # Who knocks at the dead one's listener waits there for the new one.
            found = holder(edge, opened(stack, edge, key))
            if found not in known:
                return found


def test_one_that_dies_before_all_were_ready_is_waited_for(
    footfall: Product, key: str, tmp_path: Path
) -> None:
    postmaster = postmaster_of(footfall)
    os.kill(postmaster, signal.SIGSTOP)
    try:
        # Nobody is ready for as long as Postgres lets them wait for the sites.
        with starting(footfall.environment, tmp_path) as edge:
            wait_for(lambda: len(children(edge)) == 2, what="workers")
            before = children(edge)
            os.kill(min(before), signal.SIGKILL)
            wait_for(lambda: len(children(edge) - before) == 1, what="another in its place")
            assert not says_something(edge, 0)
            os.kill(postmaster, signal.SIGCONT)
            assert says_something(edge, 30)
            assert edge.process.stdout
            assert edge.process.stdout.readline() == "Ready.\n"
            with ExitStack() as stack:
                pages = [opened(stack, edge, key) for _ in range(24)]
                assert {holder(edge, socket) for socket in pages} == children(edge)
            assert edge.stop(signal.SIGINT) == 0
    finally:
        os.kill(postmaster, signal.SIGCONT)


SERVES_WHEN_IT_MAY = """
import signal, sys, threading
from pathlib import Path
from tracker.server.workers import Workers

def serve(place, ready, alive):
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: told.set())
    Path(sys.argv[1]).read_text()
    ready()
    told.wait()

sys.exit(not Workers(2, serve, []).run(lambda: print("Ready.", flush=True)))
"""


@contextmanager
def needing(file: Path, folder: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Two workers that serve once this file is there; beside them, what they say until then."""
    command = [sys.executable, "-c", SERVES_WHEN_IT_MAY, str(file)]
    with (
        (folder / "said").open("w") as said,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=said, text=True) as process,
    ):
        try:
            yield process, folder / "said"
        finally:
            process.kill()


def test_one_that_cannot_serve_says_why_in_a_line_until_that_is_mended(tmp_path: Path) -> None:
    with needing(tmp_path / "countries.mmdb", tmp_path) as (process, said):
        wait_for(lambda: len(said.read_text().splitlines()) >= 4, 30, "two attempts of each")
        for line in said.read_text().splitlines():
            assert re.fullmatch(r"edge [12] cannot serve: FileNotFoundError: .*countries\.mmdb'", line)
        assert process.stdout
        assert not select.select([process.stdout], [], [], 0)[0]
        (tmp_path / "countries.mmdb").touch()
        assert process.stdout.readline() == "Ready.\n"
        process.terminate()
        assert process.wait(10) == 0


def test_a_signal_ends_those_that_cannot_serve(tmp_path: Path) -> None:
    with needing(tmp_path / "missing.mmdb", tmp_path) as (process, said):
        wait_for(lambda: "cannot serve" in said.read_text(), 30, "the first attempt")
        process.terminate()
        assert process.wait(10) == 0
        assert process.stdout
        assert process.stdout.read() == ""


def test_they_share_a_unix_socket(footfall: Product, key: str, tmp_path: Path) -> None:
    with running_edge(footfall, tmp_path, options=["--workers=2"]) as edge:
        for _ in range(6):
            with unix_connect(
                str(tmp_path / "ws"),
                f"ws://localhost/live/{key}",
                origin=ORIGIN,
                user_agent_header=FIREFOX,
                compression=None,
                additional_headers={"X-Forwarded-For": "91.12.0.1"},
            ) as socket:
                socket.send(json.dumps(page("/one-file")))
                assert json.loads(socket.recv(timeout=10))["t"] == "ack"
        assert edge.stop(signal.SIGINT) == 0


@pytest.mark.parametrize("count", ["0", "65", "two"])
def test_a_number_that_is_none_is_refused_in_one_sentence(footfall: Product, count: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "edge", "--port=1", f"--workers={count}"],
        cwd=ROOT,
        env=footfall.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert f"there are 1 to 64 workers, not '{count}'" in done.stderr
