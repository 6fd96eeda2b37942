"""`POST /api/v1/sites/KEY/events`: page views and events of back ends, on the whole product."""

import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from scripts.stands.agents import FIREFOX, PHONE
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.api_clients import ApiClient
from tests.board_sockets import visit
from tracker.ingest.item_batch import by_server

BOT = "Googlebot/2.1 (+http://www.google.com/bot.html)"
Say = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def product(footfall: Product) -> Product:
    return footfall


@pytest.fixture(scope="module")
def seen(footfall: Product) -> str:
    """A site of these tests alone, for the visitors of `visit`."""
    return footfall.add_site("told.example", "seen.example")


@pytest.fixture(scope="module")
def writer(product: Product) -> ApiClient:
    return ApiClient(product, product.add_token(write=True))


@pytest.fixture
def say(writer: ApiClient, seen: str) -> Say:
    """Says items, and is answered for each."""

    def said(*items: Any) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = writer.json(f"sites/{seen}/events", {"items": items})["results"]
        assert [result["id"] for result in results] == [
            item.get("id") if isinstance(item, dict) else None for item in items
        ]
        return results

    return said


def view(path: str = "/", **said: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "type": "view",
        "url": f"https://seen.example{path}",
        "user_agent": FIREFOX,
        "address": "192.0.2.7",
        **said,
    }


def event(name: str = "paid", **said: Any) -> dict[str, Any]:
    return {**view(**said), "type": "event", "name": name, **said}


def verdicts(results: list[dict[str, Any]]) -> list[str]:
    return [result.get("reason", result["status"]) for result in results]


def stored(product: Product, item: dict[str, Any]) -> dict[str, Any]:
    table = "tracker_pageview" if item["type"] == "view" else "tracker_event"
    (row,) = product.rows(f"SELECT * FROM {table} WHERE id = %s", item["id"])
    return row


def test_a_page_view_is_stored_as_a_visitors_is_and_never_open(
    product: Product, say: Say, writer: ApiClient, seen: str
) -> None:
    at = datetime.now(UTC) - timedelta(minutes=7)
    item = view(
        "/pricing?utm_source=News&x=1",
        at=at.isoformat(),
        referrer="https://www.google.com/",
        title="Prices – ü",
        user_agent=PHONE,
    )
    assert verdicts(say(item)) == ["stored"]
    row = stored(product, item)
    assert (row["path"], row["utm_source"], row["title"], row["device"]) == (
        *("/pricing", "news", "Prices – ü", "mobile"),
    )
    wait_for(lambda: stored(product, item)["ended_at"], what="its end")
    assert stored(product, item)["began_at"] == stored(product, item)["ended_at"] == at
    assert writer.json(f"sites/{seen}/live")["tabs"] == 0
    assert "192.0.2.7" not in json.dumps(row, default=str)


def test_a_visitor_of_both_ways_is_one_and_views_make_visits(product: Product, say: Say, seen: str) -> None:
    now = time.time()
    views = [view(at=now - ago, address="192.0.2.8") for ago in (3000, 2900, 60)]
    views.append(view(address="192.0.2.9"))
    assert verdicts(say(*views)) == ["stored"] * 4
    rows = [stored(product, each) for each in views]
    assert rows[0]["visit_id"] == rows[1]["visit_id"] != rows[2]["visit_id"]
    assert rows[0]["visitor"] == rows[2]["visitor"] != rows[3]["visitor"]
    # The snippet's visitors come from this machine.
    own = view(address="127.0.0.1")
    with visit(product, seen, "/both-ways"):
        assert verdicts(say(own)) == ["stored"]
    (there,) = product.rows(
        "SELECT visitor FROM tracker_pageview p JOIN tracker_site s ON s.id = site_id"
        " WHERE path = '/both-ways' AND s.key = %s",
        seen,
    )
    assert there["visitor"] == stored(product, own)["visitor"]


