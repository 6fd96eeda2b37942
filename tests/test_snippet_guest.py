"""The snippet as a guest: who is not counted, what is not kept, and hosts of every kind undisturbed."""

import gzip

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser import Complaints
from tests.guest import quiet_for, stop_clock, tag
from tests.peer import SNIPPET, HttpPeer, SocketPeer


@pytest.mark.parametrize(
    ("attributes", "script"),
    [
        ("", "localStorage.footfall = 'ignore'"),
        ("data-dnt", "Object.defineProperty(navigator, 'doNotTrack', {value: '1'})"),
        ("data-dnt", "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})"),
    ],
)
def test_whoever_opted_out_is_not_counted(
    peer: SocketPeer, host: HttpPeer, page: Page, attributes: str, script: str
) -> None:
    host.put("/a", tag(peer, attributes))
    page.add_init_script(script)
    page.goto(host.url + "/a")
    page.evaluate("footfall('signup')")
    page.evaluate("history.pushState(null, '', '/b')")
    quiet_for(page)
    assert peer.heard.opened_at == []


def test_opting_out_by_signal_counts_only_where_the_site_asks_for_it(
    peer: SocketPeer, host: HttpPeer, page: Page
) -> None:
    host.put("/a", tag(peer))
    page.add_init_script("Object.defineProperty(navigator, 'doNotTrack', {value: '1'})")
    page.goto(host.url + "/a")
    peer.heard.wait("page")


def test_nothing_is_kept_in_the_browser(peer: SocketPeer, host: HttpPeer, page: Page) -> None:
    host.put("/a", tag(peer))
    page.goto(host.url + "/a")
    peer.heard.wait("page")
    page.evaluate("footfall('signup')")
    peer.heard.wait("event")
    bases = "indexedDB.databases().then(all => all.length)"
    kept = page.evaluate(
        f"Promise.all([document.cookie, localStorage.length, sessionStorage.length, {bases}])"
    )
    assert kept == ["", 0, 0, 0]
    assert page.context.cookies() == []


def test_it_works_under_a_strict_policy_that_names_it(peer: SocketPeer, host: HttpPeer, page: Page) -> None:
    sockets = peer.url.replace("http", "ws")
    policy = (
        f"default-src 'none'; script-src {peer.url}; connect-src {sockets}; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    host.put("/a", tag(peer), content_security_policy=policy)
    page.goto(host.url + "/a")
    peer.heard.wait("page")
    page.goto("about:blank")
    peer.heard.wait_closed(0)
    assert [state["s"] for state in peer.heard.of("state")] == ["hidden"]


def test_a_policy_that_forbids_it_hears_of_it_twice_and_never_again(
    peer: SocketPeer, host: HttpPeer, context: BrowserContext
) -> None:
    policy = f"default-src 'none'; script-src {peer.url}"
    host.put("/a", tag(peer), content_security_policy=policy)
    page = context.new_page()
    complaints = Complaints.of(page)
    page.add_init_script(
        "window.broken = [];"
        "addEventListener('securitypolicyviolation', event => broken.push(event.blockedURI), true)"
    )
    stop_clock(page)
    page.goto(host.url + "/a")
    for _ in range(60):
        page.clock.run_for(10_000)
    quiet_for(page)
    address = peer.url.removeprefix("http") + "/live/k3y"
    assert page.evaluate("broken") == ["ws" + address, "http" + address]
    assert [line for line in complaints.heard if line.startswith("uncaught")] == []


@pytest.mark.parametrize(
    "script",
    [
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no') }})",
        "Object.freeze(History.prototype); Object.freeze(history)",
        "Object.freeze(Object.prototype); Object.freeze(Array.prototype); Object.freeze(Function.prototype)",
        "Object.defineProperty(window, 'footfall', {value: 1, writable: false})",
        "Object.prototype.polluted = function () {}; Array.prototype.more = 1",
        "delete Navigator.prototype.sendBeacon; delete window.fetch",
        "Error.prototype.toString = () => { throw 1 }",
        "Array.prototype.toJSON = () => 'an array'",
        "addEventListener('load', () => { JSON.stringify = () => 'mine' })",
        """addEventListener('DOMContentLoaded', () => {
            document.body.innerHTML = '<form name="title"></form><img name="referrer"><a id="navigation"></a>'
        })""",
    ],
)
def test_a_strange_host_is_counted_and_not_disturbed(
    peer: SocketPeer, host: HttpPeer, page: Page, script: str
) -> None:
    host.put("/a", tag(peer))
    page.add_init_script(script)
    page.goto(host.url + "/a")
    peer.heard.wait("page")
    page.evaluate("history.pushState(null, '', '/b')")
    page.goto("about:blank")
    peer.heard.wait_closed(0)


@pytest.mark.parametrize(
    "script",
    [
        "window.WebSocket = function () { throw new DOMException('no') }; delete window.fetch",
        "delete window.WebSocket; window.fetch = () => { throw new Error('no') }",
        "delete window.crypto; Object.defineProperty(window, 'crypto', {get() { throw 1 }})",
        "window.addEventListener = () => { throw new Error('no') }",
        "Object.defineProperty(document, 'title', {get() { throw new Error('no') }})",
        "Intl.DateTimeFormat = () => { throw new Error('no') }",
        "window.setTimeout = () => { throw new Error('no') }",
    ],
)
def test_a_host_that_breaks_what_it_needs_notices_nothing(
    peer: SocketPeer, host: HttpPeer, page: Page, script: str
) -> None:
    host.put("/a", tag(peer))
    page.add_init_script(script)
    page.goto(host.url + "/a")
    page.evaluate("window.footfall && footfall('signup')")
    page.evaluate("history.pushState(null, '', '/b')")
    page.mouse.move(10, 10)
    quiet_for(page)
    page.goto("about:blank")


def test_starting_takes_less_than_a_millisecond(peer: SocketPeer, host: HttpPeer, page: Page) -> None:
    rows = "".join(f"<p>{n} <b>word</b></p>" for n in range(3000))
    host.put("/a", "<title>A page</title>", rows)
    page.goto(host.url + "/a")
    took = page.evaluate(
        """async url => {
            const source = await (await fetch(url)).text();
            const times = [];
            for (let i = 0; i < 15; i++) {
                const script = document.createElement('script');
                script.dataset.site = 'k3y';
                const end = 'window.took = performance.now() - began';
                script.text = `{ const began = performance.now(); ${source}; ${end} }`;
                Object.defineProperty(script, 'src', {value: url});
                delete window.footfall;
                document.body.append('dirty');
                document.head.append(script);
                times.push(window.took);
            }
            return times.sort((a, b) => a - b);
        }""",
        host.url + "/t.js",
    )
    print("start, ms:", took)
    assert took[len(took) // 2] <= 1.0


def test_the_built_snippet_is_small() -> None:
    assert len(gzip.compress(SNIPPET.read_bytes(), 9)) <= 2048
