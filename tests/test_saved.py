"""Goals, segments and annotations over the API and in the settings: who may, what is checked and undone."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.access import tokens
from analytics.models import Annotation, Goal, Segment
from tests import stored
from tests.cast import Cast, make_cast
from tests.question_process import asked_of_ours
from tracker.models import Site

GOAL = {"name": "Order", "kind": "event", "pattern": "signup", "property": "plan", "value": "p*"}
SEGMENT = {"name": "Germany", "query": "country=DE&page.match=%2F**"}
ANNOTATION = {"at": "2026-11-03T12:00:00Z", "text": "Version 2 is out ⚑"}
KINDS = {"goals": (GOAL, Goal), "segments": (SEGMENT, Segment), "annotations": (ANNOTATION, Annotation)}


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


def client(user: User | None = None, token: str = "", csrf: bool = False) -> Client:
    headers = {"Authorization": f"Bearer {token}"} if token else None
    made = Client(headers=headers, enforce_csrf_checks=csrf)
    if user:
        made.force_login(user)
    return made


def url(site: Site, kind: str, number: int | None = None) -> str:
    return f"/api/v1/sites/{site.key}/{kind}" + (f"/{number}" if number is not None else "")


def send(by: Client, method: str, address: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    answered = by.generic(method, address, json.dumps(body or {}), "application/json")
    return answered.status_code, answered.json()


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_made_listed_changed_deleted_and_made_again(cast: Cast, kind: str) -> None:
    body, model = KINDS[kind]
    owner = client(cast.owner)
    status, made = send(owner, "POST", url(cast.site, kind), body)
    assert status == 201, made
    number = made.pop("id")
    assert made.keys() == body.keys()
    assert client(cast.viewer).get(url(cast.site, kind)).json() == {kind: [{"id": number, **made}]}
    other = {**body, "name": "Other"} if "name" in body else {**body, "text": "Other"}
    assert send(owner, "PUT", url(cast.site, kind, number), other)[0] == 200
    status, gone = send(owner, "DELETE", url(cast.site, kind, number))
    assert (status, "Other" in gone["deleted"].values()) == (200, True)
    assert not model.objects.exists()  # type: ignore[attr-defined]
    assert send(owner, "POST", url(cast.site, kind), gone["deleted"])[0] == 201
    assert send(owner, "DELETE", url(cast.site, kind, number))[0] == 404
    # Another site's is nobody's here.
    foreign = model.objects.get()  # type: ignore[attr-defined]
    foreign.site = cast.strange_site
    foreign.save()
    assert send(owner, "DELETE", url(cast.site, kind, foreign.pk))[0] == 404
    assert send(owner, "PUT", url(cast.site, kind, 2**70), body)[0] in (404, 422)


@pytest.mark.parametrize("kind", KINDS)
def test_who_may(cast: Cast, kind: str) -> None:
    body, _ = KINDS[kind]
    address = url(cast.site, kind)
    # Segments are shared among members; what others' figures depend on is an owner's.
    assert send(client(cast.viewer), "POST", address, body)[0] == (201 if kind == "segments" else 403)
    for nobody in (cast.outsider, cast.customer):
        assert send(client(nobody), "POST", address, body)[0] == 404
        assert client(nobody).get(address).status_code == 404
    assert send(client(), "POST", address, body)[0] == 401
    reading, writing = tokens.issue([cast.site]), tokens.issue([cast.site], write=True)
    foreign = tokens.issue([cast.strange_site], write=True)
    other = {**body, "name": "By a token"} if "name" in body else body
    status, said = send(client(token=reading), "POST", address, other)
    assert (status, said) == (403, {"error": "This token may only read: make one that may write."})
    assert client(token=reading).get(address).status_code == 200
    assert send(client(token=writing), "POST", address, other)[0] == 201
    assert send(client(token=foreign), "POST", address, other)[0] == 404
    # A session changes nothing for the page of another site, a token needs no cookie.
    assert send(client(cast.superuser, csrf=True), "POST", address, other)[0] == 403
    assert send(client(token=writing, csrf=True), "DELETE", f"{address}/1")[0] in (200, 404)


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        ("goals", {"name": ""}, "name"),
        ("goals", {"name": "x" * 65}, "name"),
        ("goals", {"name": "a\0b"}, "name"),
        ("goals", {"pattern": ""}, "pattern"),
        ("goals", {"kind": "page"}, "property"),
        ("goals", {"kind": "page", "property": "", "value": "", "pattern": "thanks"}, "pattern"),
        ("goals", {"property": ""}, "property"),
        ("segments", {"query": ""}, "query"),
        ("segments", {"query": "contry=DE"}, "query"),
        ("segments", {"query": "goal=Nothing"}, "query"),
        ("segments", {"query": "country=DE&segment=1"}, "query"),
        ("segments", {"query": "period=30d"}, "query"),
        ("segments", {"query": "page=a&" * 1001}, "query"),
        ("annotations", {"at": "0001-01-01T00:00:00+10:00"}, "at"),
        ("annotations", {"at": "2200-01-01T00:00:00Z"}, "at"),
        ("annotations", {"text": ""}, "text"),
        ("annotations", {"text": "x" * 281}, "text"),
    ],
)
def test_what_is_wrong_is_told_with_its_field(
    cast: Cast, kind: str, change: dict[str, str], field: str
) -> None:
    body, model = KINDS[kind]
    status, said = send(client(cast.owner), "POST", url(cast.site, kind), body | change)
    assert (status, said["error"]["field"], bool(said["error"]["message"])) == (400, field, True)
    assert not model.objects.exists()  # type: ignore[attr-defined]


def test_bodies_are_read_strictly_and_names_are_alone(cast: Cast) -> None:
    owner = client(cast.owner)
    address = url(cast.site, "goals")
    for body in ({"nonsense": 1}, {**GOAL, "more": 1}, {**GOAL, "kind": "visit"}, {"name": "x"}):
        assert send(owner, "POST", address, body)[0] == 422
    assert owner.post(address, b"{", "application/json").status_code == 400
    half = owner.post(address, rb'{"name": "\udc00", "pattern": "/x"}', "application/json")
    assert (half.status_code, "half a character" in half.json()["error"]) == (422, True)
    assert send(owner, "POST", url(cast.site, "annotations"), {"at": "yesterday", "text": "x"})[0] == 422
    far = {"at": "2026-02-28T18:49:51-18:18", "text": "x"}
    assert send(owner, "POST", url(cast.site, "annotations"), far)[1]["at"] == "2026-03-01T13:07:51Z"
    assert send(owner, "POST", address, GOAL)[0] == 201
    status, said = send(owner, "POST", address, GOAL)
    assert (status, said["error"]["field"]) == (400, "name")
    Goal.objects.bulk_create(
        Goal(site=cast.site, name=f"{number}", kind="page", pattern="/x") for number in range(49)
    )
    status, said = send(owner, "POST", address, {**GOAL, "name": "one too many"})
    assert (status, "at most 50 goals" in said["error"]["message"]) == (400, True)


def test_owners_define_goals_in_the_settings(cast: Cast) -> None:
    settings = f"/sites/{cast.site.key}/settings/"
    owner = client(cast.owner)
    assert owner.post(f"{settings}goals/", {"do": "add", **GOAL, "name": "<Ü&>"}).status_code == 302
    page = owner.get(settings).content.decode()
    assert "&lt;Ü&amp;&gt;" in page
    refused = owner.post(f"{settings}goals/", {"do": "add", **GOAL, "property": ""})
    assert (refused.status_code, "Of which property" in refused.content.decode()) == (422, True)
    assert 'value="signup"' in refused.content.decode()  # what was typed stands there still
    shown = client(cast.viewer).get(settings).content.decode()
    assert ("&lt;Ü&amp;&gt;" in shown, "Remove the goal" in shown) == (True, False)
    assert client(cast.viewer).post(f"{settings}goals/", {"do": "add", **GOAL}).status_code == 403
    goal = Goal.objects.get()
    alone = {"X-Footfall-Section": "goals"}
    removed = owner.post(f"{settings}goals/", {"do": "remove", "goal": goal.pk}, headers=alone)
    assert (removed.status_code, "Undo" in removed.content.decode()) == (200, True)
    assert not Goal.objects.exists()
    again = owner.post(f"{settings}goals/", {"do": "remove", "goal": goal.pk}, headers=alone)
    assert "removed already" in again.content.decode()


@pytest.fixture
def site(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site.objects.create(domain="a.example", hosts=["a.example"], timezone="Europe/Berlin")
    noon = datetime(2026, 11, 3, 11, tzinfo=UTC)
    stored.visit(site, noon, "/", "/a", visitor=1, country="DE", events=2)
    stored.visit(site, noon, "/a", visitor=2, country="FR")
    stored.visit(site, noon, "/b%C3%BC", visitor=3, country="DE")
    with asked_of_ours(monkeypatch):
        yield site


def test_questions_speak_of_goals_and_segments(site: Site) -> None:
    owner = client(User.objects.create_superuser("admin"))

    def told(text: str) -> Any:
        answered = owner.get(f"/api/v1/sites/{site.key}/stats?from=2026-11-03&to=2026-11-03&{text}")
        return answered.json()

    send(owner, "POST", url(site, "goals"), GOAL)
    send(owner, "POST", url(site, "goals"), {"name": "A", "kind": "page", "pattern": "/a"})
    _, segment = send(owner, "POST", url(site, "segments"), {"name": "German", "query": "country=DE"})
    goals = told("by=goal")
    assert goals["rows"] == [
        {"goal": "A", "conversions": 2, "conversion_rate": pytest.approx(2 / 3), "goal_value": 0},
        {"goal": "Order", "conversions": 1, "conversion_rate": pytest.approx(1 / 3), "goal_value": 3},
    ]
    rows = told("by=country&metrics=visits,conversions,conversion_rate&conversion=A&order=country")["rows"]
    assert [list(row.values()) for row in rows] == [["DE", 2, 1, 0.5], ["FR", 1, 1, 1]]
    assert told(f"metrics=visits&segment={segment['id']}")["totals"] == {"visits": 2}
    assert told(f"metrics=visits&segment={segment['id']}&goal=A")["totals"] == {"visits": 1}
    assert told("metrics=number_sum&number=x")["totals"] == {"number_sum": 0}
    for text, field in (
        ("segment=99999", "segment"),
        ("goal=B", "goal"),
        ("conversion=B&metrics=conversions", "conversion"),
        ("by=goal&metrics=views", "metrics"),
        ("metrics=number_sum", "number"),
    ):
        assert told(text)["error"]["field"] == field, text
    # Defined anew, it counts anew at once, on what was there before; and a page is what people write.
    number = Goal.objects.get(name="A").pk
    send(owner, "PUT", url(site, "goals", number), {"name": "A", "kind": "page", "pattern": "/bü"})
    assert told("metrics=conversions&conversion=A")["totals"] == {"conversions": 1}
    # What belongs to a site goes with it.
    site.delete()
    assert not Goal.objects.exists()
    assert not Segment.objects.exists()
