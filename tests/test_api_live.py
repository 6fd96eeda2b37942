"""`GET /api/v1/sites/KEY/live` on the whole product: the contract's object, tokens, sessions, refusals."""

import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest
from websockets.sync.client import connect
from websockets.typing import Origin

from scripts.stands.agents import FIREFOX, PHONE
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.board_sockets import Staff
from tracker.live.dimensions import DIMENSIONS, TABLE


class ApiAnswer(NamedTuple):
    status: int
    body: bytes
    headers: Any  # an email.message.Message, which is generic to mypy alone

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Keys(NamedTuple):
    seen: str
    strange: str


def ask(product: Product, path: str, method: str = "GET", **headers: str) -> ApiAnswer:
    request = urllib.request.Request(f"{product.url}/api/v1/{path}", headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return ApiAnswer(response.status, response.read(), response.headers)
    except urllib.error.HTTPError as refused:
        with refused:
            return ApiAnswer(refused.code, refused.read(), refused.headers)


@pytest.fixture(scope="module")
def product(footfall: Product) -> Product:
    return footfall


@pytest.fixture(scope="module")
def keys(cast_keys: tuple[str, str]) -> Keys:
    return Keys(*cast_keys)


@pytest.fixture(scope="module")
def token(product: Product) -> str:
    """Reads all sites."""
    return product.add_token()


@pytest.fixture(scope="module")
def live(product: Product, keys: Keys, token: str) -> Callable[..., Any]:
    """The live object of the seen site, under a query."""

    def asked(**query: Any) -> Any:
        text = urllib.parse.urlencode(query, doseq=True)
        answer = ask(product, f"sites/{keys.seen}/live?{text}", Authorization=f"Bearer {token}")
        assert answer.status == 200, answer.body
        return answer.json

    return asked


@pytest.fixture(scope="module")
def visitors(product: Product, keys: Keys, live: Callable[..., Any]) -> Iterator[None]:
    """Three open pages of two visitors, over real sockets."""
    pages = [
        ("/pricing", "https://www.google.com/", FIREFOX),
        ("/", "", FIREFOX),
        ("/pricing?a=b", "", PHONE),
    ]
    with ExitStack() as stack:
        for path, referrer, agent in pages:
            socket = stack.enter_context(
                connect(
                    f"{product.socket_url}/live/{keys.seen}",
                    origin=Origin("https://seen.example"),
                    user_agent_header=agent,
                    compression=None,
                )
            )
            page = {"t": "page", "id": str(uuid.uuid4()), "u": f"https://seen.example{path}", "r": referrer}
            socket.send(json.dumps({**page, "ti": "A", "w": 1200, "l": "en", "z": "Europe/Berlin"}))
        wait_for(lambda: live()["tabs"] == 3, what="three open tabs")
        yield


def test_the_live_object_counts_the_open_pages(live: Callable[..., Any], keys: Keys, visitors: None) -> None:
    shown = live()
    assert (shown["site"], shown["stale"]) == (keys.seen, 0)
    assert (shown["tabs"], shown["visitors"], shown["active"], shown["idle"], shown["hidden"]) == (
        3,
        2,
        3,
        0,
        0,
    )
    assert shown["pages"] == [{"name": "/pricing", "tabs": 2}, {"name": "/", "tabs": 1}]
    assert shown["referrers"] == [{"name": "Google", "tabs": 2}, {"name": "", "tabs": 1}]
    assert shown["devices"] == [{"name": "desktop", "tabs": 2}, {"name": "mobile", "tabs": 1}]
    assert shown["totals"] == {name: len(shown[name]) for name in DIMENSIONS}
    assert set(shown) == {
        "site",
        "at",
        "seq",
        "stale",
        "tabs",
        "visitors",
        "active",
        "idle",
        "hidden",
        "totals",
        *DIMENSIONS,
    }


def test_filters_repeat_and_combine(live: Callable[..., Any], visitors: None) -> None:
    assert live(page="/pricing")["tabs"] == 2
    assert live(page=["/pricing", "/"])["tabs"] == 3
    assert live(page="/%70ricing")["tabs"] == 2
    assert live(page="/pricing", device="mobile")["tabs"] == 1
    assert live(referrer="")["tabs"] == 1
    # Both pages of the visit that came from Google.
    both = [{"name": "/", "tabs": 1}, {"name": "/pricing", "tabs": 1}]
    assert live(browser="Firefox", referrer="Google")["pages"] == both
    assert live(country="ZZ")["visitors"] == 0
    assert live(channel="search")["pages"] == both
    assert live(channel=["search", "direct"], campaign="")["tabs"] == 3
    assert live(campaign="spring")["campaigns"] == []


def test_the_limit_shortens_lists_and_not_totals(live: Callable[..., Any], visitors: None) -> None:
    shown = live(limit=1)
    assert shown["pages"] == [{"name": "/pricing", "tabs": 2}]
    assert shown["totals"]["pages"] == 2
    assert live(limit=1000)["tabs"] == 3


def test_the_sequence_rises(live: Callable[..., Any]) -> None:
    numbers = [live()["seq"] for _ in range(5)]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=1001",
        "limit=x",
        "limit=",
        "limit=1e3",
        "limit=" + "9" * 5_000,
        "page=" + "a" * 3_000,
    ],
)
def test_a_query_that_makes_no_sense_is_refused_with_a_sentence(
    product: Product, keys: Keys, token: str, query: str
) -> None:
    answer = ask(product, f"sites/{keys.seen}/live?{query}", Authorization=f"Bearer {token}")
    assert answer.status == 422
    assert list(answer.json) == ["error"]
    assert answer.json["error"].endswith(".")
    assert len(answer.body) < 200


