"""The stream on the board, in a real browser over real visitors' sockets.

Screenshots are left in `test-results/board/`, to be looked at.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.boards import SHOTS, crowd, figure, scroll_stream, visit, wait_until_at_rest
from tests.browser import Complaints
from tests.staff import let_in

HOSTILE = "<img src=x onerror=alert(1)>"
WITHIN_A_SECOND = 1000
SITES = """
from tracker.models import Site
for _ in range(8):
    print(Site.objects.create(domain="seen.example", hosts=["seen.example"], timezone="Asia/Tokyo").key)
"""


@pytest.fixture(scope="module")
def product(footfall: Product) -> Product:
    return footfall


@pytest.fixture(scope="module")
def keys(product: Product) -> Iterator[str]:
    """A site for each test, made at once."""
    made = product.manage("shell", "--no-imports", "-c", SITES).split()
    return iter(made)


@pytest.fixture
def key(product: Product, keys: Iterator[str]) -> str:
    key = next(keys)
    # An edge hears of a new site within a second.
    with visit(product, key, "/first"):
        return key


@pytest.fixture
def page(product: Product, browser: Browser, key: str) -> Iterator[Page]:
    """A new site's board; an error in its console fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    let_in(context, product)
    opened = context.new_page()
    complaints = Complaints.of(opened)
    opened.goto(f"{product.url}/sites/{key}/")
    expect(opened.locator("#board[data-state=live]")).to_be_visible()
    yield opened
    context.close()
    assert complaints.heard == []


def rows(page: Page) -> Locator:
    return page.locator(".stream li")


def paths(page: Page) -> list[str]:
    """What the rows say of their page, newest first."""
    return page.locator(".stream li .page").all_inner_texts()


def test_a_page_view_is_a_row_within_a_second_and_an_event_says_its_name(
    product: Product, key: str, page: Page
) -> None:
    # Before anybody watched.
    expect(rows(page)).to_have_count(1)
    google = "https://www.google.com/"
    with visit(product, key, "/pricing", "8.8.8.1", referrer=google) as say:
        row = rows(page).first
        expect(row.locator(".page")).to_have_text("/pricing", timeout=WITHIN_A_SECOND)
        expect(row.locator(".referrer")).to_have_text("Google")
        expect(row.locator(".country")).to_have_text("United States")
        expect(row.locator(".browser")).to_have_text("Chrome")
        say(t="event", k=str(uuid4()), n=HOSTILE, p={})
        expect(row.locator(".page b")).to_have_text(HOSTILE, timeout=WITHIN_A_SECOND)
        say(t="page", id=str(uuid4()), u=f"https://seen.example/{HOSTILE}", r="")
        expect(rows(page)).to_have_count(4, timeout=WITHIN_A_SECOND)
        assert page.locator(".stream img").count() == 0
        hour = page.evaluate(
            "new Intl.DateTimeFormat('en-GB', {timeZone: 'Asia/Tokyo', hour: '2-digit', hourCycle: 'h23'})"
            ".format(Date.now())"
        )
        shown = row.locator("time").inner_text()
        assert abs(int(shown[:2]) - int(hour)) in (0, 1, 23)


def test_rows_of_one_visitor_are_told_apart_by_colour_and_shape_and_found_together(
    product: Product, key: str, page: Page
) -> None:
    with ExitStack() as stack:
        for number in range(20):
            say = stack.enter_context(visit(product, key, f"/{number}", f"192.0.2.{number}"))
            say(t="page", id=str(uuid4()), u=f"https://seen.example/{number}/next", r="")
        wait_for(lambda: scroll_stream(page) >= 41, what="a row for each page")
        expect(rows(page)).to_have_count(41)
        scroll_stream(page, to=0)
        looks = page.evaluate(
            "[...document.querySelectorAll('.stream li')].map((row) => [row.dataset.visitor,"
            " row.style.getPropertyValue('--hue') + row.querySelector('i').dataset.shape])"
        )
        by_visitor = dict(looks)
        # One of them is the first one, at the same address.
        assert len(set(map(tuple, looks))) == len(by_visitor) == 20
        # Some share a look by chance, of 36, but never nearly all.
        assert len(set(by_visitor.values())) > 10
        row = page.locator(".stream li", has=page.get_by_text("/19/next", exact=True))
        row.hover()
        same = page.locator(".stream li.same .page")
        expect(same).to_have_text(["/19/next", "/19"])
        page.screenshot(path=SHOTS / "stream-same.png")
        page.mouse.move(700, 20)
        expect(same).to_have_count(0)


def test_it_rests_while_it_is_paused_or_read_and_tells_how_much_is_new(
    product: Product, key: str, page: Page
) -> None:
    new = page.locator("[data-new]")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Pause", exact=True).click()
    with ExitStack() as stack:
        stack.enter_context(visit(product, key, "/paused", "192.0.2.1"))
        expect(new).to_have_text("1 new", timeout=WITHIN_A_SECOND)
        assert paths(page) == ["/first"]
        page.get_by_role("button", name="Resume").click()
        expect(rows(page)).to_have_count(2)
        expect(new).to_have_text("")
        rows(page).first.hover()
        stack.enter_context(visit(product, key, "/pointed", "192.0.2.2"))
        expect(new).to_have_text("1 new")
        assert paths(page) == ["/paused", "/first"]
        page.mouse.move(700, 20)
        expect(rows(page)).to_have_count(3)
        page.get_by_role("list", name="Stream").focus()
        for arrow in ("ArrowDown", "ArrowDown", "ArrowRight"):
            page.keyboard.press(arrow)
        expect(page.locator(".stream li:nth-child(2) .referrer:focus")).to_be_visible()
        stack.enter_context(visit(product, key, "/focused", "192.0.2.3"))
        expect(new).to_have_text("1 new")
        assert len(paths(page)) == 3
        page.get_by_role("button", name="Pause", exact=True).focus()
        expect(rows(page)).to_have_count(4)


