"""The HTTP fallback on the whole product: the same messages, the same refusals, presence by lease."""

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.stands.agents import FIREFOX
from scripts.stands.edges import running_edge
from scripts.stands.page_messages import page
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tracker.edge.post import STATUSES

ORIGIN = "https://example.com"


@pytest.fixture(scope="module")
def beside(footfall: Product) -> Iterator[Product]:
    """The product through an edge process."""
    with running_edge(footfall) as edge:
        yield edge.of(footfall)


@pytest.fixture(scope="module", params=["footfall", "beside"], ids=["daphne", "edge"])
def product(request: pytest.FixtureRequest, footfall: Product, beside: Product) -> Product:
    """The product through each of its adapters."""
    return beside if request.param == "beside" else footfall


@pytest.fixture(scope="module")
def key(footfall: Product) -> str:
    return footfall.add_site("example.com")


def post(
    product: Product, key: str, body: bytes | list[dict[str, Any]], origin: str = ORIGIN, agent: str = FIREFOX
) -> tuple[int, str, str | None]:
    """Status, body, and who may read it."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{product.url}/live/{key}",
        data=data,
        headers={"Content-Type": "text/plain", "Origin": origin, "User-Agent": agent},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read().decode(), response.headers["Access-Control-Allow-Origin"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), error.headers["Access-Control-Allow-Origin"]


def test_it_answers_with_the_acks_after_the_commit(product: Product, key: str) -> None:
    said, event_key = page("/posted"), str(uuid.uuid4())
    event = {"t": "event", "id": said["id"], "k": event_key, "n": "signup"}
    status, body, readable_by = post(product, key, [said, event])
    assert (status, readable_by) == (200, ORIGIN)
    assert sorted(json.loads(body), key=str) == sorted(
        [{"t": "ack", "id": said["id"]}, {"t": "ack", "id": event_key}], key=str
    )
    assert product.rows("SELECT path FROM tracker_pageview WHERE id = %s", said["id"]) == [
        {"path": "/posted"}
    ]


def test_said_again_it_is_acknowledged_again_and_stored_once(product: Product, key: str) -> None:
    said = page("/again")
    for _ in range(2):
        assert json.loads(post(product, key, [said])[1]) == [{"t": "ack", "id": said["id"]}]
    assert len(product.rows("SELECT 1 FROM tracker_pageview WHERE id = %s", said["id"])) == 1


def test_end_ends_the_page_view(product: Product, key: str) -> None:
    said = page("/ends")
    post(product, key, [said])
    assert post(product, key, [{"t": "end", "id": said["id"], "e": 0, "d": 70}])[0] == 200
    query = "SELECT depth FROM tracker_pageview WHERE id = %s AND ended_at IS NOT NULL"
    assert wait_for(lambda: product.rows(query, said["id"]), what="its end") == [{"depth": 70}]


@pytest.mark.waits
def test_a_lease_that_nobody_renews_ends_the_page_view(footfall: Product, beside: Product, key: str) -> None:
    for adapter in (footfall, beside):
        post(adapter, key, [page("/silent")])
    query = (
        "SELECT extract(epoch FROM ended_at - began_at)::float AS seconds FROM tracker_pageview"
        " WHERE path = '/silent' AND ended_at IS NOT NULL"
    )
    ended = wait_for(
        lambda: rows if len(rows := footfall.rows(query)) == 2 else [], 32.0, "the end of both leases"
    )
    assert all(row["seconds"] <= 27 for row in ended)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b'{"t":"page"}', 400),
        (b'[{"t":"who"}]', 400),
        (b"\xff", 400),
        (b"[" * 10_000, 400),
        (b'["' + b"x" * 70_000 + b'"]', 413),
    ],
    ids=["broken", "no array", "unknown type", "no text", "deep", "too big"],
)
def test_bad_bodies_get_one_sentence(product: Product, key: str, body: bytes, status: int) -> None:
    answer = post(product, key, body)
    assert answer[0] == status
    assert answer[1].endswith(".")
    assert "\n" not in answer[1]


def test_too_many_messages_are_answered_429(product: Product, key: str) -> None:
    said = page()
    state = {"t": "state", "id": said["id"], "s": "idle", "e": 1, "d": 1}
    assert post(product, key, [said, *[state] * 150])[0] == 429


def test_strangers_get_the_same_403_whatever_the_reason(product: Product, key: str) -> None:
    answers = {
        post(product, key, [page()], origin="https://evil.example")[:2],
        post(product, "nosuchsite", [page()])[:2],
        post(product, key, [page()], agent="curl/8.0")[:2],
        post(product, key, [page(u="https://evil.example/")])[:2],
    }
    assert [status for status, _ in answers] == [403]


def test_who_only_looks_reads_what_the_consoles_numbers_mean(footfall: Product, key: str) -> None:
    told = set()
    for each in (key, "nosuchsite", "undefined"):
        with urllib.request.urlopen(f"{footfall.url}/live/{each}", timeout=5) as answer:
            assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
            told.add(answer.read().decode())
    (text,) = told
    for code, status in STATUSES.items():
        assert (f"{code}, {status}" in text) is (status != 503)  # after 503 a page comes back by itself


def test_nothing_else_is_answered(product: Product, key: str) -> None:
    request = urllib.request.Request(f"{product.url}/live/{key}", method="PUT")
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, timeout=5)
    with error.value:
        assert error.value.code == 405
