"""A board where no WebSocket comes through: the same snapshots, a request for each; on the whole product."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.stands.product import Product, running
from scripts.stands.waiting import wait_for
from tests.board_sockets import Staff, code_of, dial
from tests.boards import SHOTS, figure, rows, visit
from tests.cast import MAKE_CAST, PASSWORD
from tests.nginx import start_nginx

# What a proxy does that knows HTTP/1.0, or lets pass what it knows.
BLOCKING = {"proxy_set_header Upgrade $footfall_upgrade;": 'proxy_set_header Upgrade "";'}


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running(FOOTFALL_TRUSTED_PROXIES="127.0.0.1", ALLOWED_HOSTS="127.0.0.1,localhost") as made:
        yield made


@pytest.fixture(scope="module")
def keys(product: Product) -> tuple[str, str]:
    seen, strange = product.manage("shell", "--no-imports", "-c", MAKE_CAST).split()
    return seen, strange


@pytest.fixture(scope="module")
def owner(product: Product, keys: tuple[str, str]) -> Staff:
    return Staff(product, "owner")


def ask(
    product: Product,
    path: str,
    staff: Staff | None,
    after: int = 0,
    board: str = "a",
    headers: dict[str, str] | None = None,
) -> tuple[int, Any]:
    """A request of a board: the status, and the snapshot."""
    sent = {"Footfall-Board": board, "Footfall-After": str(after), **(headers or {})}
    if staff:
        sent["Cookie"] = staff.cookies
    request = urllib.request.Request(f"{product.url}/board/{path}", headers=sent)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, None


def ask_until(
    product: Product, path: str, staff: Staff, told: Callable[[dict[str, Any]], bool], after: int = 0
) -> dict[str, Any]:
    """The first snapshot that tells it; every one before is acknowledged by asking for the next."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        _, snapshot = ask(product, path, staff, after)
        if snapshot:
            if told(snapshot):
                return dict(snapshot)
            after = snapshot["seq"]
    raise AssertionError("it was not told")


def test_who_asks_hears_at_once_and_then_of_every_change(
    product: Product, keys: tuple[str, str], owner: Staff
) -> None:
    status, first = ask(product, keys[0], owner)
    assert status == 200
    assert (first["tabs"], first["stream"]["whole"]) == (0, True)
    assert first["system"]["sockets"] >= 0
    with visit(product, keys[0], "/pricing"):
        here = ask_until(product, keys[0], owner, lambda shown: shown["tabs"] == 1, first["seq"])
        assert here["pages"] == [{"name": "/pricing", "tabs": 1}]
    gone = ask_until(product, keys[0], owner, lambda shown: shown["tabs"] == 0, here["seq"])
    assert gone["seq"] > here["seq"] > first["seq"]


def test_it_sees_what_its_reader_may_see(product: Product, keys: tuple[str, str], owner: Staff) -> None:
    seen, strange = keys
    assert ask(product, seen, None)[0] == 403
    assert ask(product, strange, owner)[0] == 403
    assert ask(product, "nothing", owner)[0] == 403
    assert ask(product, f"{seen}?page=/none", owner)[1]["tabs"] == 0


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {"Footfall-Board": ""}),
        ("", {"Footfall-Board": "b" * 65}),
        ("", {"Footfall-After": "-1"}),
        ("", {"Footfall-After": "²"}),
        ("", {"Footfall-After": "9" * 100}),
        ("?page=" + "p" * 4000, {}),
    ],
)
def test_a_request_that_says_nonsense_is_refused(
    product: Product, keys: tuple[str, str], owner: Staff, query: str, headers: dict[str, str]
) -> None:
    assert ask(product, keys[0] + query, owner, headers=headers)[0] == 400


def test_only_reading_is_allowed(product: Product, keys: tuple[str, str], owner: Staff) -> None:
    request = urllib.request.Request(f"{product.url}/board/{keys[0]}", data=b"x")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    with refused.value:
        assert (refused.value.code, refused.value.headers["Allow"]) == (405, "GET")


def test_what_happened_is_told_again_when_an_answer_was_lost(
    product: Product, keys: tuple[str, str], owner: Staff
) -> None:
    """Only the next request says that the one before was answered: until then the stream stands still."""

    path = f"{keys[0]}?page=/lost&page=/found"
    _, first = ask(product, path, owner, board="lossy")
    newest = first["seq"]

    def views(after: int) -> list[str] | None:
        """What the stream tells who has shown this snapshot; None where it tells nothing yet."""
        nonlocal newest
        _, shown = ask(product, path, owner, after, "lossy")
        if not shown or "stream" not in shown:
            return None
        newest = shown["seq"]
        return [row["page"] for row in shown["stream"]["rows"]]

    with visit(product, keys[0], "/lost"):
        assert wait_for(lambda: views(first["seq"])) == ["/lost"]
        assert views(first["seq"]) == ["/lost"]
        shown = newest
        with visit(product, keys[0], "/found"):
            assert wait_for(lambda: views(shown)) == ["/found"]


def test_a_reader_who_is_logged_out_hears_no_more(product: Product, keys: tuple[str, str]) -> None:
    viewer = Staff(product, "viewer")
    assert ask(product, keys[0], viewer)[0] == 200
    cookies = viewer.cookies
    viewer.post("/logout/")
    wait_for(lambda: ask(product, keys[0], None, headers={"Cookie": cookies})[0] == 403, 5)


@pytest.fixture
def blocked(product: Product, keys: tuple[str, str], browser: Browser) -> Iterator[Page]:
    """The owner's browser, behind a proxy that lets no WebSocket through."""
    with start_nginx(product.port, BLOCKING) as proxy:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        url = f"http://127.0.0.1:{proxy.port}"
        page.goto(f"{url}/login/?next=/sites/{keys[0]}/")
        page.get_by_label("User name").fill("owner")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{url}/sites/{keys[0]}/")
        yield page
        context.close()


def test_a_board_behind_a_proxy_that_blocks_sockets_is_live_and_says_how(
    product: Product, keys: tuple[str, str], blocked: Page
) -> None:
    with visit(product, keys[0], "/here"):
        figure(blocked, "visitors").to_have_text("1", timeout=10_000)
        assert rows(blocked, "pages") == [("/here", "1")]
        expect(blocked.locator(".status .words")).to_contain_text("live by HTTP")
        told = blocked.get_by_text("No WebSocket comes through")
        expect(told).to_be_visible()
        blocked.screenshot(path=SHOTS / "polling.png")
        blocked.get_by_role("button", name="Understood").click()
        expect(told).to_be_hidden()
        with visit(product, keys[0], "/there", address="192.0.2.2"):
            figure(blocked, "visitors").to_have_text("2", timeout=2_000)
            blocked.get_by_role("button", name="/there").first.click()
            figure(blocked, "visitors").to_have_text("1", timeout=2_000)
    figure(blocked, "visitors").to_have_text("0", timeout=2_000)


def test_a_socket_still_answers_where_the_request_is_one(product: Product, keys: tuple[str, str]) -> None:
    with dial(product, keys[0], "", {"Origin": product.url}) as socket:
        assert code_of(socket) == 4403