def test_a_cell_filters_the_board_and_the_stream_with_it(product: Product, key: str, page: Page) -> None:
    with visit(product, key, "/pricing", "192.0.2.1"), visit(product, key, "/other", "192.0.2.2"):
        expect(rows(page)).to_have_count(3)
        rows(page).get_by_role("button", name="/pricing", exact=True).click()
        expect(page.get_by_role("button", name="Remove the filter: page /pricing")).to_be_visible()
        expect(rows(page)).to_have_count(1)
        page.mouse.move(700, 20)
        with visit(product, key, "/pricing", "192.0.2.3"), visit(product, key, "/more", "192.0.2.4"):
            figure(page, "tabs").to_have_text("2", timeout=WITHIN_A_SECOND)
            expect(rows(page)).to_have_count(2)
            assert paths(page) == ["/pricing", "/pricing"]
        page.get_by_role("button", name="Remove the filter").click()
        expect(rows(page)).to_have_count(5)


def test_a_flood_leaves_two_hundred_rows_and_says_what_they_left_out(
    product: Product, key: str, page: Page
) -> None:
    expect(rows(page)).to_have_count(1)
    with ExitStack() as stack:
        for number in range(25):
            say = stack.enter_context(visit(product, key, f"/{number}", f"192.0.2.{number}"))
            for step in range(14):
                say(t="page", id=str(uuid4()), u=f"https://seen.example/{number}/{step}")
        told = """() => [...document.querySelectorAll(".stream li")].reduce((sum, row) =>
            sum + (row.matches(".gap") ? Number(row.textContent.replace(/\\D/g, "")) : 1), 0)"""
        wait_for(lambda: page.locator(".stream li .page").first.inner_text() == "/24/13")
        # Those further down are made for whoever goes there.
        assert rows(page).count() < 100
        wait_for(lambda: scroll_stream(page) and 200 <= page.evaluate(told) <= 376)
        assert rows(page).count() <= 200
        scroll_stream(page, to=0)
        with visit(product, key, "/after", "192.0.2.99"):
            wait_for(lambda: paths(page)[0] == "/after" and rows(page).count() < 100)


def test_the_past_shows_what_had_happened_by_then(product: Product, key: str, page: Page) -> None:
    expect(rows(page)).to_have_count(1)
    begun = product.rows("SELECT max(began_at) AS at FROM tracker_pageview")[0]["at"].timestamp()
    wait_for(lambda: page.evaluate("Date.now()") / 1000 > begun + 2)  # a second that one can go back to
    with visit(product, key, "/later", "192.0.2.1"):
        expect(rows(page)).to_have_count(2)
        handle = page.get_by_role("slider", name="Time of today")
        expect(handle).to_be_enabled()
        page.evaluate(GO_BACK, begun)
        expect(page.locator("[data-replay]")).to_be_visible()
        expect(rows(page)).to_have_count(1)
        with visit(product, key, "/meanwhile", "192.0.2.2"):
            figure(page, "visitors").not_to_have_text("2")
        page.get_by_role("button", name="Back to live").click()
        expect(rows(page)).to_have_count(3)
        assert paths(page) == ["/meanwhile", "/later", "/first"]


GO_BACK = """(at) => {
    const handle = document.querySelector("[data-handle]");
    const midnight = Math.floor((Date.now() / 1000 + 9 * 3600) / 86400) * 86400 - 9 * 3600;
    handle.value = Math.ceil(at) - midnight;
    handle.dispatchEvent(new Event("input", { bubbles: true }));
}"""


def test_it_looks_well_in_every_size(product: Product, key: str, page: Page) -> None:
    steps = [("event", {"n": "Sign up"}), ("page", {"u": "https://seen.example/docs/install"})]
    with crowd(product, key), ExitStack() as stack:
        for number in range(12):
            place = f"8.8.8.{number}" if number % 2 else f"200.160.2.{number}"
            say = stack.enter_context(visit(product, key, "/pricing", place))
            kind, what = steps[number % 2]
            more: dict[str, Any] = {"k": str(uuid4())} if kind == "event" else {"id": str(uuid4())}
            say(t=kind, **what, **more)
        wait_for(lambda: rows(page).count() >= 20)
        sizes = {"": (1440, 900), "-phone": (360, 740), "-wide": (2560, 1440), "-small": (1280, 720)}
        for name, (width, height) in sizes.items():
            for scheme in ("light", "dark"):
                picture(page, f"stream{name}-{scheme}", width, height, scheme)


def picture(page: Page, name: str, width: int, height: int, scheme: Any) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    wait_until_at_rest(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator(".stream h2").scroll_into_view_if_needed()
    page.screenshot(path=SHOTS / f"{name}.png", full_page=width < 700)
