"""`manage.py edge --workers N`: several edges behind one place, which come and go as one."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection, connect, unix_connect
from websockets.typing import Origin

from tests.edges import EdgeProcess, running_edge
from tests.product import ROOT, Product, wait_for
from tests.test_live_socket import FIREFOX, code_of, page

ORIGIN = Origin("https://example.com")
HELD = "SELECT count(DISTINCT edge) AS edges FROM tracker_pageview WHERE path = %s"


@pytest.fixture(scope="module")
def key(footfall: Product) -> str:
    return footfall.add_site("example.com")


@pytest.fixture
def edge(footfall: Product) -> Iterator[EdgeProcess]:
    with running_edge(footfall, options=["--workers=2"]) as started:
        yield started


def children(edge: EdgeProcess) -> set[int]:
    pid = edge.process.pid
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def listened_on(port: int) -> bool:
    """Read from the kernel: a probe would be a visitor."""
    return f"0100007F:{port:04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text()


def opened(stack: ExitStack, edge: EdgeProcess, key: str, path: str) -> ClientConnection:
    """A page that was acknowledged, open as long as `stack`."""
    dialled = connect(
        f"ws://127.0.0.1:{edge.port}/live/{key}",
        origin=ORIGIN,
        user_agent_header=FIREFOX,
        compression=None,
    )
    socket = stack.enter_context(dialled)
    socket.send(json.dumps(page(path)))
    assert json.loads(socket.recv(timeout=10))["t"] == "ack"
    return socket


def test_pages_are_held_by_all_of_them_and_all_hear_the_goodbye(
    footfall: Product, edge: EdgeProcess, key: str
) -> None:
    with ExitStack() as stack:
        pages = [opened(stack, edge, key, "/workers") for _ in range(24)]
        # The kernel chooses by the client's port: all 24 at one of two would be a chance in eight million.
        assert footfall.rows(HELD, "/workers") == [{"edges": 2}]
        edge.process.send_signal(signal.SIGTERM)
        wait_for(lambda: not listened_on(edge.port), 10, "the end of listening")
        assert {code_of(each) for each in pages} == {4502}
        assert edge.process.wait(timeout=30) == 0


def test_one_that_is_killed_is_back_within_two_seconds(edge: EdgeProcess, key: str) -> None:
    before = children(edge)
    assert len(before) == 2
    began = time.monotonic()
    os.kill(min(before), signal.SIGKILL)
    wait_for(lambda: len(children(edge) - before) == 1, 10, "a new worker")
    # Whoever knocked at the dead one's listener is let in by the new one.
    with ExitStack() as stack:
        for _ in range(12):
            opened(stack, edge, key, "/back")
    assert time.monotonic() - began < 10  # 1.6 s when the machine has nothing else to do


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
