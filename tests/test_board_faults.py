"""The board under ugly names, large numbers, a wrong clock, other media and a lost connection.

One page for all: its snapshots are the server's, with each count made as large as that of a huge site, and
its browser's clock is wrong by hours. Screenshots are left in `test-results/board/`, to be looked at.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.boards import SHOTS, crowd, figure, scroll_stream, visit, wait_until_at_rest
from tests.browser import Complaints, visitor
from tests.staff import let_in

# From phones to walls, between all of the style sheets' own limits; 720 is 1440 at 200 % of zoom.
WIDTHS = (320, 360, 640, 700, 720, 760, 820, 1000, 1001, 1100, 1251, 1280, 1400, 1440, 1920, 2200, 2560)
UGLY = (
    "/a/very/long/path/that/goes/on/and/on/with/many/words/in-it/2026/11/27/and-an-end-that-tells",
    "/%D7%A9%D7%9C%D7%95%D7%9D-%D7%A2%D7%95%D7%9C%D7%9D",
    "/%F0%9F%8E%89/%F0%9F%8E%82/party",
    "/" + "W" * 41,
    "/x",
)
MUSEUM = "https://a-very-long-referrer-name.that-goes-on.example.museum/"
HUGE = 24_691
# Beside those that come from somewhere, so that the map's list is longer than its place.
COUNTRIES = ("DE", "FR", "JP", "IN", "CA", "MX", "ZA", "SE", "NO", "AR", "EG")
WRONG_CLOCK = "{ const now = Date.now; Date.now = () => now() + 19_020_000; }"
# Texts that lie over each other, or beyond what holds them; hidden ones do not, nor do definitions.
OVERLAPS = """() => {
    const hidden = (element) => element.closest("[role=tooltip], .gone") || !element.checkVisibility({
        opacityProperty: true, visibilityProperty: true });
    const clips = (element) => getComputedStyle(element).overflowX !== "visible";
    // Where the texts in an element are seen, as far as those around them let them.
    const texts = (root) => {
        const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
        const found = [];
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            if (!node.data.trim() || hidden(node.parentElement)) continue;
            const range = document.createRange();
            range.selectNodeContents(node);
            for (const { left, right, top, bottom } of range.getClientRects()) {
                const seen = { node, words: node.data.slice(0, 40), left, right, top, bottom };
                for (let around = node.parentElement; around !== root; around = around.parentElement) {
                    if (!clips(around)) continue;
                    const box = around.getBoundingClientRect();
                    seen.left = Math.max(seen.left, box.left);
                    seen.right = Math.min(seen.right, box.right);
                    seen.bottom = Math.min(seen.bottom, box.bottom);
                }
                if (seen.right - seen.left > 1 && seen.bottom - seen.top > 1) found.push(seen);
            }
        }
        return found;
    };
    const found = [];
    const groups = ".stream li, .row, .panel > .tabs, .panel header, .people, .head, .foot"
        + ", .hour header, .day header";
    for (const group of document.querySelectorAll(groups)) {
        if (!group.checkVisibility()) continue;
        const inside = texts(group);
        // The tabs stand in the place of the title.
        const tabs = group.matches(".panel header") ? group.closest(".panel").querySelector(".tabs") : null;
        if (tabs?.checkVisibility()) inside.push(...texts(tabs));
        const edge = Math.min(group.getBoundingClientRect().right, innerWidth) + 1.5;
        inside.forEach((text, at) => {
            if (text.right > edge) found.push(`${text.words} beyond ${group.className || group.tagName}`);
            for (const other of inside.slice(at + 1)) {
                if (other.node === text.node) continue; // an ellipsis and what it stands for
                const over = Math.min(text.right, other.right) - Math.max(text.left, other.left);
                const above = Math.min(text.bottom, other.bottom) - Math.max(text.top, other.top);
                if (over > 1.5 && above > 3) found.push(`${text.words} over ${other.words}`);
            }
        });
    }
    const scroll = document.querySelector(".stream .scroll");
    const row = scroll.querySelector("li").getBoundingClientRect().height;
    const rest = scroll.clientHeight % row;
    if (Math.min(rest, row - rest) > 1.5) found.push(`the stream ends in ${rest} of ${row}`);
    if (document.documentElement.scrollWidth > innerWidth) found.push("wider than the window");
    return found;
}"""
# Lists fed by hand: what is in them after some snapshots, and what their rows lie on.
ORDERS = """async () => {
    const { LiveList } = await import("/static/board/lists/list.js");
    const root = document.querySelector("[data-list=systems]").cloneNode(true);
    for (const row of root.querySelectorAll(".row")) row.remove();
    document.querySelector(".lists").append(root);
    root.classList.add("chosen");
    root.scrollIntoView();
    const list = new LiveList(root, "pages");
    const names = () => [...root.querySelectorAll(".row:not(.gone)")].map((row) =>
        `${row.querySelector(".name").textContent} ${row.querySelector(".figure").textContent}`);
    const show = (rows) => list.update(Object.entries(rows).map(([name, tabs]) => ({ name, tabs })), 3, 10);
    const seen = [];
    show({ a: 3, b: 2, c: 2 });
    seen.push(names());
    show({ b: 3, a: 3, c: 2 });
    seen.push(names());
    show({ c: 4, b: 3, a: 3 });
    seen.push(names());
    const began = performance.now();
    const pause = () => new Promise((go) => setTimeout(go, 20));
    while (names()[0] !== "c 4" && performance.now() - began < 10_000) await pause();
    seen.push(names());
    const rested = performance.now() - began;
    const [first, second] = root.querySelectorAll(".row");
    const level = (row) => Number(getComputedStyle(row).zIndex);
    const above = level(first) > level(second);
    const paper = getComputedStyle(first).backgroundColor;
    show({ c: 4, a: 3 });
    const gone = root.querySelector(".gone");
    const below = gone ? level(gone) < level(second) : null;
    root.remove();
    return { seen, rested, above, below, solid: paper !== "rgba(0, 0, 0, 0)" };
}"""
PAPER = """() => {
    const plot = document.querySelector(".bars").getBoundingClientRect();
    const bars = [...document.querySelectorAll(".bars rect")].map((bar) => bar.getBoundingClientRect());
    const curve = document.querySelector(".day canvas").getBoundingClientRect();
    const day = document.querySelector(".day .plot").getBoundingClientRect();
    return {
        bars: Math.abs(bars[0].left - plot.left) < 2 && Math.abs(bars[59].right - plot.right) < 6,
        curve: Math.abs(curve.width - day.width) < 2,
        shares: getComputedStyle(document.querySelector(".row .bar")).printColorAdjust,
        shown: [".head nav", ".foot", ".handle", "[data-pause]"].filter((name) =>
            document.querySelector(name).checkVisibility()),
        wide: document.documentElement.scrollWidth > innerWidth,
    };
}"""
# Each thing that tells by its colour alone, beside what it lies on.
COLOURS = """() => {
    const paint = (selector, property) => getComputedStyle(document.querySelector(selector))[property];
    const lost = [paint("body", "backgroundColor"), "rgba(0, 0, 0, 0)", "rgb(255, 255, 255)"];
    return Object.entries({
        dot: paint(".visitors .dot", "backgroundColor"),
        share: paint(".row .bar", "backgroundColor"),
        active: paint(".parts .active", "backgroundColor"),
        hidden: paint(".parts .hidden", "backgroundColor"),
        bar: paint(".bars rect", "fill"),
        curve: paint(".key .today i", "backgroundColor"),
        visitor: paint(".stream i", "borderTopColor"),
    }).filter(([, colour]) => lost.includes(colour)).map(([name]) => name);
}"""


@dataclass
class Proxy:
    """Stands between the board's page and its server, and can cut it off."""

    cut: bool = False
    open: list[WebSocketRoute] = field(default_factory=list)

    def connect(self, route: WebSocketRoute) -> None:
        if self.cut:
            route.close(code=1001)
            return
        server = route.connect_to_server()
        server.on_message(lambda text: route.send(enlarged(str(text))))
        self.open.append(route)

    def cut_off(self) -> None:
        self.cut = True
        for route in self.open:
            route.close(code=1001)
        self.open.clear()


