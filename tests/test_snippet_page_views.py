"""When the snippet begins a page view, and what it says of it."""

import time

import pytest
from playwright.sync_api import BrowserContext, Page

from scripts.stands.waiting import wait_for
from tests.browser import Complaints, unwatched, visitor
from tests.guest import UUID4, quiet_for, tag, title_of
from tests.peer import HttpPeer, SocketPeer


def test_a_page_view_begins_with_what_the_contract_names(
    peer: SocketPeer, host: HttpPeer, page: Page
) -> None:
    host.put("/from", '<a href="/a?utm_source=mail#part">on</a>')
    url = host.put("/a", tag(peer, title="Päge"))
    page.goto(host.url + "/from")
    page.click("a")
    (said,) = peer.heard.wait("page")
    assert UUID4.fullmatch(said.pop("id"))
    assert said == {
        "t": "page",
        "u": url + "?utm_source=mail#part",
        "r": host.url + "/from",
        "ti": "Päge",
        "w": 1280,
        "l": "en-US",
        "z": "UTC",
    }


def test_a_page_without_https_gets_an_id_too(
    peer: SocketPeer, host: HttpPeer, context: BrowserContext
) -> None:
    host.put("/a", tag(peer))
    with visitor(context.browser, extra_http_headers={}) as other:  # type: ignore[arg-type]
        page = other.new_page()
        page.add_init_script("delete Crypto.prototype.randomUUID")
        page.goto(host.url + "/a")
        assert UUID4.fullmatch(peer.heard.wait("page")[0]["id"])


def test_over_long_urls_and_titles_are_cut_and_a_frame_stays_small(
    peer: SocketPeer, host: HttpPeer, page: Page
) -> None:
    host.put("/a", tag(peer, title="\U0001f600" * 200 + "x"))
    host.put("/from", f"<a href='/a?{'b' * 5000}'>on</a>", referrer_policy="unsafe-url")
    page.goto(host.url + "/from?" + "é" * 600)
    page.click("a")
    (said,) = peer.heard.wait("page")
    assert (len(said["u"]), len(said["r"])) == (2048, 2048)
    assert len(said["ti"].encode("utf-16-le")) == 2 * 256
    assert max(peer.heard.sizes) <= 8192


@pytest.mark.parametrize(
    ("script", "counted"),
    [
        ("history.pushState(null, '', '/b')", True),
        ("history.pushState(null, '', '/a?q=2')", True),
        ("history.pushState(null, '', '/a?q=1#there')", False),
        ("history.pushState({changed: 1}, '')", False),
        ("history.replaceState(null, '', '/b')", True),
        ("history.replaceState(null, '', '/a?q=2')", False),
        ("location.hash = 'there'", False),
    ],
)
def test_a_navigation_inside_the_page_counts_when_it_leads_elsewhere(
    peer: SocketPeer, host: HttpPeer, page: Page, script: str, counted: bool
) -> None:
    host.put("/a", tag(peer))
    page.goto(host.url + "/a?q=1")
    (first,) = peer.heard.wait("page")
    page.evaluate(script)
    if not counted:
        quiet_for(page)
        assert len(peer.heard.of("page")) == 1
        return
    second = peer.heard.wait("page", 2)[1]
    assert second["u"] == page.url
    assert second["r"] == host.url + "/a?q=1"
    assert second["id"] != first["id"]
    assert "e" not in second
    kinds = [(message["t"], message["id"]) for _, message in peer.heard.frames]
    # The one before is told its last figures; one socket carries them all.
    assert kinds == [("page", first["id"]), ("state", first["id"]), ("page", second["id"])]
    assert len(peer.heard.opened_at) == 1


def test_going_back_inside_the_page_counts(peer: SocketPeer, host: HttpPeer, page: Page) -> None:
    host.put("/a", tag(peer))
    page.goto(host.url + "/a")
    peer.heard.wait("page")
    page.evaluate("history.pushState(null, '', '/b')")
    peer.heard.wait("page", 2)
    page.evaluate("history.back()")
    third = peer.heard.wait("page", 3)[2]
    assert (third["u"], third["r"]) == (host.url + "/a", host.url + "/b")


