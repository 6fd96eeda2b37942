"""The snippet in single-page apps, with the libraries that people build them with, in a real Chromium."""

import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page

from scripts.stands.checkout import ROOT
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.guest import quiet_for, tag, title_of
from tests.peer import HttpPeer, Message, SocketPeer

APPS = ROOT / "tests" / "apps"
NAMES = ("vue", "react", "turbo", "htmx", "vitals")
TALL = '<div style="height: 4000px"></div>'
BARE = "<style>body { margin: 0 }</style>"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The apps' scripts, with their libraries in them."""
    subprocess.run([ROOT / "scripts" / "build-packages"], check=True)
    folder = tmp_path_factory.mktemp("apps")
    subprocess.run(
        [
            ROOT / "node_modules" / ".bin" / "esbuild",
            *(APPS / f"{name}.js" for name in NAMES),
            *("--bundle", "--minify", "--format=iife", "--log-level=error", f"--outdir={folder}"),
            '--define:process.env.NODE_ENV="production"',
            "--define:__VUE_OPTIONS_API__=true",
            "--define:__VUE_PROD_DEVTOOLS__=false",
            "--define:__VUE_PROD_HYDRATION_MISMATCH_DETAILS__=false",
        ],
        check=True,
        cwd=ROOT,
    )
    return {name: (Path(folder) / f"{name}.js").read_text() for name in NAMES}


@pytest.fixture
def apps(host: HttpPeer, bundles: dict[str, str]) -> HttpPeer:
    """A host that has the apps' scripts."""
    for name, script in bundles.items():
        host.scripts[f"/{name}.js"] = script
    return host


def depth_of(peer: SocketPeer, page_view: Message) -> int:
    """Its depth, as far as it was said."""
    said = [state for state in peer.heard.of("state") if state["id"] == page_view["id"]]
    return int(said[-1]["d"])


@pytest.mark.parametrize("library", ["vue", "react", "turbo", "htmx"])
def test_page_views_get_the_titles_that_follow_there_and_back(
    peer: SocketPeer, apps: HttpPeer, page: Page, library: str
) -> None:
    name = library.capitalize()
    script = f'<script defer src="/{library}.js"></script>'
    way = 'hx-push-url="true" hx-target="main" hx-select="main"'

    def link(to: str) -> str:
        return f'<main><a id="on" href="{to}" hx-get="{to}" {way}>on</a></main><div id="app"></div>'

    for path, title, to in (("", "one", "/two"), ("/two", "two", "")):
        # The frameworks' titles come by script; what is served has none of its own.
        served = f"{name} {title}" if library in ("turbo", "htmx") else "loading"
        body = link(f"/{library}{to}") if library in ("turbo", "htmx") else '<div id="app"></div>'
        apps.put(f"/{library}{path}", tag(peer, title=served) + script, body)
    page.goto(f"{apps.url}/{library}")
    (first,) = peer.heard.wait("page")
    wait_for(lambda: title_of(peer, first) == f"{name} one")
    page.click("#on")
    second = peer.heard.wait("page", 2)[1]
    wait_for(lambda: title_of(peer, second) == f"{name} two")
    page.go_back()
    third = peer.heard.wait("page", 3)[2]
    wait_for(lambda: title_of(peer, third) == f"{name} one")
    assert [said["u"].removeprefix(apps.url) for said in (first, second, third)] == [
        f"/{library}", f"/{library}/two", f"/{library}",
    ]  # fmt: skip
    # And the one that was left keeps its own.
    assert title_of(peer, first) == f"{name} one"
    assert title_of(peer, second) == f"{name} two"
    assert len(peer.heard.of("page")) == 3


def test_a_title_that_follows_is_stored_while_the_page_is_open(
    footfall: Product, host: HttpPeer, page: Page
) -> None:
    key = footfall.add_site("titles.example", "127.0.0.1")
    snippet = f'<script defer src="{footfall.url}/t.js" data-site="{key}"></script>'
    host.put("/titled", f"<title>one</title>{snippet}")
    page.goto(host.url + "/titled")

    def stored() -> list[tuple[str, str, int]]:
        query = (
            "SELECT path, title, depth FROM tracker_pageview WHERE path LIKE '/titled%%' ORDER BY began_at"
        )
        return [(row["path"], row["title"], row["depth"]) for row in footfall.rows(query)]

    wait_for(lambda: len(stored()) == 1)
    page.evaluate(
        "history.pushState(null, '', '/titled/two'); setTimeout(() => { document.title = 'two' }, 1000)"
    )
    wait_for(lambda: stored() == [("/titled", "one", 100), ("/titled/two", "two", 100)])


