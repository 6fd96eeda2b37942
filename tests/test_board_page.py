"""The board in a real browser over real visitors' sockets: what it shows, how it moves, what it survives.

Screenshots of every state are left in `test-results/board/`, to be looked at.
"""

import gzip
import json
import re
import signal
import subprocess
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from websockets.sync.client import connect

from tests.cast import PASSWORD
from tests.product import Product, running, wait_for

pytestmark = pytest.mark.alone

ROOT = Path(__file__).resolve().parent.parent
SHOTS = ROOT / "test-results" / "board"
CHROMIUM = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.6 Mobile/15E148 Safari/604.1"
)
# The cast, and an hour of page views from before the product started.
PREPARE = """
import math, uuid
from datetime import timedelta
from django.utils import timezone
from tests.cast import make_cast
from tracker.models import PageView
cast = make_cast()
now = timezone.now()
PageView.objects.bulk_create(
    PageView(
        id=uuid.uuid4(), site=cast.site, began_at=now - timedelta(minutes=ago), visit_id=uuid.uuid4(),
        visitor=uuid.uuid4(), path="/", edge=1, connection=1,
        ended_at=now - timedelta(minutes=ago) + timedelta(seconds=90),
    )
    for ago in range(2, 60)
    for _ in range(int(24 + 11 * math.sin(ago / 6) + 5 * math.sin(ago * 1.7)))
)
print(cast.site.key, cast.strange_site.key)
"""
HOSTILE = "/%3Cimg%20src=x%20onerror=alert(1)%3E"
WITHIN_A_SECOND = 1000


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    # The tests stand in for a proxy, so that visitors can come from many addresses.
    with running(FOOTFALL_TRUSTED_PROXIES="127.0.0.1") as made:
        yield made


@pytest.fixture(scope="module")
def keys(product: Product) -> tuple[str, str]:
    """The keys of a site that has been visited for an hour, and of one that nobody has visited yet."""
    seen, strange = product.manage("shell", "--no-imports", "-c", PREPARE).split()
    return seen, strange


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    SHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield opened
        opened.close()


