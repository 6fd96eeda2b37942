"""What tests of the board share: visitors over real sockets, and what the page shows of them."""

import json
import subprocess
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from playwright.sync_api import Page, expect
from websockets.sync.client import connect

from scripts.stands.agents import CHROME, PHONE
from scripts.stands.checkout import ROOT
from scripts.stands.product import READY_SECONDS, Product
from scripts.stands.waiting import wait_for

SHOTS = ROOT / "test-results" / "board"
SHOTS.mkdir(parents=True, exist_ok=True)


@contextmanager
def visit(
    product: Product,
    key: str,
    path: str,
    address: str = "192.0.2.1",
    agent: str = CHROME,
    referrer: str = "",
    title: str = "",
) -> Iterator[Callable[..., None]]:
    """A real visitor: counted from here until the end of the block; call the result to send a message."""
    page_id = str(uuid.uuid4())
    with connect(
        f"{product.socket_url}/live/{key}",
        additional_headers={"Origin": "https://seen.example", "X-Forwarded-For": address},
        user_agent_header=agent,
        compression=None,
    ) as socket:

        def say(**message: Any) -> None:
            socket.send(json.dumps({"id": page_id, **message}))

        say(t="page", u=f"https://seen.example{path}", r=referrer, ti=title)
        assert json.loads(socket.recv(timeout=10))["t"] == "ack"
        yield say


LONG = "/blog/2026/why-we-count-open-sockets-instead-of-guessing"
PAGES = {"/": 11, "/pricing": 7, LONG: 5, "/docs/install": 4, "/docs/api": 3, "/blog": 2}
REFERRERS = {
    "": 14,
    "https://www.google.com/": 11,
    "https://news.ycombinator.com/": 8,
    "https://chatgpt.com/": 5,
}
NETWORKS = {"8.8.8": 14, "91.198.174": 9, "200.160.2": 7, "203.119.1": 6, "196.216.2": 4}


@contextmanager
def crowd(product: Product, key: str) -> Iterator[None]:
    """Forty visitors, on pages that some share, from many places; some look away."""
    paths = [*Counter(PAGES).elements(), *(f"/products/{number}" for number in range(1, 9))]
    referrers = [*Counter(REFERRERS).elements(), "https://lobste.rs/", "https://lobste.rs/"]
    networks = list(Counter(NETWORKS).elements())
    with ExitStack() as stack:
        for number, path in enumerate(paths):
            say = stack.enter_context(
                visit(
                    product,
                    key,
                    path,
                    address=f"{networks[number * 7 % 40]}.{number}",
                    agent=PHONE if number % 3 == 0 else CHROME,
                    referrer=referrers[number * 11 % 40],
                )
            )
            if number % 5 in (2, 4):
                say(t="state", s="hidden" if number % 5 == 2 else "idle", e=10, d=50)
        yield


def figure(page: Page, name: str) -> Any:
    return expect(page.locator(f"[data-figure={name}]"))


def rows(page: Page, name: str) -> list[tuple[str, str]]:
    """The names and figures of a list, as they are shown."""
    shown = page.locator(f"[data-list={name}] .row:not(.gone)")
    return [
        (row.locator(".name").inner_text().replace("\n", ""), row.locator(".figure").inner_text())
        for row in shown.all()
    ]


def choose(page: Page, name: str) -> None:
    """Bring a list to the front that shares its place with others."""
    tab = page.locator(f"#tab-{name}")
    if tab.is_visible():
        tab.click()


def press(page: Page, name: str, row: str) -> None:
    """Press a row of a list, which filters the board by it."""
    choose(page, name)
    page.locator(f"[data-list={name}] .row:not(.gone) .pick", has_text=row).first.click()


def scroll_stream(page: Page, to: int = 1_000_000) -> int:
    """Scroll the stream so many pixels down, where it makes more rows; how many there are now."""
    rolled = "to => (document.querySelector('.stream .scroll').scrollTop = to)"
    page.evaluate(rolled, to)
    return page.locator(".stream li").count()


def wait_until_at_rest(page: Page) -> None:
    """The dot's breath and the rows' arrival are over."""
    wait_for(lambda: page.evaluate("document.getAnimations().length") == 0)


def start_again(product: Product) -> None:
    """The same product on the same port, after it was killed."""
    assert product.process.stdout
    product.process.stdout.close()
    product.process = subprocess.Popen(
        product.process.args,
        cwd=ROOT,
        env=product.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for(product.ready, READY_SECONDS, "/readyz")
