"""The board's socket on the whole product: who is let in, what it says, and how it ends."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from scripts.stands.boards import Boards
from scripts.stands.product import Product, running
from tests.board_sockets import Staff, ack, code_of, dial, hear, shows_tabs, visit, watch_until
from tests.cast import MAKE_CAST
from tracker.live.dimensions import DIMENSIONS

Opened = Callable[..., ClientConnection]


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running(
        ALLOWED_HOSTS="127.0.0.1,localhost", FOOTFALL_TRUSTED_ORIGINS="https://staff.example"
    ) as made:
        yield made


@pytest.fixture(scope="module")
def keys(product: Product) -> tuple[str, str]:
    """The keys of the cast's two sites."""
    seen, strange = product.manage("shell", "--no-imports", "-c", MAKE_CAST).split()
    return seen, strange


@pytest.fixture(scope="module")
def owner(product: Product, keys: tuple[str, str]) -> Staff:
    return Staff(product, "owner")


@pytest.fixture
def board(product: Product, keys: tuple[str, str], owner: Staff) -> Iterator[Opened]:
    """Opens boards of the seen site, as its owner and from its own page unless told otherwise."""
    with ExitStack() as stack:

        def opened(key: str = keys[0], cookies: str = owner.cookies, origin: str = product.url) -> Any:
            return stack.enter_context(dial(product, key, cookies, {"Origin": origin}))

        yield opened


@pytest.fixture(scope="module")
def silent(product: Product, keys: tuple[str, str], owner: Staff) -> Iterator[tuple[ClientConnection, float]]:
    """A board that never acknowledges, opened before all the others so that nobody waits for it to be cut."""
    with dial(product, keys[0], owner.cookies, {"Origin": product.url}) as opened:
        yield opened, time.monotonic()


@pytest.mark.usefixtures("silent")
def test_a_board_hears_a_whole_snapshot_at_once(board: Opened, keys: tuple[str, str]) -> None:
    snapshot = hear(board(), timeout=1)
    assert snapshot["site"] == keys[0]
    assert set(snapshot["totals"]) == set(DIMENSIONS)
    assert len(snapshot["minutes"]["views"]) == 60
    assert abs(snapshot["minutes"]["to"] - time.time() // 60) <= 1


def test_a_visit_is_on_the_board_within_a_second_and_gone_within_another(
    product: Product, board: Opened, keys: tuple[str, str]
) -> None:
    watching = board()
    before = hear(watching)
    ack(watching, before)
    with visit(product, keys[0], "/pricing"):
        here = watch_until(watching, shows_tabs(1), seconds=1)
        assert here["pages"] == [{"name": "/pricing", "tabs": 1}]
        assert here["browsers"] == [{"name": "Firefox", "tabs": 1}]
        assert sum(here["minutes"]["views"]) == sum(before["minutes"]["views"]) + 1
        ack(watching, here)
    gone = watch_until(watching, shows_tabs(0), seconds=1)
    assert gone["pages"] == []
    assert gone["seq"] > here["seq"] > before["seq"]


def test_the_next_snapshot_leaves_only_after_the_ack_and_is_the_latest(
    product: Product, board: Opened, keys: tuple[str, str]
) -> None:
    slow, quick = board(), board()
    first = hear(slow)
    ack(quick, hear(quick))
    with ExitStack() as stack:
        for count in (1, 2, 3):
            stack.enter_context(visit(product, keys[0], f"/{count}"))
            ack(quick, watch_until(quick, shows_tabs(count), seconds=5))
        with pytest.raises(TimeoutError):
            slow.recv(timeout=0.3)
        slow.send(json.dumps({"ack": first["seq"] - 1}))
        with pytest.raises(TimeoutError):
            slow.recv(timeout=0.3)
        ack(slow, first)
        assert hear(slow, timeout=1)["tabs"] == 3


def test_a_quiet_site_is_told_of_every_five_seconds(board: Opened) -> None:
    watching = board()
    ack(watching, hear(watching))
    ack(watching, hear(watching, timeout=6))
    began = time.monotonic()
    ack(watching, hear(watching, timeout=6))
    assert time.monotonic() - began > 4


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"ack":"1"}',
        '{"ack":1.5}',
        '{"ack":null}',
        '{"ack":NaN}',
        '{"ack":1e999}',
        '{"ack":' + "9" * 200 + "}",
        "[" * 250,
        '{"ack":1}' + " " * 300,
        b'{"ack":1}',
        b"\x00\xff",
        "x" * 10_000,
    ],
    ids=lambda frame: repr(frame)[:20],
)
def test_what_is_no_ack_closes_4400(board: Opened, frame: str | bytes) -> None:
    watching = board()
    hear(watching)
    watching.send(frame)
    assert code_of(watching) == 4400


