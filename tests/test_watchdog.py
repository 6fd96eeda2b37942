"""Processes that hang: noticed, taken out of use, ended, and started again; whatever hangs, and alone."""

import os
import re
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from analytics.up.child import Child
from analytics.up.signs import Signs
from scripts.stands import process_tree
from scripts.stands.agents import FIREFOX
from scripts.stands.edges import running_edge
from scripts.stands.product import Product, running
from scripts.stands.waiting import wait_for
from tests.fleets import say, started
from tracker.liveness.notify import ALIVE, READY, Notify
from tracker.liveness.watchdog import Aside, Asked, Watchdog

SILENCE = 3  # seconds; 10 in the product
SETTINGS = {"FOOTFALL_WATCHDOG": str(SILENCE), "FOOTFALL_TRUSTED_PROXIES": "127.0.0.1"}


class SteadyClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class SaidAt:
    """When a process last gave a sign, as a test says."""

    def __init__(self, at: float | None = None) -> None:
        self.at = at

    def last(self, process: int) -> float | None:
        return self.at


def looked(watchdog: Watchdog, clock: SteadyClock, seconds: float, began: float = 1000.0) -> list[bool]:
    """What it says each half second from now on."""
    said = []
    for _ in range(round(seconds * 2)):
        clock.now += 0.5
        said.append(watchdog.must_end(7, began))
    return said


def test_a_silent_process_is_set_aside_and_then_ended(tmp_path: Path) -> None:
    clock, signs = SteadyClock(), SaidAt(1000.0)
    place = tmp_path / "edge-1.ws"
    place.touch()
    watchdog = Watchdog("edge 1", signs, 10, Aside(place, tmp_path / "there is none"), clock)
    assert not any(looked(watchdog, clock, 4))
    assert place.exists()
    assert not any(looked(watchdog, clock, 6))
    assert not place.exists()
    assert looked(watchdog, clock, 0.5) == [True]
    watchdog.ended()
    assert list(tmp_path.iterdir()) == []


def test_one_sign_that_is_late_sets_nobody_aside(tmp_path: Path) -> None:
    clock, signs = SteadyClock(), SaidAt(1000.0)
    place = tmp_path / "web"
    place.touch()
    watchdog = Watchdog("web", signs, 3, Aside(place), clock)
    looked(watchdog, clock, 2)
    assert place.exists()
    looked(watchdog, clock, 0.5)
    assert not place.exists()


def test_one_that_lives_after_all_is_brought_back(tmp_path: Path) -> None:
    clock, signs = SteadyClock(), SaidAt(1000.0)
    place = tmp_path / "edge-1.ws"
    place.write_text("the same")
    watchdog = Watchdog("edge 1", signs, 10, Aside(place), clock)
    looked(watchdog, clock, 6)
    assert not place.exists()
    signs.at = clock.now
    looked(watchdog, clock, 1)
    assert place.read_text() == "the same"


def test_one_that_is_just_starting_has_longer() -> None:
    clock, signs = SteadyClock(), SaidAt(None)
    watchdog = Watchdog("edge 1", signs, 10, clock=clock)
    assert not any(looked(watchdog, clock, 60))
    assert looked(watchdog, clock, 0.5) == [True]


def test_the_signs_of_one_before_are_not_its_own() -> None:
    """The kernel gives numbers again."""
    clock, signs = SteadyClock(), SaidAt(900.0)
    watchdog = Watchdog("edge 1", signs, 10, clock=clock)
    assert not any(looked(watchdog, clock, 60))
    assert looked(watchdog, clock, 0.5) == [True]