def enlarged(text: str) -> str:
    """A snapshot as that of a site with seven digits everywhere."""
    snapshot = json.loads(text)
    for name in ("visitors", "tabs", "active", "idle", "hidden"):
        snapshot[name] *= HUGE
    for name, total in snapshot["totals"].items():
        snapshot["totals"][name] = total * 130_000
        for row in snapshot[name]:
            row["tabs"] *= HUGE
    known = {row["name"] for row in snapshot["countries"]}
    snapshot["countries"] += [{"name": code, "tabs": 3} for code in COUNTRIES if code not in known]
    return json.dumps(snapshot)


@pytest.fixture(scope="module")
def key(footfall: Product) -> Iterator[str]:
    key = footfall.add_site("seen.example")
    with crowd(footfall, key), ExitStack() as stack:
        for number, path in enumerate(UGLY * 2):
            say = stack.enter_context(visit(footfall, key, path, f"8.8.8.{100 + number}", referrer=MUSEUM))
            if number < len(UGLY):
                say(t="event", k=str(uuid4()), n="Newsletter sign-up finished twice", p={})
        yield key


@pytest.fixture(scope="module")
def proxy() -> Proxy:
    return Proxy()


@pytest.fixture(scope="module")
def page(footfall: Product, browser: Browser, key: str, proxy: Proxy) -> Iterator[Page]:
    with visitor(browser, viewport={"width": 1440, "height": 900}) as context:
        let_in(context, footfall)
        context.add_init_script(WRONG_CLOCK)
        opened = context.new_page()
        opened.route_web_socket("**/board/**", proxy.connect)
        complaints = Complaints.of(opened)
        opened.goto(f"{footfall.url}/sites/{key}/")
        figure(opened, "visitors").to_have_text(f"{50 * HUGE:,}")
        yield opened
        assert complaints.heard == []


