"""Where sockets are blocked: the same by POST, presence as a lease."""

import pytest
from playwright.sync_api import Page

from scripts.stands.waiting import wait_for
from tests.browser import Complaints
from tests.guest import pass_time, quiet_for, stop_clock, tag
from tests.peer import HttpPeer, Message, SocketPeer


@pytest.fixture
def posted(host: HttpPeer, page: Page) -> Message:
    """The first page view on a page whose host lets no socket through; time is the tests'."""
    host.put("/a", tag(host))
    stop_clock(page)
    page.goto(host.url + "/a")
    pass_time(page, lambda: host.heard.of("page"))
    return host.heard.of("page")[0]


def test_where_sockets_are_blocked_the_same_is_posted(host: HttpPeer, page: Page, posted: Message) -> None:
    assert host.attempts == ["GET", "GET", "POST"]
    assert "e" not in posted
    assert host.headers[0]["content-type"].startswith("text/plain")
    assert "cookie" not in host.headers[0]
    page.evaluate("footfall('signup')")
    page.clock.run_for(10)
    (event,) = host.heard.wait("event")
    assert event["id"] == posted["id"]


def test_a_lease_is_renewed_every_ten_seconds_by_the_same_page(
    host: HttpPeer, page: Page, posted: Message
) -> None:
    # From when it was said, which is some steps ago; and well within the lease of 25 s.
    assert 5_000 <= pass_time(page, lambda: len(host.heard.of("page")) == 2) < 25_000
    again = host.heard.of("page")[1]
    assert again == {**posted, "e": again["e"], "d": again["d"]}
    assert host.attempts.count("GET") == 2


def test_a_page_view_that_was_posted_ends_by_message(host: HttpPeer, page: Page, posted: Message) -> None:
    quiet_for(page, 100)
    page.evaluate("history.pushState(null, '', '/b')")
    page.clock.run_for(10)
    second = host.heard.wait("page", 2)[1]
    (end,) = host.heard.wait("end")
    assert end["id"] == posted["id"]
    quiet_for(page, 100)
    page.goto(host.put("/c", "<p>elsewhere</p>"))
    assert host.heard.wait("end", 2)[1]["id"] == second["id"]


@pytest.mark.parametrize("status", [400, 403, 413, 429])
def test_a_post_that_is_not_wanted_is_never_repeated(
    host: HttpPeer, page: Page, complaints: Complaints, status: int
) -> None:
    host.put("/a", tag(host))
    host.status = status
    stop_clock(page)
    page.goto(host.url + "/a")
    pass_time(page, lambda: "POST" in host.attempts)
    quiet_for(page, 100)
    page.clock.run_for(600_000)
    page.goto(host.put("/c", "<p>elsewhere</p>"))
    quiet_for(page)
    assert host.attempts == ["GET", "GET", "POST"]
    assert complaints.take(f"warning: {host.url}/live/k3y ") == [str(status)]


def test_a_visitor_who_leaves_before_any_connection_is_counted_by_a_beacon(
    peer: SocketPeer, host: HttpPeer, page: Page
) -> None:
    host.put("/a", tag(host))
    page.goto(host.url + "/a")
    wait_for(lambda: host.attempts)
    page.goto(host.put("/c", "<p>elsewhere</p>"))
    (said,) = host.heard.wait("page")
    (end,) = host.heard.wait("end")
    assert said["id"] == end["id"]
    assert "e" not in said
