"""Boards of several processes: filters over both edges against known pages, and the strip of all."""

import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import pytest
import redis
from playwright.sync_api import Browser, Page, expect
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from scripts.stands.agents import CHROME, FIREFOX
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.boards import rows
from tests.cast import MAKE_CAST
from tests.fleets import say, started
from tests.staff import at_board

AGENTS = {"Firefox": FIREFOX, "Chrome": CHROME}


class Known(NamedTuple):
    """A tab that is open."""

    path: str
    country: str
    browser: str
    address: str


# Every combination of three pages, two countries and two browsers, twice, once by the same visitor.
KNOWN = [
    Known(path, country, browser, f"{network}.{number}")
    for country, network in (("DE", "91.12.0"), ("BR", "200.160.2"))
    for browser in ("Firefox", "Chrome")
    for path in ("/", "/pricing", "/docs")
    for number in (1, 1 + len(path))
]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Product]:
    # Proxies are trusted whose own addresses, by which nginx chooses, lead to both edges.
    with started(FOOTFALL_TRUSTED_PROXIES="127.0.5.0/24") as product:
        yield product


@pytest.fixture(scope="module")
def key(fleet: Product) -> str:
    return fleet.manage("shell", "--no-imports", "-c", MAKE_CAST).split()[0]


@contextmanager
def opened(fleet: Product, key: str, number: int, tab: Known) -> Iterator[ClientConnection]:
    proxy = socket.create_connection(("127.0.0.1", fleet.port), source_address=(f"127.0.5.{1 + number}", 0))
    with connect(
        f"{fleet.socket_url}/live/{key}",
        sock=proxy,
        origin=Origin("https://seen.example"),
        user_agent_header=AGENTS[tab.browser],
        compression=None,
        additional_headers={"X-Forwarded-For": tab.address},
    ) as page:
        say(page, u=f"https://seen.example{tab.path}")
        yield page


@pytest.fixture
def tabs(fleet: Product, key: str) -> Iterator[list[ClientConnection]]:
    """Sockets of KNOWN, in its order, held by both edges."""
    with ExitStack() as stack:
        yield [stack.enter_context(opened(fleet, key, number, tab)) for number, tab in enumerate(KNOWN)]


def holds(page: Page, known: list[Known]) -> None:
    """The board shows exactly these tabs."""
    expect(page.locator("[data-figure=tabs]")).to_have_text(str(len(known)))
    visitors = {(tab.address, tab.browser) for tab in known}
    expect(page.locator("[data-figure=visitors]")).to_have_text(str(len(visitors)))
    for name, kind in (("pages", "path"), ("browsers", "browser")):
        counted = Counter(getattr(tab, kind) for tab in known)
        expected = sorted((each, str(count)) for each, count in counted.items())
        wait_for(lambda: sorted(rows(page, name)) == expected, 5, name)  # noqa: B023 (called at once)


def test_filters_over_two_edges_are_exact_combined_and_when_asked_again(
    fleet: Product, key: str, tabs: list[ClientConnection], browser: Browser
) -> None:
    held = "SELECT edge FROM tracker_pageview WHERE ended_at IS NULL GROUP BY edge"
    assert len(fleet.rows(held)) == 2
    chosen = "?country=DE&browser=Firefox&page=/&page=/docs"
    kept = [tab for tab in KNOWN if tab[1:3] == ("DE", "Firefox") and tab.path in ("/", "/docs")]
    with at_board(browser, fleet, f"/sites/{key}/{chosen}") as page:
        holds(page, kept)
        # Who comes and goes on either edge is there and gone.
        index = KNOWN.index(kept[0])
        tabs[index].close()
        holds(page, kept[1:])
        again = Known("/docs", "DE", "Firefox", "91.12.0.77")
        with opened(fleet, key, 40, again), opened(fleet, key, 41, again._replace(browser="Chrome")):
            holds(page, [*kept[1:], again])
            # Another filter; nobody asks for the first one any more, and the edges drop it.
            views = views_of(fleet)
            page.get_by_role("button", name="Remove the filter: browser Firefox").click()
            more = [tab for tab in KNOWN if tab.country == "DE" and tab.path in ("/", "/docs")]
            more.remove(kept[0])
            holds(page, [*more, again, again._replace(browser="Chrome")])
            wait_for(lambda: not views & views_of(fleet), 20, "the first view to be dropped")
        holds(page, more)
        page.go_back()
        holds(page, kept[1:])


def views_of(fleet: Product) -> set[str]:
    """The live filters that edges keep now."""
    folder = (fleet.data / "run_folder").read_text().strip()
    with redis.Redis.from_url(f"unix://{folder}/valkey") as valkey:
        shares = [found.decode() for found in valkey.scan_iter("footfall:*:share:*")]
    return {view for name in shares if (view := name.rpartition(":")[2])}


def test_the_strip_is_of_all_processes(
    fleet: Product, key: str, tabs: list[ClientConnection], browser: Browser
) -> None:
    with at_board(browser, fleet, f"/sites/{key}/") as page:
        sockets = page.locator("[data-system=sockets] b")
        expect(sockets).to_have_text(str(len(KNOWN)), timeout=10_000)
        # Three processes have more than any one of them: none is here under 50 MB.
        expect(page.locator("[data-system=memory] b")).to_have_text(re.compile(r"^(1[5-9]\d|[2-9]\d\d) MB$"))
        for name in ("messages", "delay", "depth", "cpu"):
            expect(page.locator(f"[data-system={name}] b")).to_have_text(re.compile(r"^\d"))
        tabs[0].close()
        expect(sockets).to_have_text(str(len(KNOWN) - 1), timeout=10_000)