@pytest.fixture(autouse=True)
def at_first(page: Page) -> None:
    """What a test changed of the page's media is no concern of the next one."""
    page.emulate_media(media="screen", color_scheme="light", forced_colors="none")
    page.set_viewport_size({"width": 1440, "height": 900})


def test_no_text_lies_over_another_at_any_width(page: Page) -> None:
    wait_for(lambda: scroll_stream(page) >= 50)
    found: dict[int, list[str]] = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        wait_until_at_rest(page)
        if overlaps := page.evaluate(OVERLAPS):
            found[width] = overlaps
            page.screenshot(path=SHOTS / f"overlaps-{width}.png")
    assert found == {}
    scroll_stream(page, to=0)


def test_rows_rest_between_two_orders_and_never_lie_through_each_other(page: Page) -> None:
    shown: dict[str, Any] = page.evaluate(ORDERS)
    first, equal, higher, ordered = shown["seen"]
    assert first == ["a 3", "b 2", "c 2"]
    assert equal == ["a 3", "b 3", "c 2"]
    assert higher == ["a 3", "b 3", "c 4"]
    assert ordered == ["c 4", "a 3", "b 3"]
    # The last order was the first one.
    assert 500 < shown["rested"] < 3_000
    assert (shown["above"], shown["below"], shown["solid"]) == (True, True, True)


@pytest.mark.parametrize(
    "size", [(1280, 720), (1280, 800), (1440, 900), (1920, 1080), (2560, 1440), (390, 844)]
)
def test_the_map_leaves_four_countries_and_more(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    wait_until_at_rest(page)
    shown = page.evaluate("""() => {
        const list = document.querySelector("[data-list=countries]");
        const { bottom } = list.getBoundingClientRect();
        const rows = [...list.querySelectorAll(".row:not(.gone)")];
        const ends = rows.map((row) => row.getBoundingClientRect().bottom);
        const whole = ends.filter((end) => end <= bottom + 1).length;
        const map = list.querySelector(".world svg").getBoundingClientRect().height;
        return { rows: whole, cut: ends.length - whole, map };
    }""")
    page.screenshot(path=SHOTS / f"map-{size[0]}-{size[1]}.png")
    assert shown["rows"] >= 4
    assert shown["cut"] == 0
    assert shown["map"] > 40


def test_the_dot_stands_at_the_middle_of_the_number_and_the_foot_has_the_servers_time(page: Page) -> None:
    number, dot = (page.locator(f".visitors .{name}").bounding_box() for name in ("figure", "dot"))
    assert number
    assert dot
    assert abs(number["y"] + number["height"] / 2 - dot["y"] - dot["height"] / 2) < 3

    def is_right() -> bool:
        now = datetime.now(UTC)
        shown = datetime.combine(now, time.fromisoformat(page.locator("[data-clock]").inner_text()), UTC)
        return abs((now - shown).total_seconds()) <= 3

    wait_for(is_right, what="the foot's clock")


def test_views_a_minute_are_those_of_the_last_sixty_seconds(footfall: Product, page: Page, key: str) -> None:
    before = int(page.locator("[data-figure=rate]").inner_text())
    with ExitStack() as stack:
        for number in range(3):
            stack.enter_context(visit(footfall, key, "/rate", f"192.0.2.{200 + number}"))
        # Others may have been there for a minute meanwhile.
        wait_for(lambda: 3 <= int(page.locator("[data-figure=rate]").inner_text()) <= before + 3)
        stored = footfall.rows(
            "SELECT count(*) AS views FROM tracker_pageview JOIN tracker_site ON tracker_site.id = site_id"
            " WHERE key = %s AND began_at > now() - interval '61 seconds'",
            key,
        )[0]["views"]
        assert stored <= before + 3


def test_the_title_and_the_icon_of_a_lost_board_say_so(page: Page, proxy: Proxy) -> None:
    expect(page).to_have_title(f"{50 * HUGE:,} · seen.example")
    proxy.cut_off()
    expect(page).to_have_title("reconnecting · seen.example")
    icon = page.locator("link[rel=icon]")
    assert "lost" in str(icon.get_attribute("href"))
    proxy.cut = False
    # Two tries may have been refused meanwhile, after which it asks for each change: but the seven digits are
    # those of sockets.
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page).to_have_title(f"{50 * HUGE:,} · seen.example")
    assert "lost" not in str(icon.get_attribute("href"))


