"""Over the socket: acknowledged or said again, broken and made again, closed for good."""

import time

import pytest
from playwright.sync_api import Page

from tests.browser import Complaints
from tests.guest import Sockets, pass_time, quiet_for, stay, stop_clock, tag
from tests.peer import HttpPeer, SocketPeer


def test_what_is_acknowledged_is_never_said_again(peer: SocketPeer, host: HttpPeer, page: Page) -> None:
    host.put("/a", tag(peer))
    stop_clock(page)
    sockets = Sockets.of(page)
    stay(page, host.url + "/a")
    pass_time(page, lambda: peer.heard.of("page"), 1)
    page.evaluate("footfall('signup')")
    pass_time(page, lambda: sockets.received == 2, 1)
    page.clock.run_for(120_000)
    quiet_for(page, 100)
    assert [message["t"] for _, message in peer.heard.frames] == ["page", "event", "state"]


def test_without_an_ack_a_page_and_an_event_are_said_again(
    peer: SocketPeer, host: HttpPeer, page: Page
) -> None:
    host.put("/a", tag(peer))
    peer.acking = False
    stop_clock(page)
    sockets = Sockets.of(page)
    stay(page, host.url + "/a")
    pass_time(page, lambda: peer.heard.of("page"), 1)
    page.evaluate("footfall('signup')")
    peer.heard.wait("event")
    page.clock.run_for(9_000)
    quiet_for(page, 100)
    assert len(peer.heard.of("page")) == 1
    peer.acking = True
    page.clock.run_for(2_000)
    first, again = peer.heard.wait("page", 2)
    assert again == {**first, "e": again["e"], "d": again["d"]}
    assert [event["k"] for event in peer.heard.wait("event", 2)] == [peer.heard.of("event")[0]["k"]] * 2
    pass_time(page, lambda: sockets.received == 2, 1)
    page.clock.run_for(60_000)
    quiet_for(page, 100)
    assert (len(peer.heard.of("page")), len(peer.heard.of("event"))) == (2, 2)


def test_after_a_dropped_connection_the_page_view_goes_on(
    peer: SocketPeer, host: HttpPeer, page: Page
) -> None:
    host.put("/a", tag(peer))
    page.goto(host.url + "/a")
    (first,) = peer.heard.wait("page")
    quiet_for(page, 100)
    peer.drop(4502)
    dropped = time.monotonic()
    again = peer.heard.wait("page", 2)[1]
    assert peer.heard.opened_at[1] - dropped < 1.0
    assert again == {**first, "e": again["e"], "d": again["d"]}
    assert again["e"] > 0


def test_what_was_left_while_offline_is_said_first_and_the_open_page_last(
    peer: SocketPeer, host: HttpPeer, page: Page
) -> None:
    host.put("/a", tag(peer))
    page.goto(host.url + "/a")
    peer.heard.wait("page")
    quiet_for(page, 100)
    peer.refusing = True
    peer.drop(1011)
    peer.heard.wait_closed(0)
    for path in ("/b", "/c"):
        page.evaluate(f"history.pushState(null, '', '{path}')")
        page.evaluate("new Promise(done => setTimeout(done))")
        page.evaluate(f"footfall('at', {{path: '{path}'}})")
    peer.refusing = False
    peer.heard.wait("page", 4, 30)
    heard = [message for number, message in peer.heard.frames if number > 0]
    pages = [message["u"].removeprefix(host.url) for message in heard if message["t"] == "page"]
    assert pages == ["/a", "/b", "/c"]
    events = peer.heard.wait("event", 2)
    assert [(event["p"]["path"], event["id"]) for event in events] == [
        (message["u"].removeprefix(host.url), message["id"]) for message in heard if message["t"] == "page"
    ][1:]


def test_after_half_an_hour_without_a_connection_it_is_a_new_page_view(
    peer: SocketPeer, host: HttpPeer, page: Page
) -> None:
    host.put("/a", tag(peer))
    stop_clock(page)
    sockets = Sockets.of(page)
    stay(page, host.url + "/a")
    pass_time(page, lambda: sockets.received, 1)
    (first,) = peer.heard.of("page")
    # As a laptop that sleeps: the time is gone in one step, and then the socket is found dead.
    page.clock.fast_forward("31:00")
    peer.drop(1011)
    pass_time(page, lambda: sockets.closed, 1)
    pass_time(page, lambda: len(peer.heard.of("page")) > 1, 1_000)
    second = peer.heard.of("page")[1]
    assert second["id"] != first["id"]
    assert {**second, "id": first["id"]} == first


@pytest.mark.parametrize("code", [4400, 4403, 4413, 4429])
def test_a_page_that_is_not_wanted_never_comes_back(
    peer: SocketPeer, host: HttpPeer, page: Page, complaints: Complaints, code: int
) -> None:
    host.put("/a", tag(peer))
    peer.close_with = code
    stop_clock(page)
    sockets = Sockets.of(page)
    stay(page, host.url + "/a")
    pass_time(page, lambda: sockets.closed, 1)
    page.clock.run_for(3_600_000)
    page.evaluate("footfall('signup')")
    # One line for the owner of the site.
    assert complaints.take(f"warning: {peer.url}/live/k3y ") == [str(code)]
    page.goto("about:blank")
    assert len(peer.heard.opened_at) == 1


def test_an_overloaded_server_is_left_alone_for_half_a_minute(
    peer: SocketPeer, host: HttpPeer, page: Page
) -> None:
    host.put("/a", tag(peer))
    peer.close_with = 4503
    stop_clock(page)
    sockets = Sockets.of(page)
    stay(page, host.url + "/a")
    pass_time(page, lambda: sockets.closed, 1)
    page.clock.run_for(29_000)
    quiet_for(page, 100)
    assert len(peer.heard.opened_at) == 1
    assert pass_time(page, lambda: len(peer.heard.opened_at) == 2) < 40_000


def test_a_server_that_is_down_is_asked_ever_more_rarely(
    peer: SocketPeer, host: HttpPeer, page: Page
) -> None:
    host.put("/a", tag(peer))
    stop_clock(page)
    sockets = Sockets.of(page)
    stay(page, host.url + "/a")
    pass_time(page, lambda: sockets.received, 1)
    peer.refusing = True
    peer.drop(1011)
    waits: list[int] = []

    def tried_again() -> bool:
        return len(peer.heard.opened_at) == len(waits) + 2

    for _ in range(6):
        pass_time(page, lambda: sockets.closed == len(waits) + 1, 1)
        waits.append(pass_time(page, tried_again, 250))
    assert min(waits) >= 500
    assert max(waits) < 32_000
    assert sum(waits) > 8_000
