"""Active, idle, hidden; engaged time and depth; as a real Chromium lives them."""

import pytest
from playwright.sync_api import Page

from tests.browser import unwatched
from tests.guest import pass_time, stay, stop_clock, tag
from tests.peer import HttpPeer, SocketPeer

TALL = '<div style="height: 4000px"></div>'


def test_attention_goes_idle_and_comes_back(peer: SocketPeer, host: HttpPeer, page: Page) -> None:
    host.put("/a", tag(peer))
    stop_clock(page)
    stay(page, host.url + "/a")
    pass_time(page, lambda: peer.heard.of("page"), 1)
    page.clock.run_for(10_000)
    page.mouse.move(50, 50)
    page.clock.run_for(14_000)
    assert peer.heard.of("state") == []
    page.clock.run_for(60_000)
    (idle,) = peer.heard.wait("state")
    assert idle["s"] == "idle"
    assert idle["e"] == pytest.approx(25_000, abs=500)
    page.keyboard.press("a")
    active = peer.heard.wait("state", 2)[1]
    assert (active["s"], active["e"]) == ("active", idle["e"])


def test_a_laptop_that_slept_was_not_engaged(peer: SocketPeer, host: HttpPeer, page: Page) -> None:
    host.put("/a", tag(peer))
    stop_clock(page)
    stay(page, host.url + "/a")
    pass_time(page, lambda: peer.heard.of("page"), 1)
    # All at once: no timer ran in these ten minutes.
    page.clock.fast_forward("10:00")
    page.mouse.move(50, 50)
    page.evaluate("history.pushState(null, '', '/b')")
    page.clock.run_for(100)
    peer.heard.wait("page", 2)
    assert peer.heard.of("state")[-1]["e"] == pytest.approx(15_000, abs=500)


def test_a_tab_in_the_background_is_hidden(peer: SocketPeer, host: HttpPeer) -> None:
    host.put("/a", tag(peer) + "<script>setTimeout(() => open('/front'), 2000)</script>")
    host.put("/front", "<script>setTimeout(close, 1000)</script>")
    with unwatched(host.url + "/a"):
        hidden, active = peer.heard.wait("state", 2, 20)
    assert (hidden["s"], active["s"]) == ("hidden", "active")
    assert 0 < hidden["e"] < 5_000
    # Nothing was added while the other tab lay in front.
    assert active["e"] == hidden["e"]


@pytest.mark.parametrize(("body", "scroll", "depth"), [("short", 0, 100), (TALL, 0, 18), (TALL, 1280, 50)])
def test_the_deepest_scroll_is_reported(
    peer: SocketPeer, host: HttpPeer, page: Page, body: str, scroll: int, depth: int
) -> None:
    host.put("/a", tag(peer) + "<style>body { margin: 0 }</style>", body)
    page.goto(host.url + "/a")
    peer.heard.wait("page")
    page.evaluate(
        f"new Promise(done => {{ scrollTo(0, {scroll}); requestAnimationFrame(() => setTimeout(done)) }})"
    )
    page.evaluate("new Promise(done => { scrollTo(0, 0); requestAnimationFrame(() => setTimeout(done)) })")
    page.evaluate("history.pushState(null, '', '/b')")
    assert peer.heard.wait("state")[0]["d"] == depth