def test_on_paper_the_board_is_whole_and_has_nothing_to_press(page: Page) -> None:
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 720, "height": 1000})
    wait_until_at_rest(page)
    assert page.evaluate(PAPER) == {
        "bars": True,
        "curve": True,
        "shares": "exact",
        "shown": [],
        "wide": False,
    }
    page.screenshot(path=SHOTS / "print.png", full_page=True)


def test_forced_colours_leave_bars_dots_and_curve(page: Page) -> None:
    page.emulate_media(forced_colors="active")
    wait_until_at_rest(page)
    assert page.evaluate(COLOURS) == []
    page.screenshot(path=SHOTS / "forced-colours.png")


def test_chosen_tabs_and_a_moment_of_the_past_survive_a_reload_and_escape_leaves(page: Page) -> None:
    page.get_by_role("tab", name="Campaigns").click()
    page.get_by_role("tab", name="Devices").click()
    expect(page.locator("[data-list=campaigns] header .open")).to_be_hidden()
    handle = page.get_by_role("slider", name="Time of today")
    expect(handle).to_be_enabled()
    place = "() => JSON.stringify(document.querySelector('.day .plot').getBoundingClientRect())"
    before = page.evaluate(place)
    bars = page.locator(".bars").bounding_box()
    assert bars
    page.mouse.move(bars["x"] + bars["width"] - 2, bars["y"] + 20)
    page.mouse.down()
    page.mouse.move(bars["x"] + bars["width"] / 2, bars["y"] + 20, steps=3)
    page.mouse.up()
    banner = page.locator("[data-replay]")
    expect(banner).to_be_visible()
    assert page.evaluate(place) == before

    def rests() -> bool:
        # In the first half hour of a day it is its first second.
        at = dict(parse_qsl(urlsplit(page.url).query)).get("t")
        shown = page.locator("[data-when]").inner_text()
        return at is not None and f"at {datetime.fromtimestamp(int(at), UTC):%H:%M:%S}" == shown

    wait_for(rests, what="the moment in the address")
    when = page.locator("[data-when]").inner_text()
    page.reload()
    expect(page.locator("[data-when]")).to_have_text(when)
    page.keyboard.press("Escape")
    expect(banner).to_be_hidden()
    for name in ("Campaigns", "Devices"):
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
    assert page.url.endswith("?show=campaigns&show=devices")
    page.get_by_role("tab", name="Referrers").click()
    page.get_by_role("tab", name="Browsers").click()
    assert "show" not in page.url


def test_where_people_came_from_is_pressed_and_so_is_a_country_without_anybody(
    footfall: Product, page: Page, key: str
) -> None:
    with visit(footfall, key, "/docs/api", "192.0.2.77") as say:
        say(t="page", id=str(uuid4()), u="https://seen.example/thanks", r="")
        page.goto(f"{page.url.split('?')[0]}?page=/thanks")
        page.locator("[data-side=from] button", has_text="/docs/api").click()
        expect(page.get_by_role("button", name="Remove the filter: page /docs/api")).to_be_visible()
        expect(page.locator("[data-chips] li")).to_have_count(1)
        page.get_by_role("button", name="Remove the filter").click()
        figure(page, "visitors").to_have_text(f"{51 * HUGE:,}")
        page.locator(".world [data-country=DZ]").click()
        expect(page.get_by_role("button", name="Remove the filter: country Algeria")).to_be_visible()
        expect(page.locator("[data-empty] h2")).to_have_text("Nobody here fits these filters right now")
        page.get_by_role("button", name="Remove the filter").click()
        expect(page.locator("[data-chips] li")).to_have_count(0)


def test_the_stream_makes_room_for_new_rows_in_one_movement(footfall: Product, page: Page, key: str) -> None:
    page.mouse.move(700, 20)
    wait_for(lambda: page.locator(".stream li").count() >= 20)
    page.evaluate(
        """() => {
            window.glides = 0;
            const list = document.querySelector(".stream ol");
            const own = list.animate.bind(list);
            list.animate = (...how) => { glides++; return own(...how); };
        }"""
    )
    with visit(footfall, key, "/glide", "192.0.2.78"):
        expect(page.locator(".stream li .page").first).to_have_text("/glide")
    assert page.evaluate("glides") >= 1