def test_each_item_is_judged_for_itself(product: Product, say: Say) -> None:
    hour, day = 3600, 86_400
    good = view()
    items = {
        "stored": good,
        "duplicate": good,
        "foreign_page": view(url="https://elsewhere.example/"),
        "bad_url": view(url="ftp://seen.example/"),
        "bot": view(user_agent=BOT),
        "bad_at": view(at=time.time() - 3 * day - hour),
        "bad_address": view(address="nonsense"),
        "malformed": {**view(), "type": "nonsense"},
        "nameless": event("", page_view=good["id"]),
        "no_page_view": event(address="192.0.2.99"),
    }
    assert verdicts(say(*items.values())) == list(items)
    more = [view(at="yesterday"), view(at=time.time() + hour), view(user_agent=""), 7]
    answered = say(*more)
    assert verdicts(answered) == ["bad_at", "bad_at", "bot", "malformed"]
    # What was refused is not stored, and what was said twice is there once.
    ids = [each["id"] for each in items.values()]
    rows = product.rows("SELECT id FROM tracker_pageview WHERE id = ANY(%s)", ids)
    assert [str(row["id"]) for row in rows] == [good["id"]]


def test_an_event_belongs_to_the_visitors_page_view_before_it(product: Product, say: Say, seen: str) -> None:
    now = time.time()
    views = [view(f"/{ago}", at=now - ago, address="192.0.2.20") for ago in (900, 600, 300)]
    between = event(
        at=now - 500, address="192.0.2.20", server="app-1", value=9.5, properties={"plan": "pro", "x": []}
    )
    named = event(page_view=views[0]["id"], address=None, user_agent=None, url=None)
    long_after = event(at=now - 899 + 3600 * 2, address="192.0.2.20")
    assert verdicts(say(*views, between, named, long_after)) == [*["stored"] * 5, "bad_at"]
    row = stored(product, between)
    assert (str(row["page_view_id"]), row["value"]) == (views[1]["id"], 9.5)
    assert row["properties"] == {"server": "app-1", "plan": "pro"}
    assert str(stored(product, named)["page_view_id"]) == views[0]["id"]
    assert verdicts(say(between, named)) == ["duplicate", "duplicate"]


def test_what_is_older_than_ids_are_remembered_counts_once_too(product: Product, say: Say) -> None:
    """Ids are forgotten after 48 hours, and so are salts; what is said of 72 is stored all the same."""
    old = [view(at=time.time() - 70 * 3600, address="192.0.2.30") for _ in range(2)]
    assert verdicts(say(*old)) == ["stored", "stored"]
    rows = [stored(product, each) for each in old]
    assert rows[0]["visitor"] == rows[1]["visitor"]
    with_ids = [each["id"] for each in old]
    product.rows("DELETE FROM tracker_recent WHERE id = ANY(%s) RETURNING id", with_ids)
    assert verdicts(say(*old)) == ["duplicate", "duplicate"]


def test_the_same_batch_at_once_is_stored_once(product: Product, writer: ApiClient, seen: str) -> None:
    items = [view(f"/{number}", address=f"192.0.2.{number}") for number in range(50)]

    def send(_: int) -> list[str]:
        return verdicts(writer.json(f"sites/{seen}/events", {"items": items})["results"])

    with ThreadPoolExecutor(4) as threads:
        answered = list(threads.map(send, range(4)))
    for place in range(50):
        said = [verdict[place] for verdict in answered]
        assert said.count("stored") == 1
        assert set(said) <= {"stored", "duplicate", "under_way"}
    ids = [item["id"] for item in items]
    rows = product.rows("SELECT began_at, ended_at FROM tracker_pageview WHERE id = ANY(%s)", ids)
    assert len(rows) == 50
    wait_for(
        lambda: all(
            row["ended_at"] == row["began_at"]
            for row in product.rows("SELECT began_at, ended_at FROM tracker_pageview WHERE id = ANY(%s)", ids)
        ),
        what="page views that are over as they began",
    )


