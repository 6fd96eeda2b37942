"""The API: `footfall(name, properties, value)`."""

import time

import pytest
from playwright.sync_api import Page

from scripts.stands.waiting import wait_for
from tests.browser import Complaints
from tests.guest import UUID4, quiet_for, tag
from tests.peer import HttpPeer, SocketPeer


def test_events_carry_name_properties_and_value(peer: SocketPeer, host: HttpPeer, page: Page) -> None:
    # Said before the snippet is there: the documented stub keeps it.
    stub = (
        "window.footfall = window.footfall || function () { (footfall.q = footfall.q || []).push(arguments) }"
    )
    host.put("/a", f"<script>{stub}; footfall('early', {{plan: 'pro'}}, 12.5)</script>" + tag(peer))
    page.goto(host.url + "/a")
    (view,) = peer.heard.wait("page")
    page.evaluate("footfall('late')")
    early, late = peer.heard.wait("event", 2)
    assert UUID4.fullmatch(early["k"])
    assert early == {
        "t": "event", "id": view["id"], "k": early["k"], "n": "early", "p": {"plan": "pro"}, "v": 12.5,
    }  # fmt: skip
    assert late == {"t": "event", "id": view["id"], "k": late["k"], "n": "late", "p": {}}


def test_an_event_said_while_leaving_arrives_by_beacon(host: HttpPeer, page: Page) -> None:
    host.put("/a", tag(host))
    page.goto(host.url + "/a")
    # Added after the snippet's own, which has said its last by then.
    page.evaluate("addEventListener('pagehide', () => footfall('INP', {rating: 'good'}, 40))")
    wait_for(lambda: host.attempts)
    page.goto(host.put("/c", "<p>elsewhere</p>"))
    (event,) = host.heard.wait("event")
    (view,) = host.heard.wait("page")
    assert (event["n"], event["v"], event["id"]) == ("INP", 40, view["id"])


def test_what_the_protocol_would_not_take_is_left_out_of_events(
    peer: SocketPeer, host: HttpPeer, page: Page, complaints: Complaints
) -> None:
    host.put("/a", tag(peer))
    page.goto(host.url + "/a")
    peer.heard.wait("page")
    page.evaluate(
        """() => {
            const circle = {}; circle.self = circle;
            footfall('kept', {text: 'a', n: 1, yes: true, circle, list: [1], f: () => 0, s: Symbol()}, '7');
            footfall('long', {
                order: 94001118992231974284, low: -94001118992231974284,
                big: 94001118992231974284n, small: 5n,
                most: 999999999999999, part: 0.1234567890123456, text: '94001118992231974284', not: NaN,
            });
            footfall('many', Object.fromEntries(Array.from({length: 40}, (_, i) => ['k' + i, i])));
            footfall('  ');
            footfall('huge', {text: 'é'.repeat(5000)});
            footfall(Symbol('no name'));
            footfall('throws', {get bad() { throw new Error('host') }});
            footfall('last', null, NaN);
        }"""
    )
    wait_for(lambda: [event["n"] for event in peer.heard.of("event")][-1:] == ["last"])
    kept, long, many, last = peer.heard.of("event")
    assert (kept["p"], kept["v"]) == ({"text": "a", "n": 1, "yes": True}, 7)
    # A number that the protocol does not take is text, with as many digits as JavaScript has of it.
    assert long["p"] == {
        "order": "94001118992231970000", "low": "-94001118992231970000", "big": "94001118992231974284",
        "small": "5", "most": 999999999999999, "part": 0.1234567890123456, "text": "94001118992231974284",
        "not": None,
    }  # fmt: skip
    assert (many["n"], len(many["p"])) == ("many", 40)  # the server takes what it takes
    assert (last["n"], last["v"]) == ("last", None)

    assert complaints.take(f"warning: {peer.url}/live/k3y ") == ["circle"]  # the first of all, once


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("footfall()", ""),
        ("footfall('sale', {props: {plan: 'pro'}})", "props"),
        ("footfall('sale', {items: ['a']})", "items"),
        ("footfall('long', {text: 'a'.repeat(3000)})", "long"),
        ("footfall('sale', {plan: 'pro', missing: undefined}, 9)", None),
    ],
)
def test_the_console_names_what_an_event_lacks_once(
    peer: SocketPeer, host: HttpPeer, page: Page, complaints: Complaints, call: str, told: str | None
) -> None:
    host.put("/a", tag(peer))
    page.goto(host.url + "/a")
    peer.heard.wait("page")
    page.evaluate(f"{call}; {call}; footfall('last')")
    wait_for(lambda: [event["n"] for event in peer.heard.of("event")][-1:] == ["last"])
    heard = [line.strip() for line in complaints.take(f"warning: {peer.url}/live/k3y")]
    assert heard == ([] if told is None else [told])


def test_a_page_that_calls_in_a_loop_stays_below_the_allowed_pace(
    peer: SocketPeer, host: HttpPeer, page: Page, complaints: Complaints
) -> None:
    host.put("/a", tag(peer))
    page.goto(host.url + "/a")
    peer.heard.wait("page")
    began = time.monotonic()
    page.evaluate(
        """async () => {
            for (let i = 0; i < 300; i++) {
                footfall('loop', {i});
                history.pushState(null, '', '/p' + i);
                await new Promise(done => setTimeout(done, 10));
            }
        }"""
    )
    # Of the 20 a second that a server takes, apart from a burst of 100.
    assert len(peer.heard.frames) < 40 + 17 * (time.monotonic() - began)
    # And yet the page that is open in the end is the one that is counted.
    wait_for(lambda: peer.heard.of("page")[-1]["u"] == host.url + "/p299")
    assert complaints.take(f"warning: {peer.url}/live/k3y ") == ["loop"]  # beyond what may wait, once


def test_loaded_twice_it_counts_once(peer: SocketPeer, host: HttpPeer, page: Page) -> None:
    host.put("/a", tag(peer) + tag(peer))
    page.goto(host.url + "/a")
    peer.heard.wait("page")
    page.evaluate("history.pushState(null, '', '/b')")
    peer.heard.wait("page", 2)
    quiet_for(page)
    assert (len(peer.heard.of("page")), len(peer.heard.opened_at)) == (2, 1)
