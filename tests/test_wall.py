"""The board on a wall: large, without controls, awake, and back by itself after sleep and restarts."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.boards import SHOTS, figure, start_again, visit, wait_until_at_rest

# What the page asked of the screen and of its server, noted before any script of its own runs.
NOTE = """
window.locks = [];
const request = WakeLock.prototype.request;
WakeLock.prototype.request = function (kind) { locks.push(kind); return request.call(this, kind); };
"""
# What a pointer could press; rows are buttons on a board, and only rows on a wall.
PRESSABLE = """() => [...document.querySelectorAll("a, button, input, summary")].filter((it) => {
    const { x, y, width, height } = it.getBoundingClientRect();
    return width && it.contains(document.elementFromPoint(x + width / 2, y + height / 2));
}).map((it) => it.outerHTML)"""
TICKS = """async () => {
    const { LiveList } = await import("/static/board/lists/list.js");
    const { Hour } = await import("/static/board/day/hour.js");
    const { Now } = await import("/static/board/now.js");
    const { Clock } = await import("/static/shared/clock.js");
    const names = ["pages", "referrers", "countries"];
    const lists = names.map((name) => new LiveList(document.querySelector(`[data-list=${name}]`), name));
    const hour = new Hour(document.querySelector(".hour"), new Clock("UTC"));
    const now = new Now(document.querySelector(".now"));
    let tick = 0;
    window.tickUntil = async (last) => {
        for (; tick < last; tick++) {
            const row = (_, n) => ({ name: `/${n}/${tick >> (n % 8)}`, tabs: 40 - n });
            const rows = Array.from({ length: 20 }, row);
            const views = Array.from({ length: 60 }, (_, n) => (n * tick) % 37);
            const minutes = { to: 29000000 + tick, views };
            now.update({ visitors: tick, tabs: tick, active: 1, idle: tick, hidden: 0, minutes });
            hour.update(minutes);
            for (const list of lists) list.update(rows, 500, 1000);
            if (tick % 50 === 0) await new Promise(requestAnimationFrame);
        }
        await Promise.allSettled(document.getAnimations().map((animation) => animation.finished));
    };
}"""


@pytest.fixture(scope="module")
def product(footfall: Product) -> Product:
    return footfall


@pytest.fixture(scope="module")
def key(product: Product) -> str:
    key = product.add_site("seen.example")
    with visit(product, key, "/"):
        return key


@pytest.fixture
def wall(product: Product, key: str, browser: Browser) -> Iterator[Page]:
    """The wall, opened from the board as a person does it."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(NOTE)
    page = context.new_page()
    page.goto(f"{product.url}/login/?next=/sites/{key}/")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(product.password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Wall", exact=True).click()
    page.wait_for_url("**/?wall")
    is_live(page)
    yield page
    context.close()


def is_live(page: Page) -> None:
    expect(page.locator("#board[data-state=live]")).to_be_visible()


def test_one_number_fills_the_wall_and_there_is_nothing_to_press(
    wall: Page, product: Product, key: str
) -> None:
    with visit(product, key, "/"), visit(product, key, "/pricing", address="192.0.2.2"):
        figure(wall, "visitors").to_have_text("2")
        size = wall.locator("[data-figure=visitors]").evaluate("(it) => getComputedStyle(it).fontSize")
        assert round(float(size.removesuffix("px"))) == 200
        assert wall.evaluate(PRESSABLE) == []
        sizes = {"wall": (1440, 900), "wall-large": (2560, 1440), "wall-phone": (360, 740)}
        for name, (width, height) in sizes.items():
            for scheme in ("light", "dark"):
                picture(wall, f"{name}-{scheme}", ViewportSize(width=width, height=height), scheme)


def picture(page: Page, name: str, size: ViewportSize, scheme: Any) -> None:
    """A screenshot of the page, which fits into its screen."""
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)
    wait_until_at_rest(page)
    box = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert box == [size["width"], size["height"]], name
    page.screenshot(path=SHOTS / f"{name}.png")


def test_a_wall_keeps_the_filters_of_its_board_and_says_them(wall: Page, product: Product, key: str) -> None:
    with visit(product, key, "/"), visit(product, key, "/pricing", address="192.0.2.2"):
        wall.goto(f"{product.url}/sites/{key}/?page=/pricing&device=desktop")
        wall.get_by_role("link", name="Wall", exact=True).click()
        wall.wait_for_url("**/?page=%2Fpricing&device=desktop&wall")
        figure(wall, "visitors").to_have_text("1")
        expect(wall.get_by_role("list", name="Filters")).to_have_text("page/pricingdeviceDesktop")
        assert wall.evaluate(PRESSABLE) == []
        for width, height in ((1920, 1080), (2560, 1440)):
            picture(wall, f"wall-filtered-{width}", ViewportSize(width=width, height=height), "dark")
        wall.keyboard.press("Escape")
        wall.wait_for_url("**/?page=%2Fpricing&device=desktop")


def test_the_screen_stays_on_fills_at_any_key_and_is_left_with_escape(wall: Page) -> None:
    assert wall.evaluate("window.locks") == ["screen"]
    wall.keyboard.press("f")
    wait_for(lambda: wall.evaluate("document.fullscreenElement !== null"))
    wall.evaluate("document.exitFullscreen()")
    wall.keyboard.press("Escape")
    expect(wall.get_by_role("link", name="Wall", exact=True)).to_be_visible()
    assert "wall" not in wall.url


def test_after_a_sleep_the_line_is_taken_up_anew(wall: Page) -> None:
    sleeper = wall.context.new_cdp_session(wall)
    sleeper.send("Debugger.enable")
    with wall.expect_websocket(timeout=15_000):
        sleeper.send("Debugger.pause")
        # Nothing of the page runs meanwhile, as in a machine that sleeps.
        wall.wait_for_timeout(6_000)
        sleeper.send("Debugger.resume")
    is_live(wall)


def test_a_wall_comes_back_by_itself_when_the_server_was_away(wall: Page, product: Product, key: str) -> None:
    for _ in range(2):
        product.process.kill()
        product.process.wait()
        expect(wall.locator("#board[data-state=reconnecting]")).to_be_visible()
        wall.screenshot(path=SHOTS / "wall-reconnecting.png")
        start_again(product)
        is_live(wall)
        with visit(product, key, "/after"):
            figure(wall, "visitors").to_have_text("1")


def test_a_night_of_snapshots_leaves_the_memory_flat(wall: Page) -> None:
    wall.evaluate(TICKS)
    tools = wall.context.new_cdp_session(wall)
    tools.send("Performance.enable")

    def held(ticks: int) -> dict[str, float]:
        wall.evaluate("(ticks) => tickUntil(ticks)", ticks)
        tools.send("HeapProfiler.collectGarbage")
        metrics = {
            metric["name"]: metric["value"] for metric in tools.send("Performance.getMetrics")["metrics"]
        }
        return {name: metrics[name] for name in ("JSHeapUsedSize", "Nodes", "JSEventListeners")}

    before, after = held(1_000), held(4_000)
    print(before, after)
    assert after["JSHeapUsedSize"] - before["JSHeapUsedSize"] < 96 * 1024
    assert after["Nodes"] - before["Nodes"] < 20
    assert after["JSEventListeners"] == before["JSEventListeners"]
