"""The time machine on the board: what it shows is what Postgres has, and the curve itself leads back.

Screenshots are left in `test-results/board/`, to be looked at.
"""

import random
import re
from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.boards import SHOTS, wait_until_at_rest
from tests.days import site_with_a_day
from tests.signal_tables import flag, store_gauge
from tests.staff import at_board

# Every moment that the board shows, with its figures, as soon as it is drawn.
NOTE = """() => {
    window.shown = [];
    const when = document.querySelector("[data-when]");
    const figure = (name) => document.querySelector(`[data-figure=${name}]`).textContent;
    const note = () => shown.push([when.textContent, ...["visitors", "tabs", "rate"].map(figure)]);
    new MutationObserver(note).observe(when, { childList: true });
}"""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
THERE = """
WITH viewed AS (SELECT * FROM tracker_pageview WHERE site_id = (SELECT id FROM tracker_site WHERE key = %s))
SELECT count(DISTINCT visitor)::text AS visitors, count(*)::text AS tabs,
       (SELECT count(*)::text FROM viewed
        WHERE began_at > %s::timestamptz - interval '60 seconds' AND began_at <= %s::timestamptz) AS rate
FROM viewed
WHERE began_at > %s::timestamptz - interval '24 hours' AND began_at <= %s
  AND (ended_at IS NULL OR ended_at > %s)
"""


@pytest.fixture(scope="module")
def product(footfall: Product) -> Product:
    return footfall


@pytest.fixture(scope="module")
def key(product: Product) -> str:
    return site_with_a_day(product)


def there(product: Product, key: str, clock: str) -> list[str]:
    """Visitors, tabs and views per minute at a second of the site's today, as Postgres has them."""
    zone = ZoneInfo(product.rows("SELECT timezone FROM tracker_site WHERE key = %s", key)[0]["timezone"])
    second = datetime.combine(datetime.now(zone), time.fromisoformat(clock), zone)
    return list(product.rows(THERE, key, *[second] * 5)[0].values())


def go_to(page: Page, second: int) -> None:
    """Put the handle to a second of the day."""
    handle = page.get_by_role("slider", name="Time of today")
    handle.evaluate("(it, at) => { it.value = at; it.dispatchEvent(new Event('input')); }", second)
    clock = timedelta(seconds=second)
    expect(page.locator("[data-when]")).to_have_text(f"at {str(clock).zfill(8)}")


def test_any_second_of_today_agrees_with_postgres_and_so_does_what_is_played(
    product: Product, key: str, browser: Browser
) -> None:
    with at_board(browser, product, f"/sites/{key}/") as page:
        expect(page.get_by_role("slider", name="Time of today")).to_be_enabled()
        page.evaluate(NOTE)
        chance = random.Random(9)
        for _ in range(8):
            go_to(page, chance.randrange(3600, 13 * 3600))
        for speed in ("×1", "×10", "×60"):
            go_to(page, chance.randrange(3600, 12 * 3600))
            before = page.evaluate("shown.length")
            page.get_by_role("button", name=speed, exact=True).click()
            wait_for(lambda before=before: page.evaluate("shown.length") >= before + 4, 30)  # type: ignore[misc]
            page.get_by_role("button", name=speed, exact=True).click()
        shown = page.evaluate("shown")
        assert len(shown) >= 8 + 3 * 5
        seen = {when.removeprefix("at "): figures for when, *figures in shown}
        assert len({figures[0] for figures in seen.values()}) > 4
        assert seen == {clock: there(product, key, clock) for clock in seen}


def test_a_drag_along_the_curve_leads_to_that_second(product: Product, key: str, browser: Browser) -> None:
    with at_board(browser, product, f"/sites/{key}/") as page:
        handle = page.get_by_role("slider", name="Time of today")
        expect(handle).to_be_enabled()
        box = page.locator(".day .plot").bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
        expect(page.locator("[data-replay]")).to_be_hidden()
        page.mouse.down()
        expect(page.locator("[data-when]")).to_have_text(re.compile("^at (11|12):"))
        page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 90, steps=3)
        expect(page.locator("[data-when]")).to_have_text(re.compile("^at 0[56]:"))
        expect(handle).to_have_attribute("aria-valuetext", re.compile(r"^0[56]:"))
        expect(page.locator(".day .moment")).to_be_visible()
        # Beyond the end of the curve it is now.
        page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 20)
        expect(page.locator("[data-replay]")).to_be_hidden()
        page.mouse.move(box["x"] - 40, box["y"] + 20)
        expect(page.locator("[data-when]")).to_have_text("at 00:00:00")
        page.mouse.up()
        page.mouse.move(box["x"] + box["width"] / 3, box["y"] + 20)
        expect(page.locator("[data-when]")).to_have_text("at 00:00:00")
        expect(page).to_have_title("0 at 00:00:00 · seen.example")
        expect(page.locator("[data-empty] h2")).to_have_text("Nobody was here at 00:00:00")
        page.screenshot(path=SHOTS / "replay-empty.png")
        page.get_by_role("button", name="Back to live").click()
        expect(page.locator("[data-when]")).to_have_text("now")
        expect(page.locator(".day .moment")).to_be_hidden()