@pytest.mark.parametrize("name", ["outsider", "customer", "deactivated", "nobody"])
def test_a_board_is_closed_to_who_may_not_see_the_site(product: Product, board: Opened, name: str) -> None:
    refused = board(cookies=Staff(product, name).cookies)
    with pytest.raises(ConnectionClosed):
        refused.recv(timeout=10)
    assert refused.close_code == 4403


def test_unknown_and_forbidden_sites_close_alike(board: Opened, keys: tuple[str, str]) -> None:
    refused = [board(key=key) for key in (keys[1], "zzzzzzzzzzzz", "%00", "a" * 300)]
    assert {(code_of(socket), socket.close_reason) for socket in refused} == {(4403, "")}


def test_without_a_session_or_with_a_made_up_one_a_board_is_closed(board: Opened) -> None:
    for cookies in ("", "sessionid=", "sessionid=" + "a" * 32, "sessionid=" + "é" * 40, "csrftoken=x"):
        assert code_of(board(cookies=cookies.encode().decode("latin-1"))) == 4403


def foreign_origins(port: int) -> list[str]:
    """Origins that are not the page's own, most of them almost."""
    return [
        "null",
        "",
        "file://",
        "http://evil.example",
        f"http://evil.example:{port}",
        f"http://127.0.0.1.evil.example:{port}",
        f"http://evil127.0.0.1:{port}",
        f"http://127.0.0.1:{port}.evil.example",
        f"http://127.0.0.1:{port}@evil.example",
        f"http://evil.example/127.0.0.1:{port}",
        f"http://user@127.0.0.1:{port}",
        f"http://127.0.0.1:{port}/",
        f"http://127.0.0.1:{port}#",
        f"http://127.0.0.1:{port}?",
        f"http://127.0.0.1:{port}:{port}",
        f"http://127.0.0.1:{port + 1}",
        f"http://127.0.0.1:0{port}",
        f"http://127.0.0.1:{port}0",
        "http://127.0.0.1",
        "http://127.0.0.1:80",
        f"https://127.0.0.1:{port}",
        f"ws://127.0.0.1:{port}",
        f"//127.0.0.1:{port}",
        f"127.0.0.1:{port}",
        f"http://localhost:{port}",
        f"http://0.0.0.0:{port}",
        f"http://127.1:{port}",
        f"http://2130706433:{port}",
        f"http://[::1]:{port}",
        f"http://[::ffff:127.0.0.1]:{port}",
        f"http://127。0。0。1:{port}",
        f"http://①27.0.0.1:{port}",
        f"http://127.0.0.1:{port} http://evil.example",
        f"http://evil.example, http://127.0.0.1:{port}",
        "http://staff.example",
        "https://staff.example:8443",
        "https://evil.staff.example",
        "https://staff.example.evil.example",
        "https://ѕtaff.example",
        "https://xn--taff-9ye.example",
    ]


def refusal(product: Product, key: str, *headers: tuple[str, str]) -> int | None:
    """How a handshake with these headers ends: a close code, or the status of a server that reads no more."""
    url = f"{product.socket_url}/board/{key}"
    try:
        with connect(url, additional_headers=headers, compression=None) as socket:
            return code_of(socket)
    except InvalidStatus as refused:
        return refused.response.status_code


def test_no_foreign_page_is_let_in_with_a_good_session(product: Product, keys: Any, owner: Staff) -> None:
    # As bytes on the wire: what a hostile client may send, a browser would not.
    told = {
        origin: refusal(
            product, keys[0], ("Cookie", owner.cookies), ("Origin", origin.encode().decode("latin-1"))
        )
        for origin in foreign_origins(product.port)
    }
    assert {origin: code for origin, code in told.items() if code not in (4403, 400)} == {}
    # Only what is no origin at all is refused before it reaches us.
    assert list(told.values()).count(4403) > 30


