"""Click to filter: rows filter the whole board live, combine, stand in the URL, and are taken away again."""

import re
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, expect

from scripts.stands.agents import PHONE
from scripts.stands.product import Product
from tests.boards import SHOTS, figure, press, rows, visit
from tests.staff import at_board

WITHIN_A_SECOND = 1000


@pytest.fixture(scope="module")
def product(footfall: Product) -> Product:
    return footfall


@pytest.fixture(scope="module")
def key(product: Product) -> str:
    return product.add_site("seen.example")


@pytest.fixture
def visitors(product: Product, key: str) -> Iterator[ExitStack]:
    """Four tabs of three visitors: two on /pricing, one of them by phone and on / too; one on /b&c=d."""
    google = "https://www.google.com/"
    with ExitStack() as stack:
        stack.enter_context(visit(product, key, "/pricing", "192.0.2.1", referrer=google))
        stack.enter_context(visit(product, key, "/pricing", "192.0.2.2", PHONE))
        stack.enter_context(visit(product, key, "/", "192.0.2.2", PHONE))
        stack.enter_context(visit(product, key, "/b&c=d", "192.0.2.3"))
        yield stack


def test_rows_that_are_pressed_filter_the_whole_board(
    product: Product, key: str, browser: Browser, visitors: ExitStack
) -> None:
    with at_board(browser, product, f"/sites/{key}/") as page:
        figure(page, "tabs").to_have_text("4")
        press(page, "pages", "/pricing")
        figure(page, "tabs").to_have_text("2")
        figure(page, "visitors").to_have_text("2")
        assert page.url.endswith("?page=%2Fpricing")
        assert rows(page, "pages") == [("/pricing", "2")]
        assert sorted(rows(page, "devices")) == [("Desktop", "1"), ("Mobile", "1")]
        expect(page.locator("[data-list=pages] .pick").first).to_have_attribute("aria-pressed", "true")
        # As fresh as without: who comes is there within a second, who fits not is not.
        with visit(product, key, "/pricing", "192.0.2.9"), visit(product, key, "/other", "192.0.2.10"):
            figure(page, "visitors").to_have_text("3", timeout=WITHIN_A_SECOND)
            expect(page.locator("[data-list=pages] .row:not(.gone)")).to_have_count(1)
        figure(page, "visitors").to_have_text("2", timeout=WITHIN_A_SECOND)
        press(page, "devices", "Mobile")
        figure(page, "tabs").to_have_text("1")
        assert rows(page, "referrers") == [("Direct", "1")]
        expect(page.locator("[data-chips] button")).to_have_count(2)
        page.screenshot(path=SHOTS / "filtered.png")
        page.get_by_role("button", name="Remove the filter: page /pricing").click()
        figure(page, "tabs").to_have_text("2")
        assert page.url.endswith("/?show=devices&device=mobile")
        page.get_by_role("button", name="Remove the filter").click()
        figure(page, "tabs").to_have_text("4")
        assert page.url.endswith(f"/sites/{key}/?show=devices")


def test_a_filtered_board_is_a_link_and_back_leads_back(
    product: Product, key: str, browser: Browser, visitors: ExitStack
) -> None:
    with at_board(browser, product, f"/sites/{key}/?referrer=&device=desktop&page=%2Fb%26c%3Dd") as page:
        figure(page, "tabs").to_have_text("1")
        assert rows(page, "pages") == [("/b&c=d", "1")]
        expect(page.get_by_role("button", name="Remove the filter: referrer Direct")).to_be_visible()
        page.get_by_role("button", name="Remove the filter: page").click()
        figure(page, "tabs").to_have_text("1")
        page.get_by_role("button", name="Remove the filter: device").click()
        figure(page, "tabs").to_have_text("3")
        page.go_back()
        figure(page, "tabs").to_have_text("1")
        expect(page.locator("[data-chips] button")).to_have_count(2)


