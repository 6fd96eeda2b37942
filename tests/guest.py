"""A host page with the snippet, in a real Chromium, and the peers that it talks to: fixtures and words."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, WebSocket

from scripts.stands.waiting import wait_for
from tests.browser import CHROMIUM, SHELL, Complaints, visitor
from tests.browsers import Browsers
from tests.peer import HttpPeer, Message, SocketPeer, http_peer, socket_peer

# Where a stopped clock stands: long after anything that a page could take for its own past.
STOPPED = datetime(2027, 1, 4, 12, tzinfo=UTC)
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
# The browser itself notes a failed connection on the console; no page can prevent it.
NETWORK = re.compile(r"(error|warning): (WebSocket connection to|Failed to load resource|Access to fetch)")


@pytest.fixture(scope="session")
def browsers() -> Iterator[Browsers]:
    """The browsers that all modules use, one after the other."""
    started = Browsers()
    yield started
    started.close()


@pytest.fixture(scope="module")
def awake_browsers(browsers: Browsers) -> Iterator[Browsers]:
    """The same for a module: none of its tests can be asynchronous."""
    with browsers.awake():
        yield browsers


@pytest.fixture(scope="module")
def browser(awake_browsers: Browsers) -> Iterator[Browser]:
    """What a module's tests open boards in, and most visitors come in."""
    with awake_browsers.lent(SHELL) as browser:
        yield browser


@pytest.fixture(scope="module")
def whole_browser(awake_browsers: Browsers) -> Iterator[Browser]:
    """What visitors come in who go back to a page that was kept."""
    with awake_browsers.lent(CHROMIUM) as browser:
        yield browser


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor who was never here before."""
    with visitor(browser) as context:
        yield context


@pytest.fixture
def complaints() -> Complaints:
    """What the page complains about."""
    return Complaints()


@pytest.fixture
def page(context: BrowserContext, complaints: Complaints) -> Iterator[Page]:
    """A page that must have complained about nothing in the end, but what its test has taken."""
    with _content(context, complaints) as page:
        yield page


@pytest.fixture
def whole_page(whole_browser: Browser, complaints: Complaints) -> Iterator[Page]:
    """The same in a whole browser."""
    with visitor(whole_browser) as context, _content(context, complaints) as page:
        yield page


@contextmanager
def _content(context: BrowserContext, complaints: Complaints) -> Iterator[Page]:
    page = context.new_page()
    complaints.listen(page)
    yield page
    assert [line for line in complaints.heard if not NETWORK.match(line)] == []


@pytest.fixture
def peer() -> Iterator[SocketPeer]:
    """Where the snippet comes from, and its sockets go."""
    with socket_peer() as peer:
        yield peer


@pytest.fixture
def host() -> Iterator[HttpPeer]:
    """Where the host pages come from; as the snippet's server, one that takes POSTs only."""
    with http_peer() as host:
        yield host


def tag(peer: SocketPeer | HttpPeer, attributes: str = "", title: str = "A page") -> str:
    """A head with a title and the snippet."""
    return f'<title>{title}</title><script defer src="{peer.url}/t.js" data-site="k3y" {attributes}></script>'


def title_of(peer: SocketPeer, page_view: Message) -> str:
    """The title of a page view, as far as it was said."""
    said = [
        message for _, message in peer.heard.frames if message["id"] == page_view["id"] and "ti" in message
    ]
    return str(said[-1]["ti"])


def quiet_for(page: Page, milliseconds: int = 800) -> None:
    """Let the page live on for a while in which nothing is expected: a nothing cannot be waited for.

    Half a second passes before a page counts: in less than that, nothing can go wrong.
    """
    page.wait_for_timeout(milliseconds)


def stop_clock(page: Page) -> None:
    """From here on the page's clock stands, but for what a test lets pass: no slow machine makes it later."""
    page.clock.install(time=STOPPED - timedelta(hours=1))
    page.clock.pause_at(STOPPED)


def stay(page: Page, url: str) -> None:
    """Open a page under a stopped clock, and stay until it counts: what sends on at once is no page view."""
    page.goto(url)
    page.clock.run_for(500)


@dataclass
class Sockets:
    """What a page's sockets have met, as the page knows it; read it while time passes."""

    received: int = 0
    closed: int = 0

    @classmethod
    def of(cls, page: Page) -> "Sockets":
        """Those that the page opens from now on."""
        made = cls()
        page.on("websocket", made._follow)
        return made

    def _follow(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._receive)
        socket.on("close", self._close)

    def _receive(self, _: object) -> None:
        self.received += 1

    def _close(self, _: object) -> None:
        self.closed += 1


def pass_time(page: Page, until: Callable[[], object], step: int = 500) -> int:
    """Run the page's own clock (stopped before) in steps of milliseconds until something happened; their sum.

    What comes over the network takes real time: steps of 1 let next to nothing pass while it is waited for.
    """
    passed = 0

    def happened() -> object:
        nonlocal passed
        page.clock.run_for(step)
        passed += step
        return until()

    wait_for(happened)
    return passed