ROUTER = """<main>one</main><script>
    navigation.addEventListener("navigate", (event) => {
        const name = new URL(event.destination.url).pathname.slice(1);
        event.intercept({handler: async () => {
            document.querySelector("main").textContent = name;
            await new Promise((done) => setTimeout(done, 150));
            document.title = name;
        }});
    });
</script><a id="on" href="/two">on</a>"""


def test_a_router_on_the_navigation_api_counts(peer: SocketPeer, host: HttpPeer, page: Page) -> None:
    host.put("/one", tag(peer, title="one") + ROUTER)
    page.goto(host.url + "/one")
    peer.heard.wait("page")
    page.click("#on")
    second = peer.heard.wait("page", 2)[1]
    wait_for(lambda: title_of(peer, second) == "two")
    # What is only replaced is another page where its path is another.
    page.evaluate("navigation.navigate('/two?sort=up', {history: 'replace'}).finished")
    page.evaluate("navigation.navigate('/three', {history: 'replace'}).finished")
    third = peer.heard.wait("page", 3)[2]
    wait_for(lambda: title_of(peer, third) == "three")
    page.evaluate("navigation.back().finished")
    views = peer.heard.wait("page", 4)
    assert [view["u"].removeprefix(host.url) for view in views] == ["/one", "/two", "/three", "/one"]
    assert [view["r"].removeprefix(host.url) for view in views] == ["", "/one", "/two?sort=up", "/three"]
    wait_for(lambda: [title_of(peer, view) for view in views] == ["one", "two", "three", "one"])


def test_several_navigations_in_one_task_count_once(peer: SocketPeer, host: HttpPeer, page: Page) -> None:
    host.put("/a", tag(peer))
    page.goto(host.url + "/a")
    peer.heard.wait("page")
    page.evaluate("for (const p of ['/b', '/c', '/d']) history.pushState(null, '', p)")
    peer.heard.wait("page", 2)
    page.evaluate("history.pushState(null, '', '/e'); history.replaceState(null, '', '/d')")
    quiet_for(page)
    assert [said["u"] for said in peer.heard.of("page")] == [host.url + "/a", host.url + "/d"]


def test_a_replaced_query_is_what_the_next_page_view_comes_from(
    peer: SocketPeer, host: HttpPeer, page: Page
) -> None:
    host.put("/a", tag(peer))
    page.goto(host.url + "/a")
    peer.heard.wait("page")
    page.evaluate("history.replaceState(null, '', '/a?tab=2')")
    quiet_for(page, 50)
    page.evaluate("history.pushState(null, '', '/a?tab=2')")
    quiet_for(page, 50)
    page.evaluate("history.pushState(null, '', '/b')")
    assert peer.heard.wait("page", 2)[1]["r"] == host.url + "/a?tab=2"


def test_hashes_are_pages_only_where_the_site_says_so(peer: SocketPeer, host: HttpPeer, page: Page) -> None:
    host.put("/a", tag(peer, "data-hash"))
    page.goto(host.url + "/a#/one")
    peer.heard.wait("page")
    page.evaluate("location.hash = '/two'")
    peer.heard.wait("page", 2)
    page.evaluate("history.replaceState(null, '', '#/three')")
    peer.heard.wait("page", 3)
    assert [said["u"].partition("#")[2] for said in peer.heard.of("page")] == ["/one", "/two", "/three"]


def test_the_history_of_the_host_works_as_before(peer: SocketPeer, host: HttpPeer, page: Page) -> None:
    host.put("/a", tag(peer))
    page.goto(host.url + "/a")
    peer.heard.wait("page")
    answers = page.evaluate(
        """() => {
            const answers = [history.pushState({n: 1}, '', '/b'), history.state.n, history.length];
            try { history.pushState(null, '', 'https://else.example/') } catch (e) { answers.push(e.name) }
            try { history.replaceState(() => 0, '') } catch (e) { answers.push(e.name) }
            try { history.pushState() } catch (e) { answers.push(e.name) }
            return answers
        }"""
    )
    assert answers == [None, 1, 3, "SecurityError", "DataCloneError", "TypeError"]