def test_an_item_is_held_before_it_is_asked_whether_it_is_known(
    product: Product, writer: ApiClient, seen: str
) -> None:
    item = view("/held")
    slow = [item, event(at=time.time() - 60 * 3600, page_view=str(uuid.uuid4()))]

    def send(*items: object) -> list[str]:
        return verdicts(writer.json(f"sites/{seen}/events", {"items": items})["results"])

    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'tracker_event'::regclass"
    with product.connected() as postgres, ThreadPoolExecutor(1) as thread:
        postgres.execute("BEGIN")
        postgres.execute("LOCK TABLE tracker_event IN ACCESS EXCLUSIVE MODE")
        # It has looked for the page view by now, and cannot look for the event.
        first = thread.submit(send, *slow)
        wait_for(lambda: product.rows(waiting)[0]["count"], what="the first batch to ask")
        second = send(item)
        postgres.execute("ROLLBACK")
        said = [first.result(timeout=20)[0], *second]
    assert sorted(said) == ["stored", "under_way"]


def test_batches_come_in_three_shapes_and_are_bounded(writer: ApiClient, seen: str, product: Product) -> None:
    path = f"sites/{seen}/events"
    assert verdicts(writer.json(path, [view()])["results"]) == ["stored"]
    lines = "\n".join(json.dumps(view()) for _ in range(2)).encode() + b"\n\n"
    with writer.ask(path, lines, **{"Content-Type": "application/x-ndjson"}) as answered:
        assert verdicts(json.load(answered)["results"]) == ["stored", "stored"]
    assert writer.json(path, {"items": []}) == {"results": []}
    assert writer.refused(path, {"items": [view()] * 1001})[0] == 413
    assert writer.refused(path, b"nonsense")[0] == 400
    assert writer.refused(path, {"views": []})[0] == 400
    assert writer.refused("sites/nosuch/events", {"items": []})[0] == 404
    reader = ApiClient(product, product.add_token())
    assert reader.refused(path, {"items": []})[0] == 403


def test_a_server_whose_name_is_no_tag_costs_itself_alone() -> None:
    points = by_server("shop", {("view", "app-1"): 2, ("view", "app\t2"): 1, ("event", "app-3"): 1}.items())
    assert [(point.name, point.value, point.tags["server"]) for point in points] == [
        ("site.views", 2.0, "app-1"),
        ("site.events", 1.0, "app-3"),
    ]


def test_page_views_are_told_apart_by_their_server(
    product: Product, writer: ApiClient, say: Say, seen: str
) -> None:
    told = [
        *(view("/at", server="app-1", address="192.0.2.60"), view("/at", address="192.0.2.61")),
        view("/at", server="äpp\0 2" + "x" * 99, address="192.0.2.62"),
    ]
    assert verdicts(say(*told)) == ["stored"] * 3
    names = [stored(product, each)["server"] for each in told]
    assert names[:2] == ["app-1", ""]
    assert names[2].startswith("äpp 2x")
    assert len(names[2]) == 64
    asked = f"sites/{seen}/stats?period=today&metrics=views&page=/at"
    rows = writer.json(f"{asked}&by=server")["rows"]
    assert {row["server"]: row["views"] for row in rows} == dict.fromkeys(names, 1)
    for query, number in (
        *(("server=app-1", 1), ("server.not=app-1", 2), ("server.match=äpp*", 1), ("server=", 1)),
        ("server.notmatch=a*", 2),
    ):
        assert writer.json(f"{asked}&{quote(query, '=&*.')}")["totals"]["views"] == number, query
    (visit,) = writer.json(f"sites/{seen}/visits?period=today&page=/at&server=app-1")["visits"]
    whole = writer.json(f"sites/{seen}/visits/{visit['id']}")
    assert [each["server"] for each in whole["page_views"]] == ["app-1"]
    code, error = writer.refused(f"sites/{seen}/stats?by=servers")
    assert (code, "'server'" in str(error)) == (400, True)


def test_what_each_server_said_is_a_series(writer: ApiClient, say: Say, seen: str) -> None:
    assert verdicts(say(view(server="app-7"), view(server="app-7"), view(server="app-8"))) == ["stored"] * 3

    def counted() -> dict[str, float]:
        found = writer.json(f"signals?name=site.views&tag=site:{seen}")["series"]
        return {each["tags"]["server"]: each["windows"][-1]["sum"] for each in found}

    wait_for(lambda: {"app-7", "app-8"} <= counted().keys(), 40, "the series of both servers")
    assert (counted()["app-7"], counted()["app-8"]) == (2, 1)