def test_servers_under_the_curve_move_with_it_and_flags_tell_what_they_meant(
    product: Product, key: str, browser: Browser
) -> None:
    zone = ZoneInfo(product.rows("SELECT timezone FROM tracker_site WHERE key = %s", key)[0]["timezone"])
    noon = int(datetime.combine(datetime.now(zone), time(12), zone).timestamp())
    store_gauge(product, "machine.load", 600, {noon + 600 * n: 40 + n for n in range(-60, 6)}, host="ü")
    flag(product, key, noon - 3600, "deploy ü 1.6")
    with at_board(browser, product, f"/sites/{key}/") as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        expect(page.get_by_role("slider", name="Time of today")).to_be_enabled()
        page.locator("[data-signals] summary").click()
        page.get_by_label("Search series by name or tag").fill("machine.load")
        # Nothing was asked for but the names that there are.
        assert [url for url in asked if "/signals?" in url and "name=" in url] == []
        page.get_by_role("button", name="machine.load").click()
        row = page.locator("[data-signals] section")
        expect(row.locator("b")).to_have_text("45")
        page.keyboard.press("Escape")

        def reloaded() -> bool:
            with page.expect_response(lambda answer: "/curve.json" in answer.url) as told:
                page.reload()
            return bool(told.value.json()["flags"])

        # All who look share a curve for ten seconds: an earlier test may have asked for the last one.
        wait_for(reloaded, 30, "the flag on the curve")
        expect(row.locator("b")).to_have_text("45")
        assert "series=machine.load" in page.url
        go_to(page, 10 * 3600)
        expect(row.locator("b")).to_have_text("28")
        expect(row.locator(".moment")).to_have_count(1)
        page.locator(".day .plot").focus()
        page.keyboard.press("Home")
        expect(row.locator("b")).to_have_text("–")
        page.get_by_role("button", name="11:00: deploy ü 1.6").click()
        expect(page.locator("[data-when]")).to_have_text("at 11:00:00")
        expect(page.locator("[data-impact]")).to_have_text(
            re.compile(r"11:00–11:10: [\d.]+ visitors at once on average \(.+, with no \w+ before to compare")
        )
        page.screenshot(path=SHOTS / "servers-past.png")
        page.keyboard.press("Escape")
        expect(page.locator("[data-impact]")).to_be_hidden()
        expect(row.locator("b")).to_have_text("45")
        # Another time is another question.
        go_to(page, 11 * 3600 + 60)
        page.get_by_role("button", name="What it meant").click()
        expect(page.locator("[data-impact]")).to_contain_text("11:01–11:11: ")
        go_to(page, 11 * 3600)
        expect(page.locator("[data-impact]")).to_be_hidden()


def test_the_past_fits_every_screen_in_ink(product: Product, key: str, browser: Browser) -> None:
    with at_board(browser, product, f"/sites/{key}/") as page:
        live = page.evaluate("getComputedStyle(document.querySelector('.people .dot')).backgroundColor")
        expect(page.get_by_role("slider", name="Time of today")).to_be_enabled()
        go_to(page, 12 * 3600)
        expect(page.locator("[data-list=campaigns] .none")).to_have_text("None then")
        dot = page.evaluate("getComputedStyle(document.querySelector('.people .dot')).backgroundColor")
        assert dot != live
        for width, height in ((360, 740), (1440, 900), (2560, 1440)):
            page.set_viewport_size({"width": width, "height": height})
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                wait_until_at_rest(page)
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                page.screenshot(path=SHOTS / f"past-{width}-{scheme}.png")


def test_a_finger_drags_along_the_curve_and_scrolls_across_it(
    product: Product, key: str, browser: Browser
) -> None:
    phone = {"has_touch": True, "is_mobile": True}
    with at_board(browser, product, f"/sites/{key}/", 360, 740, **phone) as page:
        expect(page.get_by_role("slider", name="Time of today")).to_be_enabled()
        box = page.locator(".day .plot").bounding_box()
        assert box
        fingers = page.context.new_cdp_session(page)

        def swipe(x: int, y: int) -> None:
            left, top = box["x"] + 100, box["y"] + box["height"] / 2
            for part in range(11):
                finger = {"x": left + x * part / 10, "y": top + y * part / 10}
                kind = "touchMove" if part else "touchStart"
                fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [finger]})
            fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

        page.evaluate("document.body.style.minHeight = '3000px'")
        swipe(0, -200)
        wait_for(lambda: page.evaluate("scrollY") > 100)
        expect(page.locator("[data-replay]")).to_be_hidden()
        page.evaluate("scrollTo(0, 0)")
        swipe(-40, 0)
        expect(page.locator("[data-when]")).to_have_text(re.compile(r"^at \d\d:"))
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.screenshot(path=SHOTS / "replay-finger.png")