def test_leaving_says_the_last_state_and_closes_the_socket(
    peer: SocketPeer, host: HttpPeer, page: Page
) -> None:
    host.put("/a", tag(peer))
    page.goto(host.url + "/a")
    (said,) = peer.heard.wait("page")
    page.goto("about:blank")
    peer.heard.wait_closed(0)
    (last,) = peer.heard.of("state")
    assert (last["id"], last["s"], last["d"]) == (said["id"], "hidden", 100)
    assert last["e"] > 0


def test_a_return_from_the_back_forward_cache_is_a_new_page_view(
    peer: SocketPeer, host: HttpPeer, whole_page: Page
) -> None:
    host.put("/from", '<a href="/a">on</a>')
    host.put("/a", tag(peer))
    whole_page.goto(host.url + "/from")
    whole_page.click("a")
    peer.heard.wait("page")
    whole_page.evaluate("addEventListener('pageshow', event => { window.persisted = event.persisted })")
    whole_page.goto(host.put("/b", "<p>b</p>"))
    peer.heard.wait_closed(0)
    whole_page.go_back(wait_until="commit")
    first, second = peer.heard.wait("page", 2)
    assert whole_page.evaluate("window.persisted") is True
    assert second["id"] != first["id"]
    # It came about by “back”: not from outside again.
    assert first["r"] == host.url + "/from"
    assert second["r"] == ""
    assert {**second, "id": first["id"], "r": first["r"]} == first
    assert len(peer.heard.opened_at) == 2


def test_the_key_may_stand_in_the_address(host: HttpPeer, page: Page) -> None:
    host.put("/a", f'<script defer src="{host.url}/t.js?site=k3y"></script>')
    page.goto(host.url + "/a")
    wait_for(lambda: host.attempts)
    page.goto(host.put("/b", "<p>elsewhere</p>"))
    assert host.heard.wait("page")[0]["u"] == host.url + "/a"


def test_a_snippet_without_a_key_says_so_in_the_console(
    peer: SocketPeer, host: HttpPeer, page: Page, complaints: Complaints
) -> None:
    host.put("/a", f'<script defer src="{peer.url}/t.js"></script>')
    peer.close_with = 4403  # as for every key that no site has
    page.goto(host.url + "/a")
    wait_for(lambda: page.evaluate("true") and complaints.heard)
    assert complaints.take(f"warning: {peer.url}/live/undefined ") == ["4403"]


@pytest.mark.parametrize(
    "mark", ["Object.defineProperty(navigator, 'webdriver', {value: true})", "Cypress = {}"]
)
@pytest.mark.parametrize(("attributes", "counted"), [("", False), ("data-automation", True)])
def test_a_browser_under_test_is_left_out_unless_the_site_wants_it(
    peer: SocketPeer, host: HttpPeer, page: Page, attributes: str, counted: bool, mark: str
) -> None:
    host.put("/a", tag(peer, attributes))
    page.add_init_script(mark)
    page.goto(host.url + "/a")
    if counted:
        peer.heard.wait("page")
    else:
        quiet_for(page, 800)
        assert peer.heard.opened_at == []


def test_a_prerendered_page_waits_until_it_is_shown(peer: SocketPeer, host: HttpPeer) -> None:
    rules = '{"prerender": [{"urls": ["/next"], "eagerness": "immediate"}]}'
    host.put("/next", tag(peer) + "<script>fetch(document.prerendering ? '/before' : '/at-once')</script>")
    go = "<script>fetch('/wait').then(() => { location.href = '/next' })</script>"
    host.put("/a", f'<script type="speculationrules">{rules}</script>' + go)
    host.held.clear()
    with unwatched(host.url + "/a"):
        wait_for(lambda: "/before" in host.asked, 20, "the prerendering")
        # Long enough for a socket that should not be there.
        time.sleep(0.5)
        assert peer.heard.opened_at == []
        host.held.set()
        (said,) = peer.heard.wait("page")
    assert (said["u"], said["r"]) == (host.url + "/next", host.url + "/a")
    assert "/at-once" not in host.asked
