"""The admin, a report and the API docs in a real browser: under the strict policy, with hostile data."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.stands.product import Product, running
from tests.axe import found
from tests.boards import SHOTS
from tests.browser import Complaints, visitor
from tests.cast import PASSWORD
from tests.staff import let_in

HOSTILE = """
from datetime import timedelta
from django.utils import timezone
from tests.cast import make_cast
from tests.stored import visit
cast = make_cast()
text = "<img src=x onerror=alert(1)><script>alert(2)</script>"
for n in range(3):
    visit(cast.site, timezone.now() - timedelta(minutes=n), "/" + text, "/\\" onmouseover=alert(3)", events=1,
          referrer=text, referrer_url="javascript:alert(4)", browser=text, country="DE", utm_campaign=text)
print(cast.site.pk, cast.site.key)
"""


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running() as made:
        yield made


@pytest.fixture(scope="module")
def site(product: Product) -> tuple[str, str]:
    """Id and key of the seen site, with visits whose every text is an attack."""
    pk, key = product.manage("shell", "--no-imports", "-c", HOSTILE).split()
    return pk, key


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_the_admin_breaks_the_policy_or_runs_what_visitors_say(
    product: Product, site: tuple[str, str], browser: Browser, scheme: str
) -> None:
    with visitor(browser, color_scheme=scheme, viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        complaints = Complaints.of(page)
        page.on("dialog", lambda dialog: complaints.heard.append(f"dialog: {dialog.message}"))
        log_in(page, product, "superuser")
        for path in (
            "",
            "tracker/site/",
            f"tracker/site/{site[0]}/change/",
            "tracker/site/add/",
            "analytics/token/",
            "analytics/token/add/",
        ):
            visit_page(page, f"{product.url}/admin/{path}")
        for table in ("pageview", "visit", "event"):
            visit_page(page, f"{product.url}/admin/tracker/{table}/?site={site[1]}")
            with page.expect_navigation():
                page.click("#result_list tbody tr:first-child th a")
        visit_page(page, f"{product.url}/admin/tracker/site/{site[0]}/report/?range=today")
        assert page.locator("svg.chart g.bucket").count() in (23, 24, 25)
        assert "<img src=x onerror=alert(1)>" in page.inner_text(".list-pages")
        for chosen in ("Last 90 days", "Yesterday"):
            with page.expect_navigation():
                page.click(f"text={chosen}")
        visit_page(page, f"{product.url}/admin/tracker/site/reports/?range=7d")
        page.get_by_role("link", name="seen.example").click()
        expect(page.locator(".list-pages")).to_contain_text("<img src=x onerror=alert(1)>")
        assert "range=7d" in page.url
        visit_page(page, f"{product.url}/api/v1/docs")
        page.wait_for_selector("text=Who is on a site right now")
        assert complaints.heard == []


def test_every_bar_of_the_chart_has_its_numbers_and_its_colour(
    product: Product, site: tuple[str, str], browser: Browser
) -> None:
    with visitor(browser) as context:
        page = context.new_page()
        log_in(page, product, "viewer")
        visit_page(page, f"{product.url}/admin/tracker/site/{site[0]}/report/?range=7d")
        titles = page.locator("svg.chart g.bucket title").all_text_contents()
        assert len(titles) == 7
        assert sum(int(title.split(": ")[1].split(" ")[0]) for title in titles) == 6
        fill = "element => getComputedStyle(element).fill"
        bar = page.locator("svg.chart rect.views").last.evaluate(fill)
        assert bar not in ("none", "rgb(0, 0, 0)")
        assert bar != page.locator("svg.chart rect.visits").last.evaluate(fill)


def log_in(page: Page, product: Product, name: str) -> None:
    page.goto(f"{product.url}/login/?next=/admin/")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", PASSWORD)
    with page.expect_navigation():
        page.press("input[name=password]", "Enter")


def visit_page(page: Page, url: str) -> None:
    response = page.goto(url)
    assert response is not None
    assert response.status == 200, url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_admin_wears_the_products_clothes_and_follows_its_switch(
    product: Product, site: tuple[str, str], browser: Browser, scheme: str
) -> None:
    with visitor(browser, color_scheme=scheme) as context:
        let_in(context, product)
        page = context.new_page()
        page.goto(f"{product.url}/")
        paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        page.goto(f"{product.url}/admin/")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == paper
        assert found(page) == []
        page.screenshot(path=SHOTS / f"admin-{scheme}.png")
        page.set_viewport_size({"width": 390, "height": 844})
        for path in (
            f"tracker/site/{site[0]}/change/",
            f"tracker/pageview/?site={site[1]}",
            f"tracker/site/{site[0]}/report/?range=7d",
            "tracker/site/reports/?range=7d",
            "auth/user/1/change/",
            "auth/group/add/",
        ):
            page.goto(f"{product.url}/admin/{path}")
            assert found(page) == [], path
            assert page.evaluate("document.documentElement.scrollWidth") == 390, path
        page.get_by_role("button", name="Theme: auto").click()
        page.goto(f"{product.url}/")
        expect(page.locator("html[data-theme=light]")).to_have_count(1)


def test_a_list_that_is_scrolled_on_a_phone_keeps_its_head(
    product: Product, site: tuple[str, str], browser: Browser
) -> None:
    with visitor(browser, viewport={"width": 390, "height": 200}) as context:
        let_in(context, product)
        page = context.new_page()
        page.goto(f"{product.url}/admin/tracker/pageview/?site={site[1]}")
        above = """() => {
            const list = document.querySelector(".results"), head = list.querySelector("thead");
            list.scrollTo(60, 1000);
            const row = list.querySelector("tbody tr:last-child td").getBoundingClientRect();
            const column = head.querySelector("th:nth-child(2)").getBoundingClientRect();
            return [list.scrollTop > 0, list.scrollLeft > 0,
                Math.abs(head.getBoundingClientRect().top - list.getBoundingClientRect().top) < 1,
                Math.abs(column.left - row.left) < 1];
        }"""
        assert page.evaluate(above) == [True, True, True, True]
