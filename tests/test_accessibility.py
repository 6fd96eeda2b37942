"""What axe-core finds on every staff page and in its states: nothing. And what it cannot see: the keys."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.stands.product import Product
from tests.axe import found
from tests.boards import choose, figure, visit
from tests.browser import visitor
from tests.staff import at_board

DESK = (1440, 900)
At = Callable[..., AbstractContextManager[Page]]


@pytest.fixture(scope="module")
def key(footfall: Product) -> Iterator[str]:
    """A site with three visitors."""
    key = footfall.add_site("seen.example")
    with (
        visit(footfall, key, "/pricing?utm_campaign=spring", "8.8.8.1", referrer="https://www.google.com/"),
        visit(footfall, key, "/a/very/long/path/that/has/to/give/way/in/its/middle", "200.160.2.1"),
        visit(footfall, key, "/", "8.8.8.1"),
    ):
        yield key


@pytest.fixture
def at(footfall: Product, browser: Browser) -> At:
    return partial(at_board, browser, footfall)


@pytest.mark.parametrize(
    ("size", "scheme"),
    [(DESK, "light"), (DESK, "dark"), ((2560, 1440), "light"), ((360, 740), "dark")],
)
def test_the_board(at: At, key: str, size: tuple[int, int], scheme: str) -> None:
    with at(f"/sites/{key}/", *size, color_scheme=scheme) as page:
        figure(page, "tabs").to_have_text("3")
        assert found(page) == []
        choose(page, "campaigns")
        page.locator("[data-list=pages] header .open").click()
        expect(page.locator("dialog .row")).to_have_count(3)
        assert found(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_board_filtered_and_in_the_past(at: At, key: str, scheme: str) -> None:
    with at(f"/sites/{key}/?page=/pricing", color_scheme=scheme) as page:
        figure(page, "tabs").to_have_text("1")
        expect(page.locator(".paths")).to_be_visible()
        assert found(page) == []
        handle = page.get_by_role("slider", name="Time of today")
        expect(handle).to_be_enabled()
        handle.focus()
        page.keyboard.press("ArrowLeft")
        expect(page.locator("[data-replay]")).to_be_visible()
        assert found(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_that_have_lost_their_server(
    footfall: Product, browser: Browser, key: str, scheme: str
) -> None:
    # Not `at_board`: that there is no network is said aloud in the console.
    with visitor(browser, viewport={"width": 1440, "height": 900}, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(f"{footfall.url}/login/?next=/sites/{key}/")
        page.get_by_label("User name").fill("admin")
        page.get_by_label("Password").fill(footfall.password)
        page.get_by_role("button", name="Log in").click()
        figure(page, "tabs").to_have_text("3")
        sites = context.new_page()
        sites.goto(f"{footfall.url}/")
        context.set_offline(True)
        page.bring_to_front()
        page.locator("[data-list=pages] .pick").first.click()
        expect(page.locator("#board[data-state=offline]")).to_be_visible(timeout=20_000)
        assert found(page) == []
        sites.bring_to_front()
        expect(sites.locator("#sites[data-state=reconnecting]")).to_be_visible(timeout=20_000)
        assert found(sites) == []


def test_the_board_before_anybody_and_when_nobody_is_there(footfall: Product, at: At) -> None:
    fresh = footfall.add_site("fresh.example")
    # What waits for the first visit moves for as long as it waits.
    with at(f"/sites/{fresh}/", reduced_motion="reduce") as page:
        expect(page.get_by_text("Waiting for the first visit")).to_be_visible()
        assert found(page) == []
    left = footfall.add_site("seen.example")
    with visit(footfall, left, "/"):
        pass
    with at(f"/sites/{left}/") as page:
        expect(page.get_by_text("Nobody here right now")).to_be_visible()
        assert found(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_other_pages(footfall: Product, at: At, browser: Browser, key: str, scheme: str) -> None:
    with at(f"/sites/{key}/?wall", color_scheme=scheme) as page:
        figure(page, "tabs").to_have_text("3")
        assert found(page) == []
        page.goto(f"{footfall.url}/")
        expect(page.locator(".tile").first).to_be_visible()
        assert found(page) == []
        page.get_by_text("Add a site").click()
        assert found(page) == []
        for path in (
            "sites/add/",
            f"sites/{key}/install/",
            f"sites/{key}/settings/",
            f"sites/{key}/visits/",
            "servers/",
        ):
            page.goto(f"{footfall.url}/{path}")
            assert found(page) == [], path
        page.goto(f"{footfall.url}/sites/{key}/reports/")
        expect(page.get_by_role("heading", name="seen.example").first).to_be_visible()
        assert found(page) == []
        page.goto(f"{footfall.url}/sites/{key}/reports/?detail=/&period=today")
        expect(page.locator(".stay [data-stay]")).not_to_be_empty(timeout=60_000)
        assert found(page) == []
    with visitor(browser, color_scheme=scheme) as stranger:
        page = stranger.new_page()
        for path in ("login/", "forgotten/"):
            page.goto(f"{footfall.url}/{path}")
            assert found(page) == [], path


def test_definitions_open_on_focus_and_close_with_escape(at: At, key: str) -> None:
    with at(f"/sites/{key}/") as page:
        term = page.locator(".term").first
        term.focus()
        expect(page.get_by_role("tooltip")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("tooltip")).to_have_count(0)


def test_everything_is_reached_by_keyboard_and_shows_that_it_is(at: At, key: str) -> None:
    with at(f"/sites/{key}/") as page:
        figure(page, "tabs").to_have_text("3")
        reached = {}
        while True:
            page.keyboard.press("Tab")
            focused = page.locator("*:focus")
            if not focused.count():
                break
            name = focused.inner_text().split("\n")[0] or focused.get_attribute("class") or ""
            reached[name] = focused.evaluate("(it) => getComputedStyle(it).outline")
        expected = [
            "Skip to the content",
            "Footfall",
            "seen.example",
            "Reports",
            "Theme: auto",
            "admin",
            "bars",
            "all 3",
            "Referrers",
            "Browsers",
        ]
        assert [name for name in expected if name not in reached] == []
        assert [name for name, outline in reached.items() if "solid 2px" not in outline] == []