def test_a_handshake_without_an_origin_or_with_two_is_refused(
    product: Product, keys: Any, owner: Staff
) -> None:
    cookie, own, evil = (
        ("Cookie", owner.cookies),
        ("Origin", product.url),
        ("Origin", "http://evil.example"),
    )
    assert refusal(product, keys[0], cookie) == 4403
    for two in ((own, evil), (evil, own), (own, own)):
        assert refusal(product, keys[0], cookie, *two) in (4403, 400)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1:1"])
def test_the_origin_must_be_that_of_an_allowed_host_it_came_to(
    product: Product, keys: Any, owner: Staff, host: str
) -> None:
    # A name that an attacker points at us (DNS rebinding) matches its own Host, and is not ours.
    own = f"http://{host}" if host != "127.0.0.1:1" else product.url
    url = f"ws://{host}/board/{keys[0]}"
    headers = {"Cookie": owner.cookies, "Origin": own}
    with connect(
        url, address=("127.0.0.1", product.port), additional_headers=headers, compression=None
    ) as socket:
        assert code_of(socket) == 4403


def test_our_own_page_and_a_trusted_origin_are_let_in(product: Product, board: Opened) -> None:
    for origin in (product.url, "https://staff.example"):
        assert hear(board(origin=origin))["tabs"] >= 0


def test_boards_that_come_back_together_are_all_let_in(
    product: Product, keys: tuple[str, str], owner: Staff
) -> None:
    with Boards(product.port, keys[0], [owner.cookies], 200) as boards:
        boards.wait()
        assert boards.lost == 0


def test_logging_out_closes_the_board_within_five_seconds(product: Product, board: Opened) -> None:
    viewer = Staff(product, "viewer")
    watching = board(cookies=viewer.cookies)
    hear(watching)
    viewer.post("/logout/")
    began = time.monotonic()
    assert code_of(watching) == 4403
    assert time.monotonic() - began < 5


def test_another_password_closes_the_board_within_five_seconds(product: Product, board: Opened) -> None:
    watching = board(cookies=Staff(product, "viewer").cookies)
    hear(watching)
    (before,) = product.rows("SELECT password FROM auth_user WHERE username = 'viewer'")
    change = "UPDATE auth_user SET password = %s WHERE username = 'viewer' RETURNING 1"
    product.rows(change, "another")
    try:
        began = time.monotonic()
        assert code_of(watching) == 4403
        assert time.monotonic() - began < 5
    finally:
        product.rows(change, before["password"])


VIEWER = "(SELECT id FROM auth_user WHERE username = 'viewer')"
LOSSES = {
    "deactivated": f"UPDATE auth_user SET is_active = %s WHERE id = {VIEWER} RETURNING 1",
    "no longer staff": f"UPDATE auth_user SET is_staff = %s WHERE id = {VIEWER} RETURNING 1",
    # The membership changes hands, and comes back.
    "no longer a member": "UPDATE analytics_member SET user_id = CASE WHEN %s THEN "
    f"{VIEWER} ELSE (SELECT id FROM auth_user WHERE username = 'outsider') END "
    "WHERE role = 'viewer' RETURNING 1",
}


@pytest.mark.parametrize("change", LOSSES.values(), ids=LOSSES)
def test_who_loses_the_right_loses_the_board_within_five_seconds(
    product: Product, board: Opened, change: str
) -> None:
    watching = board(cookies=Staff(product, "viewer").cookies)
    hear(watching)
    product.rows(change, False)
    try:
        began = time.monotonic()
        assert code_of(watching) == 4403
        assert time.monotonic() - began < 5
    finally:
        product.rows(change, True)


def test_boards_outlive_a_database_that_goes_away(product: Product, board: Opened) -> None:
    watching = board()
    hear(watching)
    product.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        "AND backend_type = 'client backend' AND datname = current_database()"
    )
    ends = time.monotonic() + 4
    while time.monotonic() < ends:
        with suppress(TimeoutError):
            ack(watching, hear(watching, timeout=0.5))
    assert watching.close_code is None


def test_a_board_that_stops_answering_is_cut(silent: tuple[ClientConnection, float]) -> None:
    socket, opened_at = silent
    assert code_of(socket, timeout=40) == 4408
    # Its clock was started before this test, so that the upper bound cannot be told here.
    assert time.monotonic() - opened_at >= 25


def test_boards_hear_that_the_server_restarts(keys: tuple[str, str], owner: Staff, board: Opened) -> None:
    watching = board()
    hear(watching)
    assert owner.product.stop() == 0
    assert code_of(watching) == 4502
    assert not [line for line in owner.product.lines if "Traceback" in line]