def test_the_last_values_of_web_vitals_arrive(peer: SocketPeer, apps: HttpPeer, page: Page) -> None:
    apps.put("/a", tag(apps) + '<script defer src="/vitals.js"></script>', "<button>press</button>")
    page.goto(apps.url + "/a")
    wait_for(lambda: apps.attempts)
    page.click("button")
    page.click("button")
    quiet_for(page, 100)
    page.goto(apps.put("/b", "<p>elsewhere</p>"))
    wait_for(lambda: {"CLS", "INP", "LCP"} <= {event["n"] for event in apps.heard.of("event")})
    (view,) = {said["id"] for said in apps.heard.of("page")}
    # Each once: what a later beacon says again has the same key.
    keys = {event["n"]: set[str]() for event in apps.heard.of("event")}
    for event in apps.heard.of("event"):
        assert event["id"] == view
        keys[event["n"]].add(event["k"])
    assert all(len(of_one) == 1 for of_one in keys.values())


SWAP = "document.body.innerHTML = '<p>short</p>'"
PUSH = "history.pushState(null, '', '/b')"


@pytest.mark.parametrize(
    ("script", "depths"),
    [
        (f"{SWAP}; {PUSH}", (18, 100)),
        (f"{PUSH}; setTimeout(() => {{ {SWAP} }}, 200)", (18, 100)),
        (f"{PUSH}; {SWAP}; setTimeout(() => {{ document.body.innerHTML = tall }}, 700)", (18, 18)),
        (
            f"scrollTo(0, 1280); requestAnimationFrame(() => setTimeout(() => {{ {SWAP}; {PUSH} }}, 50))",
            (50, 100),
        ),
    ],
)
def test_depth_is_of_the_page_view_that_was_scrolled_against_its_own_content(
    peer: SocketPeer, host: HttpPeer, page: Page, script: str, depths: tuple[int, int]
) -> None:
    host.put("/a", tag(peer) + BARE + f"<script>tall = '{TALL}'</script>", TALL)
    page.goto(host.url + "/a")
    peer.heard.wait("page")
    page.evaluate(script)
    first, second = peer.heard.wait("page", 2)
    assert depth_of(peer, first) == depths[0]
    quiet_for(page, 1500)
    page.evaluate("history.pushState(null, '', '/c')")
    peer.heard.wait("page", 3)
    assert depth_of(peer, second) == depths[1]


@pytest.mark.parametrize(("scroll", "depth"), [(0, 18), (1280, 50)])
def test_what_scrolls_in_place_of_the_document_tells_the_depth(
    peer: SocketPeer, host: HttpPeer, page: Page, scroll: int, depth: int
) -> None:
    side = '<nav style="position: absolute; width: 20%; height: 100vh; overflow: auto">' + TALL + "</nav>"
    host.put("/a", tag(peer) + BARE, side + f'<main style="height: 100vh; overflow: auto">{TALL}</main>')
    page.goto(host.url + "/a")
    peer.heard.wait("page")
    page.evaluate(
        f"document.querySelector('nav').scrollTop = 900; document.querySelector('main').scrollTop = {scroll}"
    )
    quiet_for(page, 100)
    page.evaluate(PUSH)
    assert peer.heard.wait("state")[0]["d"] == depth


def test_a_page_that_only_sends_on_is_no_page_view(peer: SocketPeer, host: HttpPeer, page: Page) -> None:
    host.put("/refresh", '<meta http-equiv="refresh" content="0; url=/replace">' + tag(peer))
    host.put(
        "/replace", tag(peer) + "<script>addEventListener('load', () => location.replace('/app'))</script>"
    )
    host.put(
        "/app", tag(peer) + "<script>setTimeout(() => history.replaceState(null, '', '/stays'), 200)</script>"
    )
    page.goto(host.url + "/refresh")
    peer.heard.wait("page")
    quiet_for(page, 700)
    assert [said["u"] for said in peer.heard.of("page")] == [host.url + "/stays"]


def test_a_page_of_the_site_inside_another_is_not_a_second_one(
    peer: SocketPeer, host: HttpPeer, page: Page
) -> None:
    host.put("/inside", tag(peer))
    host.put("/outside", tag(peer), '<iframe src="/inside"></iframe>')
    page.goto(host.url + "/outside")
    peer.heard.wait("page")
    quiet_for(page, 1000)
    assert [said["u"] for said in peer.heard.of("page")] == [host.url + "/outside"]
    # In a page of somebody else's it is one.
    host.put("/else", "", f'<iframe src="{host.url}/inside"></iframe>')
    page.goto(host.url.replace("127.0.0.1", "localhost") + "/else")
    assert peer.heard.wait("page", 2)[1]["u"] == host.url + "/inside"
