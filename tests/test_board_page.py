"""The board in a real browser over real visitors' sockets: what it shows, how it moves, what it survives.

Screenshots of every state are left in `test-results/board/`, to be looked at.
"""

import json
import os
import re
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from scripts.stands.agents import FIREFOX
from scripts.stands.product import Product, running
from scripts.stands.waiting import wait_for
from tests.boards import SHOTS, figure, rows, start_again, visit
from tests.cast import PASSWORD
from tests.written_hosts import BROKEN, DECEPTIVE, PLAIN, coded
from tracker.pages.escapes import one_form, readable
from tracker.pages.readable_hosts import readable_host

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


@pytest.fixture
def page_of(product: Product, keys: tuple[str, str], browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a path as somebody of the cast; an error in the console of any page fails the test, but for those
    that have the words of `borne`."""
    troubles: list[str] = []

    def heard(message: ConsoleMessage, borne: str) -> None:
        # A browser says aloud that a server is away; that is what some tests are about.
        if message.type not in ("error", "warning") or "WebSocket connection to" in message.text:
            return
        if not borne or borne not in message.text:
            troubles.append(f"{message.text} ({message.location['url']})")

    with ExitStack() as stack:

        def opened(
            path: str,
            name: str = "superuser",
            width: int = 1440,
            height: int = 900,
            borne: str = "",
            **how: Any,
        ) -> Page:
            context = browser.new_context(viewport={"width": width, "height": height}, **how)
            stack.callback(context.close)
            page = context.new_page()
            page.on("console", partial(heard, borne=borne))
            page.on("pageerror", lambda error: troubles.append(str(error)))
            page.goto(f"{product.url}/login/?next={path}")
            page.get_by_label("User name").fill(name)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in").click()
            page.wait_for_url(f"{product.url}{path}")
            return page

        yield opened
    assert troubles == []


@pytest.mark.alone
def test_a_visitor_appears_within_a_second_and_goes_within_another(
    product: Product, keys: tuple[str, str], page_of: Callable[..., Page]
) -> None:
    page = page_of(f"/sites/{keys[0]}/")
    figure(page, "visitors").to_have_text("0")
    with visit(product, keys[0], "/pricing", "192.0.2.99", referrer="https://www.google.com/") as say:
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
        figure(page, "visitors").to_have_text("1")
        # Paths begin with a slash and are escaped: campaigns may be markup, or named as what objects inherit.
        raw = ["<img src=x onerror=alert(1)>", "__proto__", "constructor", "valueof"]
        for number, name in enumerate(raw, 2):
            asked = f"/?utm_campaign={quote(name)}"
            stack.enter_context(visit(product, keys[0], asked, f"192.0.2.{number}"))
        figure(page, "tabs").to_have_text(str(len(paths) + len(raw)))
        assert rows(page, "campaigns") == [(name, "1") for name in raw]
        assert page.locator("main img").count() == 0


def test_boards_spell_names_as_the_server_does(
    product: Product, keys: tuple[str, str], page_of: Callable[..., Page]
) -> None:
    page = page_of(f"/sites/{keys[0]}/")
    typed = [
        "/über-uns",
        "/caf%c3%a9",
        "/my page",
        "/日本/*",
        "/100%",
        "/%2541",
        "/a%2Db|c[1]",
        "/a%2fb%28c)",
    ]
    for text in [*typed, "/%e9", "/a%20", "/a%E2%80%AEb", "/%00", "/a%F0%9F%98%80", "/#/a?b=c"]:
        name = one_form(text)
        spelt = page.evaluate(
            """async (text) => {
                const { label, oneForm } = await import("/static/shared/names.js");
                return [oneForm(text), label("pages", oneForm(text))];
            }""",
            text,
        )
        assert spelt == [name, readable(name)]
    hosts = [f"www.{label}.example" for label in [*map(coded, PLAIN + DECEPTIVE), *BROKEN]]
    read = page.evaluate(
        """async (hosts) => {
            const { label } = await import("/static/shared/names.js");
            return hosts.map((host) => label("referrers", host));
        }""",
        hosts,
    )
    assert read == [readable_host(host) for host in hosts]


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


def knock(product: Product, key: str, origin: str, agent: str = FIREFOX) -> int:
    """Try to be counted from a page of this origin; the code with which the socket was closed."""
    with connect(
        f"{product.socket_url}/live/{key}",
        additional_headers={"X-Forwarded-For": "198.51.100.7"},
        origin=Origin(origin),
        user_agent_header=agent,
        compression=None,
    ) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
        assert closed.value.rcvd
        return closed.value.rcvd.code


def test_who_sets_a_site_up_reads_which_host_is_refused_and_allows_it(
    product: Product, keys: tuple[str, str], page_of: Callable[..., Page]
) -> None:
    fresh = product.add_site("seen.example")
    page = page_of(f"/sites/{fresh}/")
    knocks = page.locator(".install [data-doctor]")
    expect(knocks).to_be_hidden()
    assert knock(product, fresh, "https://seen.example", "Googlebot/2.1") == 4403
    expect(knocks).to_contain_text("A program (Googlebot). Programs are not counted")
    expect(knocks.get_by_role("button")).to_be_hidden()
    assert knock(product, fresh, "https://shop.example:8443") == 4403
    expect(knocks).to_contain_text("shop.example is no host of this site.")
    page.screenshot(path=SHOTS / "refused.png")
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=SHOTS / "refused-phone-dark.png")
    api = page.request.get(f"{product.url}/api/v1/sites/{fresh}/refusals").json()
    assert [(row["reason"], row["of"], row["count"]) for row in api["refusals"]] == [
        ("wrong_origin", "shop.example", 1),
        ("bot", "Googlebot", 1),
    ]
    assert (api["hours"], api["stale"]) == (6, 0)
    assert "198.51.100.7" not in str(api)
    knocks.get_by_role("button", name="Allow it").click()
    expect(knocks).to_contain_text("shop.example is allowed now. Load its page again.")
    wait_for(lambda: is_counted(product, fresh, "https://shop.example"), what="the host to be allowed")
    expect(knocks).to_be_hidden()


def is_counted(product: Product, key: str, origin: str) -> bool:
    with connect(
        f"{product.socket_url}/live/{key}",
        additional_headers={"X-Forwarded-For": "198.51.100.8"},
        origin=Origin(origin),
        user_agent_header=FIREFOX,
        compression=None,
    ) as socket:
        socket.send(json.dumps({"t": "page", "id": str(uuid.uuid4()), "u": f"{origin}/"}))
        try:
            return bool(json.loads(socket.recv(timeout=10))["t"] == "ack")
        except ConnectionClosed:
            return False


@pytest.mark.alone
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
    # What the board asks for between logging out and being told so is not found by a stranger.
    page = page_of(f"/sites/{keys[0]}/", name="viewer", borne="status of 404")
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


def test_a_board_says_that_it_is_stale_and_recovers(
    product: Product, keys: tuple[str, str], page_of: Callable[..., Page]
) -> None:
    page = page_of(f"/sites/{keys[0]}/")
    expect(page.locator("#board[data-state=live]")).to_be_visible()
    expect(page.locator(".words")).to_have_text(re.compile(r"^live, (just now|\d s ago)$"))
    # And who would put another in its place.
    frozen = (product.process.pid, product.web)
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        expect(page.locator("#board[data-state=stale]")).to_be_visible(timeout=13_000)
        page.screenshot(path=SHOTS / "stale.png")
    finally:
        for pid in reversed(frozen):
            os.kill(pid, signal.SIGCONT)
    expect(page.locator("#board[data-state=live]")).to_be_visible(timeout=15_000)


@pytest.mark.waits
def test_a_board_comes_back_by_itself_after_a_restart(browser: Browser) -> None:
    # Alone with a product of its own, which is killed under it and started again on the same port.
    with running() as product:
        key = product.add_site("seen.example")
        with visit(product, key, "/"):
            pass
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.clock.install()
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
        # Else the board may have come back by itself before the button was found.
        page.clock.pause_at(time.time() + 1)
        start_again(product)
        page.get_by_role("button", name="Try now").click()
        page.clock.resume()
        expect(page.locator("#board[data-state=live]")).to_be_visible(timeout=5_000)
        context.close()
