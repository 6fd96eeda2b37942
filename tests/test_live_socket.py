"""The visitor's socket on the whole product, through each adapter: the contract, over real connections."""

import json
import time
import uuid
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from scripts.stands.agents import FIREFOX
from scripts.stands.edges import running_edge
from scripts.stands.page_messages import page
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.uvicorn import running_uvicorn
from tests.visitor_sockets import code_of, dial


@pytest.fixture(scope="module", params=["daphne", "uvicorn", "edge"])
def product(request: pytest.FixtureRequest, footfall: Product) -> Iterator[Product]:
    """The product through each of its adapters."""
    if request.param == "daphne":
        yield footfall
        return
    if request.param == "uvicorn":
        with running_uvicorn(footfall) as beside:
            yield beside
        return
    with running_edge(footfall) as edge:
        yield edge.of(footfall)


@pytest.fixture(scope="module")
def key(footfall: Product) -> str:
    return footfall.add_site("example.com", "*.shop.example")


def test_an_open_page_is_live_then_acknowledged_then_in_postgres(product: Product, key: str) -> None:
    said = page("/pricing?utm_source=news&token=secret")
    # A visitor of its own: in a visit that goes on, a page view has the visit's source.
    with dial(product, key, agent=f"{FIREFOX} {uuid.uuid4().hex}") as socket:
        socket.send(json.dumps(said))
        assert json.loads(socket.recv(timeout=5)) == {"t": "ack", "id": said["id"]}
        row = product.rows("SELECT * FROM tracker_pageview WHERE id = %s", said["id"])[0]
        assert (row["path"], row["query"], row["utm_source"]) == ("/pricing", "utm_source=news", "news")
        assert (row["browser"], row["ended_at"]) == ("Firefox", None)
    ended = wait_for(
        lambda: product.rows(
            "SELECT * FROM tracker_pageview WHERE id = %s AND ended_at IS NOT NULL", said["id"]
        ),
        what="the end of the page view",
    )
    assert ended[0]["ended_at"] >= ended[0]["began_at"]


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "https://evil.example",
        "https://example.com.evil.example",
        "https://notexample.com",
        "file://example.com",
        "https://shop.example",
        "https://example.com#",
        "https://user@example.com",
    ],
)
def test_wrong_origins_are_closed_4403(product: Product, key: str, origin: str | None) -> None:
    with dial(product, key, origin) as socket:
        assert code_of(socket) == 4403


@pytest.mark.parametrize(
    "origin",
    ["https://example.com", "http://www.example.com:8080", "https://EXAMPLE.com", "https://a.b.shop.example"],
)
def test_hosts_of_the_site_may_speak(product: Product, key: str, origin: str) -> None:
    with dial(product, key, origin) as socket:
        socket.send(json.dumps(page()))
        assert json.loads(socket.recv(timeout=5))["t"] == "ack"


def test_unknown_sites_and_bots_look_like_a_wrong_origin(product: Product, key: str) -> None:
    with dial(product, "nosuchsite") as socket:
        assert code_of(socket) == 4403
    with dial(product, key, agent="Mozilla/5.0 (compatible; Googlebot/2.1)") as socket:
        assert code_of(socket) == 4403


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param("{", id="broken"),
        pytest.param("[]", id="a list"),
        pytest.param("null", id="null"),
        pytest.param('{"t":"who"}', id="unknown type"),
        pytest.param('{"t":"page"}', id="nothing in it"),
        pytest.param('{"t":"page","id":"1","u":"https://example.com/"}', id="no UUID"),
        pytest.param(json.dumps(page(u="javascript:alert(1)")), id="javascript"),
        pytest.param(json.dumps(page(w=[1])), id="wrong type"),
        pytest.param(json.dumps(page()).replace("1200", "NaN"), id="NaN"),
        pytest.param(json.dumps({"t": "end", "id": str(uuid.uuid4())}), id="end"),
        pytest.param("[" * 5000, id="deep"),
        pytest.param(b"\x00\x01", id="binary"),
    ],
)
def test_what_breaks_the_protocol_is_closed_4400(product: Product, key: str, frame: str | bytes) -> None:
    with dial(product, key) as socket:
        socket.send(frame)
        assert code_of(socket) == 4400


def test_a_frame_over_8192_bytes_is_closed_4413(product: Product, key: str) -> None:
    with dial(product, key) as socket:
        socket.send(json.dumps(page(ti="x" * 9216)))
        assert code_of(socket) == 4413