def test_the_hour_and_the_curve_are_filtered_too(
    product: Product, key: str, browser: Browser, visitors: ExitStack
) -> None:
    with at_board(browser, product, f"/sites/{key}/?page=/nobody-was-here") as page:
        expect(page.get_by_role("heading", name="Nobody here fits these filters")).to_be_visible()
        page.screenshot(path=SHOTS / "filtered-empty.png")
        expect(page.locator(".hour .read")).to_have_text("no views")
        expect(page.locator(".day .read")).to_have_text("nobody yet")
        visitors.enter_context(visit(product, key, "/nobody-was-here", "192.0.2.20"))
        figure(page, "visitors").to_have_text("1", timeout=WITHIN_A_SECOND)
        expect(page.locator(".hour .read")).to_have_text(re.compile("^most: 1 view at"), timeout=8_000)
        expect(page.locator(".day .read")).to_have_text(re.compile("^peak 1 at"))


def test_the_one_page_that_is_filtered_shows_its_paths(
    product: Product, key: str, browser: Browser, visitors: ExitStack
) -> None:
    with at_board(browser, product, f"/sites/{key}/") as page:
        figure(page, "tabs").to_have_text("4")
        expect(page.locator(".paths")).to_be_hidden()
        say = visitors.enter_context(visit(product, key, "/start", "192.0.2.30", referrer="https://a.test/"))
        say(
            t="page",
            id=str(uuid.uuid4()),
            u="https://seen.example/<b>bold</b>",
            r="https://seen.example/start",
        )
        say(t="page", id=str(uuid.uuid4()), u="https://seen.example/end", r="https://seen.example/")
        figure(page, "tabs").to_have_text("5")
        page.goto(f"{product.url}/sites/{key}/?page=/end")
        expect(page.locator("[data-side=from] li")).to_have_text(["/<b>bold</b>1"])
        expect(page.locator("[data-side=to] li")).to_have_text(["still here1"])
        with visit(product, key, "/end", "192.0.2.31", referrer="https://www.google.com/"):
            expect(page.locator("[data-side=from] li")).to_have_text(
                ["/<b>bold</b>1", "Google1"], timeout=8_000
            )
            page.screenshot(path=SHOTS / "paths.png")
            page.set_viewport_size({"width": 360, "height": 740})
            page.screenshot(path=SHOTS / "paths-phone.png", full_page=True)
        expect(page.locator("[data-side=to] li")).to_have_text(["still here1", "left1"], timeout=8_000)
        press(page, "pages", "/end")
        expect(page.locator(".paths")).to_be_hidden()
        # Several pages are taken as one.
        page.goto(f"{product.url}/sites/{key}/?page=/end&page=/%3Cb%3Ebold%3C/b%3E")
        expect(page.locator(".paths > p")).to_contain_text(
            "Paths through these 2 pages, 2 times in 30 minutes"
        )
        expect(page.locator("[data-side=from] li")).to_have_text(["/start1", "Google1"])
        page.screenshot(path=SHOTS / "paths-several.png")


def test_rows_are_reached_by_arrow_keys(
    product: Product, key: str, browser: Browser, visitors: ExitStack
) -> None:
    with at_board(browser, product, f"/sites/{key}/") as page:
        figure(page, "tabs").to_have_text("4")
        page.locator("[data-list=pages] .rows").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        figure(page, "tabs").to_have_text("2")
        expect(page.get_by_role("button", name="Remove the filter: page /pricing")).to_be_visible()


def test_filters_fit_a_phone(product: Product, key: str, browser: Browser, visitors: ExitStack) -> None:
    path = f"/sites/{key}/?page=%2Fpricing&device=mobile&browser=Mobile+Safari"
    with at_board(browser, product, path, 360, 740, color_scheme="dark") as page:
        figure(page, "tabs").to_have_text("1")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.screenshot(path=SHOTS / "filtered-phone.png")