def test_sockets_that_cannot_be_moved_keep_nobody_from_being_watched(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, signs = SteadyClock(), SaidAt(1000.0)
    place = tmp_path / "edge-1.ws"
    place.touch()
    place.with_name("edge-1.ws.aside").mkdir()
    watchdog = Watchdog("edge 1", signs, 10, Aside(place), clock)
    assert looked(watchdog, clock, 10.5).count(True) == 1
    watchdog.ended()
    assert caplog.text.count("its sockets cannot be moved (IsADirectoryError)") == 2


def test_who_was_stopped_itself_ends_nobody_for_that() -> None:
    clock, signs = SteadyClock(), SaidAt(1000.0)
    watchdog = Watchdog("edge 1", signs, 10, clock=clock)
    looked(watchdog, clock, 1)
    clock.now += 3600
    assert not any(looked(watchdog, clock, 10))
    assert any(looked(watchdog, clock, 1))


def test_signs_are_known_by_the_kernels_word(tmp_path: Path) -> None:
    """Nobody speaks for another process: who it was is not said by the one who says it."""
    signs = Signs(tmp_path)
    signs.start()
    try:
        environment = signs.environment(10)
        Notify(environment).say(READY)
        wait_for(lambda: signs.last(os.getpid()))
        first = signs.last(os.getpid())
        assert first
        assert time.monotonic() - first < 5
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.sendto(b"MAINPID=1\nWATCHDOG=trigger", environment["NOTIFY_SOCKET"])
            other.sendto(b"", environment["NOTIFY_SOCKET"])
            other.sendto(b"STATUS=fine\n" + ALIVE, environment["NOTIFY_SOCKET"])
        wait_for(lambda: (signs.last(os.getpid()) or 0) > first)
        assert signs.last(1) is None
    finally:
        signs.stop()
    Notify(environment).say(ALIVE)  # to nobody
    Notify({}).say(ALIVE)


SILENT = "import signal; signal.pause()"
ONCE = f"from tracker.liveness.notify import Notify, READY; Notify().say(READY); {SILENT}"


def test_a_child_that_falls_silent_is_started_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    signs = Signs(tmp_path)
    signs.start()
    begun = tmp_path / "begun"
    command = [sys.executable, "-c", f"open({str(begun)!r}, 'a').write('.'); {ONCE}"]
    environment = {**os.environ, **signs.environment(0.6)}
    child = Child("sleeper", command, environment, Watchdog("sleeper", signs, 0.6))
    child.start()
    try:
        wait_for(lambda: begun.exists() and len(begun.read_text()) > 1, 30)
    finally:
        child.stop()
        signs.stop()
    assert "sleeper has given no sign of life" in caplog.text
    assert "FOOTFALL_WATCHDOG=0" in caplog.text


def test_a_program_that_answers_is_left_alone() -> None:
    answers: list[bool] = [True]
    asked = Asked(lambda: answers[0])
    first = asked.last(7)
    assert first
    assert asked.last(7) == first, "it is not asked all the time"
    assert asked.last(8) is None, "another process has not answered yet"


@pytest.fixture(scope="module")
def fleet() -> Iterator[Product]:
    with started(**SETTINGS) as product:
        yield product


@pytest.fixture(scope="module")
def key(fleet: Product) -> str:
    return fleet.add_site("example.com")


def dial(fleet: Product, key: str, source: str) -> ClientConnection:
    return connect(
        f"{fleet.socket_url}/live/{key}",
        sock=socket.create_connection(("127.0.0.1", fleet.port), source_address=(source, 0)),
        origin=Origin("https://example.com"),
        user_agent_header=FIREFOX,
        compression=None,
        open_timeout=4 * SILENCE,
    )


def let_in(fleet: Product, key: str, source: str) -> bool:
    """Whether a page of this address comes in and is acknowledged."""
    try:
        with dial(fleet, key, source) as opened:
            say(opened)
        return True
    except (OSError, TimeoutError, WebSocketException):
        return False


def family(fleet: Product, words: str) -> list[int]:
    """The children of `up` whose command line holds these words."""
    children = process_tree.children(fleet.process.pid)
    return [pid for pid in children if words in process_tree.command_line(pid)]


def live_tabs(fleet: Product, key: str) -> int:
    token = fleet.add_token()
    request = urllib.request.Request(
        f"{fleet.url}/api/v1/sites/{key}/live", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        found = re.search(r'"tabs": ?(\d+)', answer.read().decode())
    assert found
    return int(found[1])


def counted(fleet: Product, key: str, tabs: int) -> bool:
    """Whether the API says so; what takes the place of a dead process may not answer yet."""
    with suppress(OSError):
        return live_tabs(fleet, key) == tabs
    return False


@pytest.mark.waits
def test_an_edge_that_hangs_keeps_nobody_waiting_and_is_replaced(fleet: Product, key: str) -> None:
    (hung,) = family(fleet, "edge-1.ws")
    sources = [f"127.0.5.{last}" for last in range(1, 17)]
    with ExitStack() as pages:
        for source in sources:
            say(pages.enter_context(dial(fleet, key, source)))
        assert live_tabs(fleet, key) == len(sources)
        os.kill(hung, signal.SIGSTOP)
        began = time.monotonic()
        # Whoever came before it was noticed waits until it is ended; then all come in.
        wait_for(lambda: all(let_in(fleet, key, f"127.0.6.{last}") for last in range(1, 17)), 30)
        waited = time.monotonic() - began
        wait_for(lambda: family(fleet, "edge-1.ws") not in ([hung], []), 30)
        wait_for(lambda: not Path(f"/proc/{hung}").exists(), 30)
    assert waited < 8 * SILENCE
    wait_for(lambda: counted(fleet, key, 0), 15)
    wait_for(lambda: any("edge 1 has given no sign of life" in line for line in fleet.lines))


HANGING: dict[str, Callable[[Product], list[int]]] = {
    "web": lambda fleet: family(fleet, "manage.py web"),
    "jobs": lambda fleet: family(fleet, "manage.py jobs"),
    "valkey": lambda fleet: family(fleet, "valkey-server"),
    "postgres": lambda fleet: family(fleet, "bin/postgres"),
}


@pytest.mark.waits
@pytest.mark.parametrize("name", HANGING)
def test_whatever_hangs_is_replaced_and_all_goes_on(fleet: Product, key: str, name: str) -> None:
    (hung,) = HANGING[name](fleet)
    os.kill(hung, signal.SIGSTOP)
    wait_for(lambda: HANGING[name](fleet) not in ([hung], []), 12 * SILENCE + 30)
    wait_for(lambda: let_in(fleet, key, "127.0.7.1"), 30)
    wait_for(lambda: counted(fleet, key, 0), 60)


@pytest.mark.waits
def test_the_one_process_that_hangs_is_replaced_and_its_pages_count_again() -> None:
    """Its port is held by `up`: whoever comes meanwhile waits, and nobody is refused."""
    with running(**SETTINGS) as product:
        key = product.add_site("example.com")
        hung = product.web
        with ExitStack() as pages:
            for last in range(1, 9):
                say(pages.enter_context(dial(product, key, f"127.0.8.{last}")))
            assert live_tabs(product, key) == 8
            os.kill(hung, signal.SIGSTOP)
            began = time.monotonic()
            with socket.create_connection(("127.0.0.1", product.port)) as waiting:
                waiting.sendall(b"GET /login/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
                waiting.settimeout(SILENCE + 30)
                assert waiting.recv(15).startswith(b"HTTP/1.1 200")
            assert product.web != hung
            for last in range(1, 9):
                say(pages.enter_context(dial(product, key, f"127.0.8.{last}")))
            wait_for(lambda: counted(product, key, 8), 15)
            print(f"counted right again {time.monotonic() - began:.1f} s after it hung")
        assert any("web has given no sign of life" in line for line in product.lines)
        assert product.stop() == 0


@pytest.mark.waits
def test_a_worker_that_hangs_is_replaced(footfall: Product) -> None:
    footfall.environment["FOOTFALL_WATCHDOG"] = str(SILENCE)
    try:
        with running_edge(footfall, options=["--workers=2"]) as edge:
            pid = edge.process.pid
            before = process_tree.children(pid)
            os.kill(before[0], signal.SIGSTOP)
            wait_for(lambda: len(now := process_tree.children(pid)) == 2 and before[0] not in now, 30)
    finally:
        del footfall.environment["FOOTFALL_WATCHDOG"]
