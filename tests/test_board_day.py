"""The day's curve on the board, in a real browser over real visitors' sockets.

Screenshots are left in `test-results/board/`, to be looked at.
"""

import re
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, expect

from scripts.stands.product import Product
from tests.boards import SHOTS, visit
from tests.days import site_with_a_day
from tests.staff import at_board


@pytest.fixture(scope="module")
def product(footfall: Product) -> Product:
    return footfall


@pytest.fixture(scope="module")
def key(product: Product) -> str:
    return site_with_a_day(product)


def test_the_curve_shows_the_day_and_moves_with_its_visitors(
    product: Product, key: str, browser: Browser
) -> None:
    with at_board(browser, product, f"/sites/{key}/") as page, ExitStack() as visitors:
        readout, plot = page.locator(".day .read"), page.get_by_role("slider", name="Visitors at once")
        expect(readout).to_have_text(re.compile(r"^peak \d+ at \d\d:\d\d$"))
        peak = int(readout.locator("b").inner_text())
        here = "FROM tracker_pageview WHERE site_id = (SELECT id FROM tracker_site WHERE key = %s)"
        moment = product.rows(f"SELECT max(began_at) AS at {here} AND visitor = %s", key, "0" * 32)
        assert peak > 61
        assert product.rows(
            f"SELECT count(DISTINCT visitor) AS visitors {here} AND began_at <= %s AND ended_at > %s",
            key,
            moment[0]["at"],
            moment[0]["at"],
        ) == [{"visitors": peak}]
        expect(page.locator("[data-compare]")).to_contain_text(f"peak {peak} at ")
        expect(page.locator("[data-compare]")).to_contain_text(re.compile(r"last \w{3} \d\d:\d\d"))
        assert page.locator(".day .peak").is_visible()
        for number in range(3):
            visitors.enter_context(visit(product, key, "/", address=f"192.0.2.{number}"))
        expect(page.locator("[data-figure=visitors]")).to_have_text("3")
        expect(plot).to_have_attribute("aria-valuetext", re.compile(r"^\d\d:\d\d: 0–3, last \w{3} \d+$"))


def test_any_minute_is_read_with_pointer_and_keyboard(product: Product, key: str, browser: Browser) -> None:
    with at_board(browser, product, f"/sites/{key}/") as page:
        readout, plot = page.locator(".day .read"), page.get_by_role("slider", name="Visitors at once")
        expect(readout).to_contain_text("peak")
        plot.focus()
        page.keyboard.press("Home")
        expect(readout).to_have_text(re.compile(r"^00:00 \d+(–\d+)? · last \w{3} \d+$"))
        page.keyboard.press("PageUp")
        expect(readout).to_contain_text("01:00")
        page.keyboard.press("ArrowLeft")
        expect(readout).to_contain_text("00:59")
        page.keyboard.press("End")
        assert plot.get_attribute("aria-valuenow") == plot.get_attribute("aria-valuemax")
        box = plot.bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 20)
        expect(readout).to_contain_text(re.compile(r"^0[56]:\d\d "))
        page.mouse.move(0, 0)
        page.locator("body").focus()
        plot.blur()
        expect(readout).to_contain_text("peak")


HOURS_UNDER_THE_KEY = """() => {
    const key = document.querySelector(".day .key").getBoundingClientRect();
    return [...document.querySelectorAll(".day .ticks span")]
        .filter((hour) => getComputedStyle(hour).visibility === "visible")
        .filter((hour) => hour.getBoundingClientRect().right > key.left).map((hour) => hour.textContent);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), (360, 740), (2560, 1440), (1100, 800)])
def test_it_fits_every_screen(
    product: Product, key: str, browser: Browser, scheme: str, size: tuple[int, int]
) -> None:
    width, height = size
    with (
        at_board(browser, product, f"/sites/{key}/", width, height, color_scheme=scheme) as page,
        visit(product, key, "/"),
    ):
        expect(page.locator(".day .read")).to_contain_text("peak")
        expect(page.locator("[data-figure=visitors]")).to_have_text("1")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(HOURS_UNDER_THE_KEY) == []
        page.screenshot(path=SHOTS / f"day-{width}-{scheme}.png", full_page=width == 360)