def test_a_giant_frame_is_dropped(product: Product, key: str) -> None:
    with dial(product, key) as socket:
        try:
            socket.send("x" * 100_000)
        except ConnectionClosed:
            return
        assert code_of(socket) != 1000


def test_a_flood_is_closed_4429_within_two_seconds(product: Product, key: str) -> None:
    said = page()
    state = json.dumps({"t": "state", "id": said["id"], "s": "idle", "e": 1, "d": 1})
    began = time.monotonic()
    with dial(product, key) as socket:
        socket.send(json.dumps(said))
        try:
            for _ in range(2000):
                socket.send(state)
        except ConnectionClosed:
            pass
        assert code_of(socket) == 4429
    assert time.monotonic() - began < 2


def test_nul_surrogates_and_length_are_trimmed_not_refused(product: Product, key: str) -> None:
    said = page("/" + "p" * 3000, ti="a\x00b" + "t" * 400)
    frame = json.dumps(said).replace('"l": "en"', '"l": "e\\ud800n"')
    with dial(product, key) as socket:
        socket.send(frame)
        assert json.loads(socket.recv(timeout=5))["id"] == said["id"]
    row = product.rows("SELECT path, title, language FROM tracker_pageview WHERE id = %s", said["id"])[0]
    assert (len("https://example.com" + row["path"]), row["title"][:2], row["language"]) == (2048, "ab", "en")


def test_a_page_that_reconnects_is_one_page_view_and_one_tab(product: Product, key: str) -> None:
    said = page("/once")
    with dial(product, key) as first, dial(product, key) as second:
        first.send(json.dumps(said))
        first.recv(timeout=5)
        second.send(json.dumps({**said, "e": 1000, "d": 50}))
        assert json.loads(second.recv(timeout=5))["id"] == said["id"]
        assert code_of(first) == 4409
    rows = product.rows("SELECT * FROM tracker_pageview WHERE id = %s", said["id"])
    assert len(rows) == 1


def test_a_custom_event_is_acknowledged_by_its_key_and_counts_once(product: Product, key: str) -> None:
    said, event_key = page(), str(uuid.uuid4())
    event = {"t": "event", "id": said["id"], "k": event_key, "n": "signup", "p": {"plan": "pro"}, "v": 3}
    with dial(product, key) as socket:
        socket.send(json.dumps(said))
        assert json.loads(socket.recv(timeout=5))["id"] == said["id"]
        for _ in range(2):
            socket.send(json.dumps(event))
            assert json.loads(socket.recv(timeout=5))["id"] == event_key
    rows = product.rows("SELECT name, properties, value FROM tracker_event WHERE id = %s", event_key)
    assert rows == [{"name": "signup", "properties": {"plan": "pro"}, "value": 3.0}]


def test_pages_of_one_reader_are_one_visit(product: Product, key: str) -> None:
    title = f"one visit {uuid.uuid4()}"
    agent = f"{FIREFOX} {title}"  # nobody else's
    paths = ["/a", "/b", "/c"]
    for path in paths:
        with dial(product, key, agent=agent) as socket:
            socket.send(json.dumps(page(path, ti=title)))
            socket.recv(timeout=5)
    wait_for(
        lambda: product.rows(
            "SELECT 1 FROM tracker_pageview WHERE title = %s AND ended_at IS NOT NULL HAVING count(*) = 3",
            title,
        ),
        what="three ended page views",
    )
    rows = product.rows(
        "SELECT DISTINCT v.id, v.views, v.entry_path, v.exit_path FROM tracker_visit v"
        " JOIN tracker_pageview p ON p.visit_id = v.id AND p.title = %s",
        title,
    )
    assert [(row["views"], row["entry_path"], row["exit_path"]) for row in rows] == [(3, "/a", "/c")]


def test_no_compression_is_ever_negotiated(product: Product, key: str) -> None:
    with connect(
        f"{product.socket_url}/live/{key}",
        origin=Origin("https://example.com"),
        user_agent_header=FIREFOX,
        compression="deflate",
    ) as socket:
        assert socket.protocol.extensions == []


def test_addresses_are_nowhere_in_postgres(product: Product, key: str) -> None:
    columns = product.rows(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_name LIKE 'tracker%%' AND (data_type IN ('inet', 'cidr') OR column_name ~ '^ip(_|$)')"
    )
    assert columns == []
