"""The main job, end to end: paste the snippet, see people live, find their visits in Postgres and admin.

Real Chromium on both sides, the whole product as `manage.py up` starts it, once at its own port and once
behind Debian's nginx. Nothing here is a stand-in but the two host pages.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.browser import AGENT, Complaints, visitor
from tests.nginx import start_nginx
from tests.peer import HttpPeer

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"
WITHIN = 1000.0  # ms, from a page's opening or closing to the board
# When the page was there (Unix time, ms): its document read, deferred scripts about to have run, and half a
# second gone by, which makes it a page view.
THERE = (
    "500 + performance.timeOrigin + performance.getEntriesByType('navigation')[0].domContentLoadedEventStart"
)
# Notes down when the board's figures change, by the clock that every process here shares.
NOTE = """() => {
    window.noted = [];
    for (const name of ['tabs', 'visitors']) {
        const figure = document.querySelector(`[data-figure=${name}]`);
        const note = () => noted.push({name, value: figure.textContent, at: Date.now()});
        new MutationObserver(note).observe(figure, {childList: true, characterData: true, subtree: true});
        note();
    }
}"""
# An ordinary site: a link from one page to the next, and a policy that names Footfall.
SHOP = '<h1>Shop</h1><a id="docs" href="/docs">Docs</a><div style="height: 3000px"></div>'
# A single-page app: its link changes the path without a load.
DOCS = '<h1>Docs</h1><a id="install" href="/docs/install">Install</a><script src="/app.js"></script>'
APP = """
document.querySelector('#install').addEventListener('click', event => {
    event.preventDefault();
    history.pushState(null, '', event.target.href);
    document.title = 'Install';
});
"""


@pytest.fixture(scope="module")
def browser(whole_browser: Browser) -> Browser:
    """Visitors come in it, too."""
    return whole_browser


@pytest.fixture(scope="module")
def product(footfall: Product) -> Product:
    return footfall


@pytest.fixture(params=["its own port", "nginx"])
def address(request: pytest.FixtureRequest, product: Product) -> Iterator[str]:
    """Where visitors and staff reach the product."""
    if request.param == "nginx":
        with start_nginx(product.port) as nginx:
            yield f"http://127.0.0.1:{nginx.port}"
            log = nginx.log()
            assert "[error]" not in log
            assert "[warn]" not in log
    else:
        yield product.url


@pytest.fixture
def key(product: Product, host: HttpPeer, address: str) -> str:
    """The key of a new site; its two pages carry the snippet."""
    key = product.add_site("shop.example", "127.0.0.1")
    tag = f'<script defer src="{address}/t.js" data-site="{key}"></script>'
    sockets = address.replace("http", "ws")
    policy = (
        f"default-src 'self'; script-src 'self' {address}; connect-src {sockets}; style-src 'unsafe-inline'"
    )
    host.put("/shop", f"<title>Shop</title>{tag}", SHOP, content_security_policy=policy)
    host.put("/docs", f"<title>Docs</title>{tag}", DOCS, content_security_policy=policy)
    host.scripts["/app.js"] = APP
    return key


@contextmanager
def opened(browser: Browser, agent: str = AGENT) -> Iterator[Page]:
    """A page of somebody who was never here, and who sees nothing to complain about."""
    with visitor(browser, user_agent=agent) as context:
        page = context.new_page()
        complaints = Complaints.of(page)
        yield page
        assert complaints.heard == []


def log_in(page: Page, address: str, path: str, password: str) -> None:
    """Through the login page, to where it was asked for."""
    page.goto(address + path)
    expect(page).to_have_url(re.compile("/login/"))
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(address + path)


def behind(board: Page, name: str, value: str, began: float) -> float:
    """How many ms after `began` (Unix time, ms) the board showed that value."""

    def shown() -> list[float]:
        noted = board.evaluate("noted")
        return [note["at"] for note in noted if (note["name"], note["value"]) == (name, value)]

    return wait_for(lambda: [at for at in shown() if at >= began - 1], 5, f"{name} = {value}")[0] - began


def now() -> float:
    return time.time() * 1000


@pytest.mark.alone
def test_the_main_job(
    product: Product,
    address: str,
    key: str,
    host: HttpPeer,
    browser: Browser,
    record_property: Callable[..., None],
) -> None:
    lags: dict[str, float] = {}
    with opened(browser) as board:
        log_in(board, address, f"/sites/{key}/", product.password)
        expect(board.get_by_text("Waiting for the first visit")).to_be_visible()
        expect(board.locator(".snippet code")).to_contain_text(f'data-site="{key}"')
        board.evaluate(NOTE)

        with opened(browser) as one, opened(browser, FIREFOX) as two:
            # The first page turns the instructions into the board.
            one.goto(host.url + "/shop")
            lags["open"] = behind(board, "visitors", "1", one.evaluate(THERE))
            expect(board.get_by_text("Waiting for the first visit")).to_be_hidden()

            two.goto(host.url + "/docs")
            lags["second"] = behind(board, "visitors", "2", two.evaluate(THERE))
            assert rows(board, "pages") == {"/shop": "1", "/docs": "1"}
            assert rows(board, "browsers") == {"Chrome": "1", "Firefox": "1"}

            # In a single-page app the row moves, and nobody comes or goes.
            two.click("#install")
            wait_for(lambda: rows(board, "pages") == {"/shop": "1", "/docs/install": "1"}, 2)

            # The link leads to a real load; the way back through the back/forward cache.
            one.mouse.wheel(0, 1500)
            one.evaluate("addEventListener('pageshow', event => { window.persisted = event.persisted })")
            one.click("#docs")
            one.wait_for_url(host.url + "/docs")
            wait_for(lambda: rows(board, "pages") == {"/docs": "1", "/docs/install": "1"}, 2)
            called = now()
            one.go_back(wait_until="commit")
            assert one.evaluate("window.persisted") is True
            wait_for(lambda: rows(board, "pages") == {"/shop": "1", "/docs/install": "1"}, 2)
            figures = {
                name: board.locator(f"[data-figure={name}]").inner_text() for name in ("tabs", "visitors")
            }
            assert figures == {"tabs": "2", "visitors": "2"}

            # The engaged time of the page that came back is the time that it is looked at.
            back = now()
            one.mouse.move(200, 200)
            one.wait_for_timeout(1200)
            ended = now()
            one.close()
            lags["close"] = behind(board, "visitors", "1", ended)
            looked_at = (ended - back, ended - called)
            ended = now()
            two.close()
            lags["last"] = behind(board, "visitors", "0", ended)

        expect(board.get_by_text("Nobody here right now")).to_be_visible()
        report(product, board, address, key)

    print({name: round(lag) for name, lag in lags.items()})
    record_property("lags_ms", lags)
    assert max(lags.values()) <= WITHIN
    stored(product, key, looked_at)


def test_where_the_host_forbids_sockets_people_are_counted_by_post(
    product: Product, host: HttpPeer, browser: Browser
) -> None:
    key = product.add_site("posts.example", "127.0.0.1")
    tag = f'<script defer src="{product.url}/t.js" data-site="{key}"></script>'
    policy = f"connect-src {product.url}"  # and no ws://
    host.put("/posting", f"<title>Posting</title>{tag}", SHOP, content_security_policy=policy)
    with opened(browser) as board, visitor(browser) as context:
        log_in(board, product.url, f"/sites/{key}/", product.password)
        page = context.new_page()
        page.goto(host.url + "/posting")
        wait_for(lambda: rows(board, "pages") == {"/posting": "1"}, 15)
        page.evaluate("history.pushState(null, '', '/posting/more')")
        page.evaluate("footfall('signup', {plan: 'pro'}, 12.5)")
        wait_for(lambda: rows(board, "pages") == {"/posting/more": "1"}, 5)
        wait_for(lambda: product.rows("SELECT 1 FROM tracker_event WHERE value = 12.5"), 5)
        page.goto("about:blank")
        expect(board.get_by_text("Nobody here right now")).to_be_visible()
    views = product.rows(
        "SELECT v.* FROM tracker_pageview v JOIN tracker_site s ON s.id = v.site_id"
        " WHERE s.key = %s ORDER BY v.began_at",
        key,
    )
    assert [view["path"] for view in views] == ["/posting", "/posting/more"]
    assert all(view["ended_at"] and view["engaged_ms"] for view in views)


def rows(board: Page, name: str) -> dict[str, str]:
    """A list of the board, as it is shown."""
    shown = board.locator(f"[data-list={name}] .row:not(.gone)")
    return dict(
        shown.evaluate_all(
            "rows => rows.map(row => ['.name', '.figure'].map(part => row.querySelector(part).textContent))"
        )
    )


def report(product: Product, page: Page, address: str, key: str) -> None:
    """The same staff member finds it in the admin's report."""
    (site,) = product.rows("SELECT id FROM tracker_site WHERE key = %s", key)
    page.goto(f"{address}/admin/tracker/site/{site['id']}/report/?range=today")
    cards = dict(
        page.locator(".cards > div").evaluate_all(
            "cards => cards.map(card => ['dt', '.value'].map(part => card.querySelector(part).textContent))"
        )
    )
    assert {name: cards[name] for name in ("Daily visitors", "Visits", "Page views")} == {
        "Daily visitors": "2",
        "Visits": "2",
        "Page views": "5",
    }
    pages = page.locator(".list-pages tbody tr").evaluate_all(
        "rows => rows.map(row => [row.cells[0].textContent.trim(), row.cells[1].textContent])"
    )
    assert sorted(pages) == [["/docs", "2"], ["/docs/install", "1"], ["/shop", "2"]]


def stored(product: Product, key: str, looked_at: tuple[float, float]) -> None:
    """What Postgres holds: five page views in two visits, all ended; the last was looked at so long (ms)."""
    views = product.rows(
        "SELECT v.* FROM tracker_pageview v JOIN tracker_site s ON s.id = v.site_id"
        " WHERE s.key = %s ORDER BY v.began_at",
        key,
    )
    assert [view["path"] for view in views] == ["/shop", "/docs", "/docs/install", "/docs", "/shop"]
    assert [view["title"] for view in views] == ["Shop", "Docs", "Install", "Docs", "Shop"]
    assert all(view["ended_at"] >= view["began_at"] for view in views)
    assert {view["width"] for view in views} == {1280}
    assert len({view["visit_id"] for view in views}) == len({view["visitor"] for view in views}) == 2
    first, *_, last = views
    assert first["depth"] > last["depth"] > 0
    least, most = looked_at
    assert least - 50 <= last["engaged_ms"] <= most
    seconds = (last["ended_at"] - last["began_at"]).total_seconds()
    assert last["engaged_ms"] <= seconds * 1000 + 50