@pytest.mark.parametrize("query", ["page=%00", "page=%ED%A0%80", "page=__proto__", "browser='--"])
def test_a_filter_that_names_nobody_finds_nobody(live: Callable[..., Any], query: str) -> None:
    shown = live(**dict(urllib.parse.parse_qsl(query)))
    assert shown["tabs"] == 0


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer wrong", "Bearer ff_00000000_" + "a" * 43, "Basic YTpi"]
)
def test_without_a_good_token_nothing_is_said(product: Product, keys: Keys, header: str) -> None:
    answer = ask(product, f"sites/{keys.seen}/live", **({"Authorization": header} if header else {}))
    unknown = ask(product, "sites/nosuchsite/live", **({"Authorization": header} if header else {}))
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json == {"error": "Send an API token (Authorization: Bearer TOKEN), or log in first."}
    assert (unknown.status, unknown.body) == (answer.status, answer.body)


def test_a_token_of_one_site_reads_that_one_and_says_nothing_of_others(product: Product, keys: Keys) -> None:
    text = product.add_token(keys.seen)
    answers = [
        ask(product, f"sites/{key}/live", Authorization=f"Bearer {text}")
        for key in (*keys, "nosuchsite", "a%00b")
    ]
    assert [answer.status for answer in answers] == [200, 404, 404, 404]
    assert len({answer.body for answer in answers[1:]}) == 1


def test_a_token_in_the_address_is_no_token(product: Product, keys: Keys, token: str) -> None:
    for name in ("token", "access_token", "Authorization"):
        answer = ask(product, f"sites/{keys.seen}/live?{name}={token}")
        assert answer.status == 400
        assert token.encode() not in answer.body


@pytest.mark.parametrize(
    ("name", "status"), [("owner", 200), ("viewer", 200), ("outsider", 404), ("customer", 404)]
)
def test_a_session_reads_what_its_user_may_see(product: Product, keys: Keys, name: str, status: int) -> None:
    staff = Staff(product, name)
    answer = ask(product, f"sites/{keys.seen}/live", Cookie=staff.cookies)
    assert answer.status == status
    assert ask(product, f"sites/{keys.strange}/live", Cookie=staff.cookies).status == 404
    # A wrong token is refused even beside a good session; what a proxy in front asks for is no token.
    for header, expected in {
        "Bearer x": 401,
        "bearer": 401,
        "Basic YTpi": status,
        "Negotiate x": status,
    }.items():
        answer = ask(product, f"sites/{keys.seen}/live", Cookie=staff.cookies, Authorization=header)
        assert answer.status == expected, header


