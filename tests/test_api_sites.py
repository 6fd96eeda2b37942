"""The API: its sites, rights of tokens, limits, ETags; and that it keeps to its own description."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import Permission, User
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from analytics.access import tokens
from analytics.api.rate_limits import AWAY_SECONDS, RateLimits, TooOften
from analytics.api.redis_counts import RedisCounts
from analytics.models import Member, Token
from analytics.process import web
from analytics.urls import api
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests import stored
from tests.cast import Cast, make_cast
from tests.question_process import asked_of_ours
from tests.valkey import Valkey, running_valkey
from tracker.models import Site


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    with running_valkey() as started:
        yield started


def by(who: User | str) -> Client:
    if isinstance(who, str):
        return Client(headers={"Authorization": f"Bearer {who}"})
    client = Client()
    client.force_login(who)
    return client


def send(client: Client, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    answered = client.generic(method, f"/api/v1/{path}", json.dumps(body), "application/json")
    return answered.status_code, answered.json()


def test_everybody_lists_the_sites_that_they_see(cast: Cast) -> None:
    def keys(who: User | str) -> set[tuple[str, bool]]:
        answered = by(who).get("/api/v1/sites")
        return {(site["key"], site["may_change"]) for site in answered.json()["sites"]}

    seen, strange = cast.site.key, cast.strange_site.key
    assert keys(cast.owner) == {(seen, True)}
    assert keys(cast.viewer) == {(seen, False)}
    assert keys(cast.outsider) == set()
    assert keys(cast.superuser) == {(seen, True), (strange, True)}
    assert keys(tokens.issue([cast.site])) == {(seen, False)}
    assert keys(tokens.issue(write=True)) == {(seen, True), (strange, True)}
    assert by(cast.viewer).get(f"/api/v1/sites/{seen}").json()["domain"] == "seen.example"
    assert by(cast.viewer).get(f"/api/v1/sites/{strange}").status_code == 404


def test_sites_are_made_by_who_may(cast: Cast) -> None:
    new = {"domain": "https://New.example/", "timezone": "Asia/Kathmandu"}
    for nobody in (cast.owner, cast.outsider, tokens.issue(), tokens.issue([cast.site], write=True)):
        assert send(by(nobody), "POST", "sites", new)[0] == 403
    cast.outsider.user_permissions.add(Permission.objects.get(codename="add_site"))
    status, made = send(by(cast.outsider), "POST", "sites", new)
    assert (status, made["domain"], made["timezone"]) == (201, "new.example", "Asia/Kathmandu")
    assert made["hosts"] == ["new.example", "www.new.example"]
    assert Member.objects.get(user=cast.outsider).role == Member.Role.OWNER
    assert send(by(tokens.issue(write=True)), "POST", "sites", {"domain": "b.example"})[0] == 201
    for wrong, field in (
        ({"domain": "no host"}, "domain"),
        ({"domain": "*.example.com"}, "domain"),
        ({"domain": "c.example", "timezone": "Mars/Base"}, "timezone"),
        ({"domain": "c.example", "hosts": ["a b"]}, "hosts"),
    ):
        status, said = send(by(cast.superuser), "POST", "sites", wrong)
        assert (status, said["error"]["field"]) == (400, field)
    assert send(by(cast.superuser), "POST", "sites", {"domain": "c.example", "key": "x"})[0] == 422
    assert Site.objects.count() == 4


def test_a_change_leaves_alone_what_it_does_not_name(cast: Cast) -> None:
    path = f"sites/{cast.site.key}"
    Site.objects.filter(pk=cast.site.pk).update(excluded_paths=["/admin/*"], fold_case=True, honour_dnt=True)
    for nobody in (cast.viewer, tokens.issue([cast.site])):
        assert send(by(nobody), "PATCH", path, {"fold_case": False})[0] == 403
    assert send(by(cast.outsider), "PATCH", path, {"fold_case": False})[0] == 404
    status, changed = send(by(cast.owner), "PATCH", path, {"fold_case": False, "page_parameters": ["id"]})
    assert (status, changed["fold_case"], changed["honour_dnt"]) == (200, False, True)
    assert (changed["page_parameters"], changed["excluded_paths"]) == (["id"], ["/admin/*"])
    assert changed["hosts"] == cast.site.hosts
    writing = tokens.issue([cast.site], write=True)
    assert send(by(writing), "PATCH", path, {"excluded_paths": []})[1]["excluded_paths"] == []
    status, said = send(by(writing), "PATCH", path, {"excluded_addresses": ["300.1.1.1"]})
    assert (status, said["error"]["field"]) == (400, "excluded_addresses")
    site = Site.objects.get(pk=cast.site.pk)
    assert (site.page_parameters, site.fold_case, site.key) == (["id"], False, cast.site.key)


async def test_requests_are_counted_for_each_reader() -> None:
    now = 100.0
    limits = RateLimits(3, lambda: now)
    token, user = Token(pk=1), User(pk=1)
    rates = [await limits.take(token) for _ in range(3)]
    assert [rate.left for rate in rates if rate] == [2, 1, 0]
    now = 130.4
    with pytest.raises(TooOften) as refused:
        await limits.take(token)
    assert refused.value.rate.headers == {
        "RateLimit-Limit": "3",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": "30",
        "RateLimit-Policy": "3;w=60",
    }
    # Another reader, and the next minute.
    assert await limits.take(user)
    now = 160.0
    assert await limits.take(token) == (3, 2, 60)
    assert await RateLimits(0).take(token) is None
    for number in range(3000):
        now += 0.1
        await limits.take(Token(pk=number))
    assert len(limits._windows) <= 1001


async def test_all_processes_count_together_and_alone_while_redis_is_away(valkey: Valkey) -> None:
    now = 100.0
    shared = [RedisCounts(valkey.url) for _ in range(2)]
    one, other = (RateLimits(5, lambda: now, each) for each in shared)
    token, user = Token(pk=1), User(pk=1)
    rates = [await each.take(token) for each in (one, other, one)]
    assert [rate.left for rate in rates if rate] == [4, 3, 2]
    assert all(rate and 58 <= rate.reset <= 60 for rate in rates)
    assert await other.take(user) == (5, 4, 60)
    # Nobody is refused for that Redis is away, nor is anybody let in for ever.
    valkey.kill()
    alone = [await each.take(token) for each in (one, one, other)]
    assert [rate.left for rate in alone if rate] == [2, 1, 3]
    assert await one.take(token)
    with pytest.raises(TooOften) as refused:
        await one.take(token)
    assert refused.value.rate.headers["RateLimit-Remaining"] == "0"
    valkey.start()
    now += AWAY_SECONDS
    rates = [await each.take(token) for each in (one, other)]
    assert [rate.left for rate in rates if rate] == [4, 3]
    for each in shared:
        await each.close()


def test_who_asks_too_often_is_told_when_to_go_on(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web.rates, "_limit", 2)
    client = by(tokens.issue([cast.site]))
    answers = [client.get("/api/v1/sites") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert [each.headers["RateLimit-Remaining"] for each in answers] == ["1", "0", "0"]
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    assert "RateLimit-Limit" in answers[2].headers
    assert answers[2].json()["error"].startswith("This is too often")
    # What servers say would be lost: it is bounded by its batches.
    assert (
        client.post(f"/api/v1/sites/{cast.strange_site.key}/events", "{}", "application/json").status_code
        == 404
    )
    # Nobody else is in the way.
    assert by(cast.owner).get("/api/v1/sites").status_code == 200


@pytest.fixture
def site(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site.objects.create(domain="a.example", hosts=["a.example"], timezone="Europe/Berlin")
    stored.visit(site, datetime(2026, 11, 3, 11, tzinfo=UTC), "/", "/a", country="DE", events=1)
    with asked_of_ours(monkeypatch):
        yield site


def test_what_has_not_changed_is_not_sent_again(site: Site) -> None:
    client = by(User.objects.create_superuser("admin"))
    for path in ("stats?from=2026-11-03&to=2026-11-04", "visits?from=2026-11-03&to=2026-11-04", "goals", ""):
        url = f"/api/v1/sites/{site.key}/{path}".rstrip("/")
        first = client.get(url)
        tag = first.headers["ETag"]
        assert re.fullmatch(r'W/"[0-9a-f]{32}"', tag)
        again = client.get(url, headers={"If-None-Match": f'"x", {tag}'})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
        assert again.headers["RateLimit-Limit"]
        assert (
            client.get(url, headers={"If-None-Match": '"x"'}).content == first.content
            or "as_of" in first.json()
        )
    assert client.get("/api/v1/sites/nobody/goals").headers.get("ETag") is None
    url = f"/api/v1/sites/{site.key}/stats?from=2026-11-03&to=2026-11-04"
    tag = client.get(url).headers["ETag"]
    stored.visit(site, datetime(2026, 11, 4, 11, tzinfo=UTC), "/b", visitor=2)

    def changed() -> bool:
        return client.get(url, headers={"If-None-Match": tag}).status_code == 200

    wait_for(changed, 60, "another answer")


# What an answer must be, whatever was asked.
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
QUICK = settings(
    max_examples=6,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


def test_the_api_keeps_to_its_own_description(footfall: Product) -> None:
    """Schemathesis makes requests of what is described; no answer is one that is not described."""
    key = footfall.add_site("described.example")
    token = footfall.add_token(write=True)
    schema = schemathesis.openapi.from_url(f"{footfall.url}/api/v1/openapi.json")
    asked: Counter[int] = Counter()
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        if operation.path.endswith("/stream") or "servers" in operation.definition.raw.get("tags", ()):
            # They never end, or take what is told apart item by item: tests of their own.
            continue

        @given(case=operation.as_strategy())
        @QUICK
        def keeps(case: Any) -> None:
            # Nobody else's site is changed, and this one goes on counting.
            if "key" in case.path_parameters:
                case.path_parameters["key"] = key
            answered = case.call(headers={"Authorization": f"Bearer {token}"})
            case.validate_response(answered, checks=CHECKS)
            asked[answered.status_code] += 1

        keeps()
    assert asked[200] > 20
    assert asked[400] + asked[422] > 3


def every_operation() -> Iterator[tuple[str, str, set[str]]]:
    """Path, method, and all methods of the path, for each operation that is described."""
    for path, operations in api.get_openapi_schema()["paths"].items():
        methods = {method.upper() for method in operations}
        yield from ((path, method, methods) for method in sorted(methods))


def test_every_path_says_which_methods_it_has_and_names_what_it_does_not_know(cast: Cast) -> None:
    """HEAD, OPTIONS, other methods and unknown parameters, wherever anything is described."""
    client, seen = by(cast.superuser), 0
    for described, method, methods in every_operation():
        path = re.sub(r"\{kind\}", "views", described.replace("{key}", cast.site.key))
        path = re.sub(r"\{\w+\}", "1", path)
        allowed = ", ".join(sorted({*methods, "OPTIONS", *(["HEAD"] if "GET" in methods else [])}))
        told = client.options(path)
        assert (told.status_code, told.content, told.headers["Allow"]) == (204, b"", allowed), path
        for other in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} - methods:
            refused = client.generic(other, path, "{}", "application/json")
            assert (refused.status_code, refused.headers["Allow"]) == (405, allowed), (other, path)
            assert refused.json()["error"].endswith("."), (other, path)
        unknown = client.generic(method, f"{path}?nonsense=1&ask=by%3Dpage", "{}", "application/json")
        assert unknown.headers["Content-Type"] == "application/json", path
        # Several questions are refused one by one; and questions say which field is wrong in an object.
        refusal = unknown.json()["answers"][0] if path.endswith("/several") else unknown.json()
        assert refusal.get("status", unknown.status_code) == 400, (method, path)
        said = refusal if isinstance(refusal["error"], str) else refusal["error"]
        assert "nonsense" in (said.get("field") or said["error"]), (method, path)
        assert isinstance(said["allowed"], list), (method, path)
        if method == "GET":
            head = client.head(f"{path}?nonsense=1")
            assert (head.status_code, head.content) == (400, b""), path
            seen += 1
    assert seen >= 15


def test_the_description_is_made_once() -> None:
    """Anybody may ask for it, and making it takes a fifth of a second."""
    assert api.get_openapi_schema() is api.get_openapi_schema(path_params={})


def test_everything_described_has_an_example() -> None:
    for path, operations in api.get_openapi_schema()["paths"].items():
        for method, operation in operations.items():
            place = f"{method} {path}"
            if path.endswith("/stream"):
                continue
            assert operation["summary"], place
            assert operation["description"], place
            for parameter in operation.get("parameters", ()):
                assert "example" in parameter, (place, parameter["name"])
            body = operation.get("requestBody")
            for said in (*([body] if body else ()), *operation["responses"].values()):
                assert all("example" in content for content in said.get("content", {}).values()), place