@pytest.fixture
def page_of(product: Product, keys: tuple[str, str], browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a path as somebody of the cast; an error in the console of any page fails the test."""
    troubles: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # A browser says aloud that a server is away; that is what some tests are about.
        if message.type in ("error", "warning") and "WebSocket connection to" not in message.text:
            troubles.append(message.text)

    with ExitStack() as stack:

        def opened(
            path: str, name: str = "superuser", width: int = 1440, height: int = 900, **how: Any
        ) -> Page:
            context = browser.new_context(viewport={"width": width, "height": height}, **how)
            stack.callback(context.close)
            page = context.new_page()
            page.on("console", heard)
            page.on("pageerror", lambda error: troubles.append(str(error)))
            page.goto(f"{product.url}/login/?next={path}")
            page.get_by_label("User name").fill(name)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in").click()
            page.wait_for_url(f"{product.url}{path}")
            return page

        yield opened
    assert troubles == []


@contextmanager
def visit(
    product: Product, key: str, path: str, address: str = "192.0.2.1", agent: str = CHROME, referrer: str = ""
) -> Iterator[Callable[..., None]]:
    """A real visitor: counted from here until the end of the block; call the result to send a message."""
    page_id = str(uuid.uuid4())
    with connect(
        f"{product.socket_url}/live/{key}",
        additional_headers={"Origin": "https://seen.example", "X-Forwarded-For": address},
        user_agent_header=agent,
        compression=None,
    ) as socket:

        def say(**message: Any) -> None:
            socket.send(json.dumps({"id": page_id, **message}))

        say(t="page", u=f"https://seen.example{path}", r=referrer)
        assert json.loads(socket.recv(timeout=10))["t"] == "ack"
        yield say


LONG = "/blog/2026/why-we-count-open-sockets-instead-of-guessing"
PAGES = {"/": 11, "/pricing": 7, LONG: 5, "/docs/install": 4, "/docs/api": 3, "/blog": 2}
REFERRERS = {
    "": 14,
    "https://www.google.com/": 11,
    "https://news.ycombinator.com/": 8,
    "https://chatgpt.com/": 5,
}
NETWORKS = {"8.8.8": 14, "91.198.174": 9, "200.160.2": 7, "203.119.1": 6, "196.216.2": 4}


@contextmanager
def crowd(product: Product, key: str) -> Iterator[None]:
    """Forty visitors, on pages that some share, from many places; some look away."""
    paths = [*Counter(PAGES).elements(), *(f"/products/{number}" for number in range(1, 9))]
    referrers = [*Counter(REFERRERS).elements(), "https://lobste.rs/", "https://lobste.rs/"]
    networks = list(Counter(NETWORKS).elements())
    with ExitStack() as stack:
        for number, path in enumerate(paths):
            say = stack.enter_context(
                visit(
                    product,
                    key,
                    path,
                    address=f"{networks[number * 7 % 40]}.{number}",
                    agent=PHONE if number % 3 == 0 else CHROME,
                    referrer=referrers[number * 11 % 40],
                )
            )
            if number % 5 in (2, 4):
                say(t="state", s="hidden" if number % 5 == 2 else "idle", e=10, d=50)
        yield


def figure(page: Page, name: str) -> Any:
    return expect(page.locator(f"[data-figure={name}]"))


def rows(page: Page, name: str) -> list[tuple[str, str]]:
    """The names and figures of a list, as they are shown."""
    shown = page.locator(f"[data-list={name}] .row:not(.gone)")
    return [
        (row.locator(".name").inner_text().replace("\n", ""), row.locator(".figure").inner_text())
        for row in shown.all()
    ]


def test_a_visitor_appears_within_a_second_and_goes_within_another(
    product: Product, keys: tuple[str, str], page_of: Callable[..., Page]
) -> None:
    page = page_of(f"/sites/{keys[0]}/")
    figure(page, "visitors").to_have_text("0")
    with visit(product, keys[0], "/pricing", referrer="https://www.google.com/") as say:
        figure(page, "visitors").to_have_text("1", timeout=WITHIN_A_SECOND)
        assert page.title() == "1 · seen.example"
        assert rows(page, "pages") == [("/pricing", "1")]
        assert rows(page, "referrers") == [("Google", "1")]
        assert rows(page, "devices") == [("Desktop", "1")]
        say(t="state", s="hidden", e=10, d=50)
        figure(page, "hidden").to_have_text("1", timeout=WITHIN_A_SECOND)
        figure(page, "active").to_have_text("0")
    figure(page, "visitors").to_have_text("0", timeout=WITHIN_A_SECOND)
    expect(page.get_by_text("Nobody here right now")).to_be_visible()
    expect(page.locator("[data-last]")).to_contain_text("Last page view within the last minute")
    page.screenshot(path=SHOTS / "empty.png")


def test_names_are_shown_as_text_and_the_empty_ones_are_spelt_out(
    product: Product, keys: tuple[str, str], page_of: Callable[..., Page]
) -> None:
    page = page_of(f"/sites/{keys[0]}/")
    paths = [HOSTILE, "/caf%C3%A9", "/%E2%80%AEgnp.exe", "/__proto__", "/constructor", "/a%2Fb"]
    with ExitStack() as stack:
        for path in paths:
            stack.enter_context(visit(product, keys[0], path))
        figure(page, "tabs").to_have_text(str(len(paths)))
        shown = {name for name, _ in rows(page, "pages")}
        # Percent-encoding is undone where that hides nothing: no space, no turned direction.
        assert shown == {HOSTILE, "/café", "/%E2%80%AEgnp.exe", "/__proto__", "/constructor", "/a%2Fb"}
        assert rows(page, "referrers") == [("Direct", "6")]
        assert rows(page, "countries") == [("Unknown", "6")]
        assert page.locator("main img").count() == 0
        figure(page, "visitors").to_have_text("1")


def test_rows_keep_their_order_and_tell_what_there_is_no_room_for(
    product: Product, keys: tuple[str, str], page_of: Callable[..., Page]
) -> None:
    page = page_of(f"/sites/{keys[0]}/")
    with crowd(product, keys[0]):
        figure(page, "visitors").to_have_text("40")
        pages = rows(page, "pages")
        assert pages[:6] == [(name, str(tabs)) for name, tabs in PAGES.items()]
        assert pages[6:] == [("/products/1", "1"), ("/products/2", "1"), ("/products/3", "1")]
        assert page.locator("[data-list=pages] .all").inner_text() == "14"
        expect(page.locator("[data-list=pages] .more")).to_have_text("and 5 more")
        figure(page, "hidden").to_have_text("8")
        assert sum(int(tabs) for _, tabs in rows(page, "devices")) == 40
        expect(page.locator("[data-list=countries]")).to_contain_text("Brazil")
        page.locator("[data-list=devices] .rows").focus()
        expect(page.locator("[data-list=devices] .share").first).to_have_text(re.compile(r"\d+ %"))
        page.locator("body").click(position={"x": 5, "y": 5})
        screenshots(product, keys[0], page_of)


def wait_until_at_rest(page: Page) -> None:
    """The dot's breath and the rows' arrival are over."""
    wait_for(lambda: page.evaluate("document.getAnimations().length") == 0)


def screenshots(product: Product, key: str, page_of: Callable[..., Page]) -> None:
    """The living board in every size and scheme; at 1440×900 nothing essential needs scrolling."""
    sizes = {"board": (1440, 900), "phone": (360, 740), "wide": (2560, 1440), "small": (1280, 720)}
    for name, (width, height) in sizes.items():
        for scheme in ("light", "dark"):
            page = page_of(f"/sites/{key}/", width=width, height=height, color_scheme=scheme)
            figure(page, "visitors").to_have_text("40")
            box = page.evaluate(
                "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
            )
            assert box[0] <= width, name
            if name != "phone":
                assert box[1] <= height, name
            wait_until_at_rest(page)
            page.screenshot(path=SHOTS / f"{name}-{scheme}.png", full_page=name == "phone")
            page.context.close()


def test_the_hour_is_read_with_pointer_and_keyboard(
    product: Product, keys: tuple[str, str], page_of: Callable[..., Page]
) -> None:
    page = page_of(f"/sites/{keys[0]}/", timezone_id="Asia/Tokyo")
    bars = page.get_by_role("slider", name="Page views per minute")
    expect(page.locator("[data-figure=visitors]")).not_to_have_text("–")
    bars.focus()
    page.keyboard.press("End")
    expect(page.locator(".hour .read")).to_have_text(re.compile(r"^\d+ views? so far this minute$"))
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".hour .read")).to_have_text(re.compile(r"^\d+ views? at \d\d:\d\d$"))
    assert re.fullmatch(r"\d\d:\d\d: \d+ views?", bars.get_attribute("aria-valuetext") or "")
    page.keyboard.press("Home")
    assert bars.get_attribute("aria-valuenow") == "1"
    read = page.locator(".hour .read").inner_text()[-5:]
    # The site's zone, whatever the reader's is.
    zoned = page.evaluate(
        "new Intl.DateTimeFormat('en-GB', {timeZone: 'Europe/Berlin', hour: '2-digit', minute: '2-digit'})"
        ".format(Date.now() - 59 * 60000)"
    )
    assert read == zoned
    box = bars.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 10)
    expect(page.locator(".hour .read")).to_contain_text("so far this minute")
    page.mouse.move(0, 0)
    expect(page.locator(".hour .read")).to_have_text(re.compile(r"^most: \d+ views? at \d\d:\d\d$"))


def test_the_hour_shows_what_postgres_has_from_before_this_start(
    product: Product, keys: tuple[str, str], page_of: Callable[..., Page]
) -> None:
    page = page_of(f"/sites/{keys[0]}/")
    figure(page, "tabs").not_to_have_text("–")
    bars = page.get_by_role("slider", name="Page views per minute")
    bars.focus()
    for _ in range(30):
        page.keyboard.press("ArrowLeft")
    said = re.fullmatch(r"(\d\d:\d\d): (\d+) views?", bars.get_attribute("aria-valuetext") or "")
    assert said
    clock, views = said.groups()
    counted = product.rows(
        "SELECT count(*) AS views FROM tracker_pageview p JOIN tracker_site s ON s.id = p.site_id "
        "WHERE s.key = %s AND to_char(began_at AT TIME ZONE 'Europe/Berlin', 'HH24:MI') = %s",
        keys[0],
        clock,
    )
    assert counted == [{"views": int(views)}]
    assert int(views) > 5


def test_definitions_open_on_focus_and_close_with_escape(
    keys: tuple[str, str], page_of: Callable[..., Page]
) -> None:
    page = page_of(f"/sites/{keys[0]}/")
    term = page.locator(".term").first
    term.focus()
    expect(page.get_by_role("tooltip")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("tooltip")).to_have_count(0)


def test_everything_is_reached_by_keyboard_and_shows_that_it_is(
    keys: tuple[str, str], page_of: Callable[..., Page]
) -> None:
    page = page_of(f"/sites/{keys[0]}/")
    expect(page.locator("[data-figure=visitors]")).not_to_have_text("–")
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
        "superuser",
        "bars",
    ]
    assert [name for name in expected if name not in reached] == []
    assert [name for name, outline in reached.items() if "solid 2px" not in outline] == []


def test_the_site_menu_leads_to_other_sites_and_closes_with_escape(
    keys: tuple[str, str], page_of: Callable[..., Page]
) -> None:
    page = page_of(f"/sites/{keys[0]}/")
    page.locator(".site summary").click()
    expect(page.get_by_role("link", name="All sites")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="All sites")).to_be_hidden()
    page.locator(".site summary").click()
    page.get_by_role("link", name="stranger.example").click()
    page.wait_for_url(f"**/sites/{keys[1]}/")


def test_the_theme_follows_the_system_until_it_is_switched_and_is_kept(
    keys: tuple[str, str], page_of: Callable[..., Page]
) -> None:
    page = page_of(f"/sites/{keys[0]}/", color_scheme="dark")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    dark = page.evaluate(paper)
    page.get_by_role("button", name="Theme: auto").click()
    light = page.evaluate(paper)
    assert light != dark
    page.reload()
    assert page.evaluate(paper) == light
    page.get_by_role("button", name="Theme: light").click()
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()


def test_who_asks_for_less_motion_sees_none(
    product: Product, keys: tuple[str, str], page_of: Callable[..., Page]
) -> None:
    page = page_of(f"/sites/{keys[0]}/", reduced_motion="reduce")
    page.evaluate("""() => {
        window.animations = 0;
        const animate = Element.prototype.animate;
        Element.prototype.animate = function (...all) {
            window.animations++;
            return animate.apply(this, all);
        };
    }""")
    with visit(product, keys[0], "/"), visit(product, keys[0], "/b"):
        figure(page, "tabs").to_have_text("2")
    figure(page, "tabs").to_have_text("0")
    assert page.evaluate("window.animations") == 0


def test_a_site_becomes_a_board_at_its_first_visit_without_a_reload(
    product: Product, keys: tuple[str, str], page_of: Callable[..., Page]
) -> None:
    fresh = product.add_site("seen.example")
    page = page_of(f"/sites/{fresh}/")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect(page.get_by_text("Waiting for the first visit")).to_be_visible()
    expect(page.locator("#board[data-state=live]")).to_be_visible()
    page.screenshot(path=SHOTS / "not-installed.png")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f'<script defer src="{product.url}/t.js" data-site="{fresh}"></script>'
    page.evaluate("window.unloaded = false")
    with visit(product, fresh, "/welcome"):
        expect(page.locator(".check.found")).to_contain_text("/welcome", timeout=WITHIN_A_SECOND)
        page.screenshot(path=SHOTS / "installed.png")
        expect(page.locator("[data-figure=visitors]")).to_be_visible()
        figure(page, "visitors").to_have_text("1")
        assert rows(page, "pages") == [("/welcome", "1")]
    assert page.evaluate("window.unloaded") is False
    page.reload()
    expect(page.locator("[data-figure=visitors]")).to_be_visible()


def test_the_list_of_sites_counts_by_itself(
    product: Product, keys: tuple[str, str], page_of: Callable[..., Page]
) -> None:
    page = page_of("/")
    tile = page.locator(f'[data-site="{keys[0]}"]')
    expect(tile.locator("[data-visitors]")).to_have_text("0")
    with visit(product, keys[0], "/"):
        expect(tile.locator("[data-visitors]")).to_have_text("1", timeout=6_000)
        page.screenshot(path=SHOTS / "sites.png")
    tile.click()
    page.wait_for_url(f"**/sites/{keys[0]}/")


def test_who_is_logged_out_is_told_so(keys: tuple[str, str], page_of: Callable[..., Page]) -> None:
    page = page_of(f"/sites/{keys[0]}/", name="viewer")
    expect(page.locator("#board[data-state=live]")).to_be_visible()
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_text("viewer", exact=True).click()
    other.get_by_role("button", name="Log out").click()
    expect(page.locator("#board[data-state=forbidden]")).to_be_visible(timeout=6_000)
    page.screenshot(path=SHOTS / "forbidden.png")
    page.get_by_role("link", name="Log in again").click()
    page.get_by_label("User name").fill("viewer")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#board[data-state=live]")).to_be_visible()


def test_the_errors_are_pages_of_their_own(product: Product, page_of: Callable[..., Page]) -> None:
    page = page_of("/", name="outsider")
    expect(page.get_by_role("heading", name="No sites yet")).to_be_visible()
    page.screenshot(path=SHOTS / "no-sites.png")


def test_a_tick_with_long_lists_costs_little(keys: tuple[str, str], page_of: Callable[..., Page]) -> None:
    page = page_of(f"/sites/{keys[0]}/")
    spent = page.evaluate("""async () => {
        const { LiveList } = await import("/static/board/list.js");
        const { Hour } = await import("/static/board/hour.js");
        const { Clock } = await import("/static/board/clock.js");
        const { DIMENSIONS } = await import("/static/board/snapshot.js");
        for (const list of document.querySelectorAll(".list")) list.style.setProperty("--slots", "100");
        document.querySelector(".lists").hidden = false;
        for (const row of document.querySelectorAll(".row")) row.remove();
        const section = (name) => document.querySelector(`[data-list=${name}]`);
        const lists = DIMENSIONS.map((name) => new LiveList(section(name), name));
        const hour = new Hour(document.querySelector(".hour"), new Clock("UTC"));
        await new Promise(requestAnimationFrame);
        const times = [];
        for (let tick = 0; tick < 120; tick++) {
            // A tenth of the rows change their count, some come and some go.
            const rows = Array.from({ length: 100 }, (_, n) => ({
                name: `/path/${n + (tick % 5 === 0 && n > 95 ? tick : 0)}`,
                tabs: 200 - n + ((n + tick) % 10 === 0 ? 3 : 0),
            })).sort((a, b) => b.tabs - a.tabs);
            const began = performance.now();
            const views = Array.from({ length: 60 }, (_, n) => (n * tick) % 37);
            hour.update({ to: 29000000 + tick, views });
            for (const list of lists) list.update(rows, 500, 10000);
            times.push(performance.now() - began);
            await new Promise(requestAnimationFrame);
        }
        // The lowest tenth: other programs on the machine only ever add.
        times.sort((a, b) => a - b);
        return times[12];
    }""")
    print(f"script per tick, six lists of 100 rows: {spent:.2f} ms")
    assert spent <= 4


def test_script_and_style_stay_small() -> None:
    parts = [*(ROOT / "static" / "board").glob("*.js"), *(ROOT / "static" / "board").glob("*.css")]
    weight = sum(len(gzip.compress(part.read_bytes(), 9)) for part in parts)
    # With uPlot, which has 22 KB, no more than 70.
    assert weight <= 48 * 1024
    assert all(len(part.read_text().splitlines()) < 250 for part in parts)


def test_a_board_says_that_it_is_stale_and_recovers(
    product: Product, keys: tuple[str, str], page_of: Callable[..., Page]
) -> None:
    page = page_of(f"/sites/{keys[0]}/")
    expect(page.locator("#board[data-state=live]")).to_be_visible()
    expect(page.locator(".words")).to_have_text(re.compile(r"^live, \d+\.\d s ago$"))
    product.process.send_signal(signal.SIGSTOP)
    try:
        expect(page.locator("#board[data-state=stale]")).to_be_visible(timeout=13_000)
        page.screenshot(path=SHOTS / "stale.png")
    finally:
        product.process.send_signal(signal.SIGCONT)
    expect(page.locator("#board[data-state=live]")).to_be_visible(timeout=15_000)


def test_a_board_comes_back_by_itself_after_a_restart(browser: Browser) -> None:
    # Alone with a product of its own, which is killed under it and started again on the same port.
    with running() as product:
        key = product.add_site("seen.example")
        with visit(product, key, "/"):
            pass
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.goto(f"{product.url}/login/?next=/sites/{key}/")
        page.get_by_label("User name").fill("admin")
        page.get_by_label("Password").fill(product.password)
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("#board[data-state=live]")).to_be_visible()
        product.process.kill()
        product.process.wait()
        expect(page.locator("#board[data-state=reconnecting]")).to_be_visible(timeout=5_000)
        expect(page.locator(".words")).to_have_text(re.compile(r"^reconnecting, last seen \d\d:\d\d:\d\d$"))
        page.screenshot(path=SHOTS / "reconnecting.png")
        expect(page.locator("#board[data-state=offline]")).to_be_visible(timeout=40_000)
        page.screenshot(path=SHOTS / "offline.png")
        start_again(product)
        page.get_by_role("button", name="Try now").click()
        expect(page.locator("#board[data-state=live]")).to_be_visible(timeout=5_000)
        context.close()


def start_again(product: Product) -> None:
    """The same product on the same port, after it was killed."""
    assert product.process.stdout
    product.process.stdout.close()
    product.process = subprocess.Popen(
        product.process.args,
        cwd=ROOT,
        env=product.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for(product.ready, 30, "/readyz")
