"""The map of countries: shaded by open tabs over real sockets, and no heavier than it must be."""

import gzip
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.stands.checkout import ROOT
from scripts.stands.product import Product
from tests.boards import SHOTS, crowd, figure, visit, wait_until_at_rest
from tests.staff import at_board

DRAWN = (ROOT / "static" / "shared" / "world.svg").read_text()


def test_the_drawing_is_small_knows_every_country_and_holds_nothing_but_shapes() -> None:
    assert len(gzip.compress(DRAWN.encode(), 9)) <= 40 * 1024
    codes = re.findall(r' id="(\w+)"', DRAWN)
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch("[A-Z]{2}", code) for code in codes)
    assert {"US", "DE", "BR", "JP", "ZA", "NZ", "SG", "MT", "XK", "FR", "NO"} <= set(codes)
    assert set(re.findall(r"<(\w+)", DRAWN)) == {"svg", "path", "circle"}
    assert not re.search(r"style|script|on\w+=|href", DRAWN)


@pytest.fixture(scope="module")
def product(footfall: Product) -> Product:
    return footfall


@pytest.fixture
def page(product: Product, browser: Browser) -> Iterator[Page]:
    key = product.add_site("seen.example")
    with visit(product, key, "/"):
        pass
    with at_board(browser, product, f"/sites/{key}/") as page:
        yield page


def test_countries_are_shaded_by_their_tabs_and_fade_when_people_go(product: Product, page: Page) -> None:
    key = page.url.split("/")[4]
    brazil, singapore = (page.locator(f".world [data-country={code}]") for code in ("BR", "SG"))
    with crowd(product, key):
        figure(page, "tabs").to_have_text("40")
        # 23 of 40 come from the United States.
        expect(page.locator(".world [data-shade='5']")).to_have_attribute("data-country", "US")
        expect(brazil).to_have_attribute("data-shade", re.compile("[234]"))
        expect(page.locator(".world [data-shade]")).to_have_count(4)
        assert singapore.get_attribute("data-shade") is None
        brazil.hover()
        expect(page.locator(".world .read")).to_have_text("Brazil: 7 tabs")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            wait_until_at_rest(page)
            page.screenshot(path=SHOTS / f"map-{scheme}.png")
    figure(page, "tabs").to_have_text("0")
    expect(page.locator(".world [data-shade]")).to_have_count(0)


def test_a_country_that_is_pressed_filters_by_it_until_it_is_pressed_again(
    product: Product, page: Page
) -> None:
    key = page.url.split("/")[4]
    brazil, australia = (page.locator(f".world [data-country={code}]") for code in ("BR", "AU"))
    with visit(product, key, "/", address="200.160.2.1"), visit(product, key, "/", address="8.8.8.8"):
        figure(page, "tabs").to_have_text("2")
        australia.hover()
        expect(page.locator(".world .read")).to_have_text("Australia")
        brazil.click()
        figure(page, "tabs").to_have_text("1")
        assert page.url.endswith("?country=BR")
        expect(page.get_by_role("button", name="Remove the filter: country Brazil")).to_be_visible()
        expect(brazil).to_have_class("kept")
        brazil.click()
        figure(page, "tabs").to_have_text("2")
        expect(page.locator("[data-chips] button")).to_have_count(0)


def test_the_list_below_the_map_says_the_same(product: Product, page: Page) -> None:
    key = page.url.split("/")[4]
    with visit(product, key, "/", address="8.8.8.8"):
        expect(page.locator(".world [data-country=US]")).to_have_attribute("data-shade", "5")
        expect(page.locator("[data-list=countries] .row")).to_contain_text("United States")
    assert page.locator(".world svg").get_attribute("aria-hidden") == "true"
