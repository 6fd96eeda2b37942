"""All sites at `/` in a real browser: counts and hours in place, favourites first, two hundred at a time."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.stands.product import Product, running
from tests.boards import SHOTS, visit
from tests.browser import Complaints, visitor
from tests.staff import let_in

SITES = """
from datetime import timedelta
from django.utils import timezone
from tests.stored import visit
from tracker.models import Site
for n in range(199):
    site = Site.objects.create(domain=f"shop-{n:03}.example", hosts=["seen.example"])
    if n < 198:
        visit(site, timezone.now() - timedelta(minutes=90), "/")
print(*Site.objects.filter(domain__in=["shop-007.example", "shop-100.example"]).order_by("domain")
    .values_list("key", flat=True))
"""


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running(FOOTFALL_TRUSTED_PROXIES="127.0.0.1") as made:
        yield made


@pytest.fixture(scope="module")
def keys(product: Product) -> list[str]:
    """The keys of shop-007 and shop-100, among two hundred sites."""
    return product.manage("shell", "--no-imports", "-c", SITES).split()


@pytest.fixture
def page(product: Product, keys: list[str], browser: Browser) -> Iterator[Page]:
    with visitor(browser, viewport={"width": 1440, "height": 900}) as context:
        let_in(context, product)
        page = context.new_page()
        complaints = Complaints.of(page)
        page.goto(f"{product.url}/")
        yield page
        assert complaints.heard == []


def first(page: Page, place: int) -> Any:
    return expect(page.locator(".tile").nth(place))


def test_the_busiest_come_first_and_favourites_before_them(
    product: Product, keys: list[str], page: Page
) -> None:
    seven, hundred = keys
    with ExitStack() as stack:
        for number in range(3):
            stack.enter_context(visit(product, hundred, "/", address=f"192.0.2.{number + 1}"))
        stack.enter_context(visit(product, seven, "/"))
        first(page, 0).to_have_attribute("data-site", hundred, timeout=10_000)
        first(page, 1).to_have_attribute("data-site", seven)
        tile = page.locator(f'[data-site="{hundred}"]')
        expect(tile.locator("[data-visitors]")).to_have_text("3")
        expect(tile.locator("[data-tabs]")).to_have_text("3 tabs")
        # Three of the hour's views were begun here, in this minute or in the one before.
        expect(tile.get_by_role("img", name="last hour: at most")).to_be_visible(timeout=10_000)
        assert re.search("v-(1|2)", tile.locator(".spark").inner_html())
        # One of them an hour and a half ago, unless that was yesterday.
        expect(tile.locator("[data-today]")).to_have_text(re.compile("^[34] today$"))
        expect(page.locator("[data-all=visitors]")).to_have_text("4")
        expect(page.locator("[data-all=today]")).to_have_text(re.compile("^(4|202)$"))
        star = page.get_by_role("button", name="Favourite: shop-150.example")
        star.click()
        first(page, 0).to_have_attribute("data-domain", "shop-150.example")
        expect(star).to_have_attribute("aria-pressed", "true")
        page.reload()
        first(page, 0).to_have_attribute("data-domain", "shop-150.example")
        first(page, 1).to_have_attribute("data-site", hundred)
        pictures(page)
        star.click()
        first(page, 0).to_have_attribute("data-site", hundred)


def pictures(page: Page) -> None:
    for name, width, height in (("sites", 1440, 900), ("sites-phone", 360, 740), ("sites-wide", 2560, 1440)):
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            page.screenshot(path=SHOTS / f"{name}-{scheme}.png")


def test_two_hundred_sites_are_searched_by_name(page: Page) -> None:
    expect(page.locator(".tile")).to_have_count(200)
    find = page.get_by_role("searchbox", name="Find a site")
    find.fill("SHOP-19")
    expect(page.locator(".tile:visible")).to_have_count(9)
    find.fill("nothing like it")
    expect(page.get_by_text("No site has that in its name.")).to_be_visible()
    find.fill("shop-007")
    page.get_by_role("link", name="shop-007.example").press("Enter")
    page.wait_for_url("**/sites/*/")


def test_many_sites_stand_in_groups_and_those_that_were_never_installed_look_like_it(
    product: Product, keys: list[str], page: Page
) -> None:
    def group(title: str) -> Any:
        return page.locator("section", has=page.get_by_role("heading", name=title)).locator(".tile")

    expect(group("Nobody here now")).to_have_count(198)
    fresh = page.locator('[data-domain="shop-198.example"]')
    expect(group("Not installed yet")).to_have_count(2)  # and the first start's
    expect(fresh).to_contain_text("Not installed yet: no page view has ever come.")
    expect(fresh.locator("[data-visitors]")).to_be_hidden()
    (site,) = product.rows("SELECT key FROM tracker_site WHERE domain = 'shop-198.example'")
    with visit(product, site["key"], "/"):
        expect(group("People here now")).to_have_count(1, timeout=10_000)
        expect(fresh.locator("[data-visitors]")).to_have_text("1")
    page.get_by_role("button", name="Favourite: shop-003.example").click()
    expect(group("Favourites")).to_have_count(1)
    page.get_by_role("searchbox", name="Find a site").fill("shop-003")
    expect(page.get_by_role("heading", level=2)).to_have_count(1)


def test_bars_of_all_sites_share_one_scale(product: Product, keys: list[str], page: Page) -> None:
    with ExitStack() as stack:
        for number in range(16):
            stack.enter_context(visit(product, keys[0], "/", address=f"192.0.2.{number + 1}"))
        stack.enter_context(visit(product, keys[1], "/"))
        small = page.locator(f'[data-site="{keys[1]}"] .spark')
        expect(small).to_have_attribute("aria-label", re.compile("at most"), timeout=10_000)
        expect(page.locator("[data-scale]")).to_contain_text(re.compile(r"up to \d\d;"))
        highest = re.findall(r"v-([\d.]+)", small.inner_html())
        assert max(map(float, highest)) < 15