def test_answers_are_for_their_reader_only(product: Product, keys: Keys, token: str) -> None:
    answer = ask(
        product, f"sites/{keys.seen}/live", Authorization=f"Bearer {token}", Origin="https://evil.example"
    )
    assert answer.headers["Cache-Control"] == "no-store"
    assert {"Authorization", "Cookie"} <= set(answer.headers["Vary"].split(", "))
    assert answer.headers["Access-Control-Allow-Origin"] is None


def test_no_token_reaches_the_log(product: Product, keys: Keys, token: str) -> None:
    ask(product, f"sites/{keys.seen}/live", Authorization=f"Bearer {token}")
    ask(product, f"sites/{keys.seen}/live", Authorization=f"Bearer {token}x")
    assert token.split("_", 2)[2] not in "\n".join(product.lines)


def test_the_api_describes_itself(product: Product) -> None:
    description = ask(product, "openapi.json").json
    assert description["openapi"].startswith("3.1")
    of_a_site = {path.removeprefix("/api/v1/sites/{key}").strip("/") for path in description["paths"]}
    assert of_a_site == {
        *(
            "",
            "api/v1/sites",
            "live",
            "live/stream",
            "refusals",
            "stats",
            "stats/several",
            "stays",
            "imported",
            "export/{kind}",
            "visits",
            "visits/{place}",
            "impact",
            "events",
        ),
        *(path for kind in ("goals", "segments", "annotations") for path in (kind, f"{kind}/{{number}}")),
        *("api/v1/signals", "api/v1/signals/stream", "api/v1/signals/logs"),
    }
    assert ask(product, "docs").status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "", 404),
        ("GET", "../", 404),
        ("GET", "nothing/here", 404),
        ("GET", "sites/x/live/", 404),
        ("GET", "sites/%00/live", 401),
        ("POST", "nothing/here", 404),
        ("POST", "sites/x/live", 405),
        ("DELETE", "sites/x/live?a=b", 405),
        ("BREW", "sites/x/live", 405),
        ("GET", "sites/x/live?limits=1", 400),
    ],
)
def test_every_refusal_is_json(product: Product, method: str, path: str, status: int) -> None:
    answer = ask(product, path, method)
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/json")
    assert answer.json["error"].endswith(".")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Allow"] == ("GET, HEAD, OPTIONS" if status == 405 else None)


def test_so_is_a_host_that_is_none_of_ours(product: Product) -> None:
    answer = ask(product, "sites/x/live", Host="evil.example")
    assert (answer.status, answer.json) == (400, {"error": "This request is not understood."})


def test_an_unknown_parameter_is_named_with_those_that_there_are(
    product: Product, keys: Keys, token: str
) -> None:
    answer = ask(product, f"sites/{keys.seen}/live?limit=1&limits=1", Authorization=f"Bearer {token}")
    allowed = sorted(["limit", *(each.parameter for each in TABLE)])
    assert answer.status == 400
    assert answer.json["allowed"] == allowed
    assert answer.json["error"] == f"limits is no parameter here; allowed: {', '.join(allowed)}."


def test_head_and_options_answer(product: Product, keys: Keys, token: str) -> None:
    bearer = f"Bearer {token}"
    whole = ask(product, f"sites/{keys.seen}/live?limit=1", Authorization=bearer)
    head = ask(product, f"sites/{keys.seen}/live?limit=1", "HEAD", Authorization=bearer)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Type"] == whole.headers["Content-Type"] == "application/json"
    assert int(head.headers["Content-Length"]) > 100
    assert ask(product, f"sites/{keys.seen}/live", "HEAD").status == 401
    assert ask(product, "nothing", "HEAD").status == 404
    options = ask(product, "sites/x/live", "OPTIONS")
    assert (options.status, options.body, options.headers["Allow"]) == (204, b"", "GET, HEAD, OPTIONS")
    assert options.headers["Access-Control-Allow-Origin"] is None
    assert ask(product, "nothing", "OPTIONS").status == 404
