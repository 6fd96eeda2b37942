"""`GET /api/v1/sites/KEY/stats`: the object of the contract, CSV with the same figures, and refusals."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.history.query_string import read
from analytics.history.question import HistoryQuestion, Span, WrongQuestion
from analytics.process import web
from tests import stored
from tests.question_process import asked_of_ours
from tracker.models import Site

NOW = datetime(2026, 11, 26, 23, 30, tzinfo=UTC)
TODAY = date(2026, 11, 27)  # in Berlin


def question(text: str, first: date | None = None) -> HistoryQuestion:
    query: dict[str, list[str]] = {}
    for pair in filter(None, text.split("&")):
        name, _, value = pair.partition("=")
        query.setdefault(name, []).append(value)
    return read(query, 1, "Europe/Berlin", NOW, first).question


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("", date(2026, 10, 29), TODAY),
        ("period=today", TODAY, TODAY),
        ("period=yesterday", TODAY - timedelta(days=1), TODAY - timedelta(days=1)),
        ("period=7d", date(2026, 11, 21), TODAY),
        ("period=28d", date(2026, 10, 31), TODAY),
        ("period=month", date(2026, 11, 1), TODAY),
        ("period=quarter", date(2026, 10, 1), TODAY),
        ("period=year", date(2026, 1, 1), TODAY),
        ("period=all", date(2026, 5, 3), TODAY),
        ("from=2026-02-28&to=2026-03-01", date(2026, 2, 28), date(2026, 3, 1)),
        ("period=custom&from=2026-02-28&to=2026-02-28", date(2026, 2, 28), date(2026, 2, 28)),
    ],
)
def test_periods_are_days_of_the_site(text: str, first: date, last: date) -> None:
    assert question(text, date(2026, 5, 3)).span == Span(first, last)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("period=7d&compare=previous", date(2026, 11, 14), date(2026, 11, 20)),
        ("period=30d&compare=weekdays", date(2026, 9, 24), date(2026, 10, 23)),
        ("from=2024-02-29&to=2024-03-01&compare=year", date(2023, 2, 28), date(2023, 3, 1)),
    ],
)
def test_comparisons_are_as_long(text: str, first: date, last: date) -> None:
    assert question(text).compared == Span(first, last)


@pytest.mark.parametrize(
    ("text", "interval"),
    [("period=today", "hour"), ("period=30d", "day"), ("period=year", "week"), ("period=all", "month")],
)
def test_a_series_has_as_many_rows_as_a_chart_shows(text: str, interval: str) -> None:
    assert question(text, date(2020, 1, 1)).dimensions == (interval,)


def test_filters_are_read_by_their_endings() -> None:
    asked = question(
        "by=page&country=DE&country=FR&page.not=/a&page.match=/b/*&property:plan=pro&metrics=views"
    )
    assert [(each.dimension, each.operator, each.values) for each in asked.filters] == [
        ("country", "is", ("DE", "FR")),
        ("page", "not", ("/a",)),
        ("page", "match", ("/b/*",)),
        ("property:plan", "is", ("pro",)),
    ]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("page=/über-uns", ("/%C3%BCber-uns",)),
        ("entry_page=/%c3%bcber-uns", ("/%C3%BCber-uns",)),
        ("exit_page.match=www.müller.example/ü/**", ("xn--mller-kva.example/%C3%BC/**",)),
        ("previous_page.not=/%25&previous_page.not=", ("/%25", "")),
        ("next_page.notmatch=**", ("**",)),
        ("title=Über uns", ("Über uns",)),
    ],
)
def test_pages_are_taken_as_people_write_them(text: str, values: tuple[str, ...]) -> None:
    (asked,) = question(f"by=country&{text}").filters
    assert asked.values == values


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("period=8d", "period"),
        ("period=7d&from=2026-01-01&to=2026-01-02", "period"),
        ("from=2026-01-01", "to"),
        ("from=2026-01-02&to=2026-01-01", "to"),
        ("from=2026-02-30&to=2026-03-01", "from"),
        ("from=2000-01-01&to=2099-01-01", "to"),
        ("compare=never", "compare"),
        ("by=page,day&compare=previous", "compare"),
        ("interval=second", "interval"),
        ("by=page&interval=day", "interval"),
        ("by=nonsense", "by"),
        ("metrics=nonsense", "metrics"),
        ("metrics=", "metrics"),
        ("limit=x", "limit"),
        ("limit=0", "limit"),
        ("offset=-1", "offset"),
        ("order=nonsense", "order"),
        ("contry=DE", "contry"),
        ("page.like=x", "page.like"),
        ("segment=3", "segment"),
        ("wait=16", "wait"),
        ("wait=1.5", "wait"),
    ],
)
def test_what_means_nothing_is_told(text: str, field: str) -> None:
    with pytest.raises(WrongQuestion) as wrong:
        question(text)
    assert (wrong.value.field, bool(wrong.value.message)) == (field, True)


@pytest.fixture
def site(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site.objects.create(domain="a.example", hosts=["a.example"], timezone="Europe/Berlin")
    noon = datetime(2026, 11, 3, 11, tzinfo=UTC)
    stored.visit(site, noon, "/", "/a", "=1+1", visitor=1, country="DE", events=1)
    stored.visit(site, noon + timedelta(days=1), "/a", visitor=2, country="FR")
    stored.visit(site, noon - timedelta(days=1), "/a", visitor=3, country="FR")
    with asked_of_ours(monkeypatch):
        yield site


@pytest.fixture
def client(site: Site) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    return client


SPAN = "from=2026-11-03&to=2026-11-04"


def test_filters_of_all_kinds_are_understood(site: Site, client: Client) -> None:
    def views(text: str) -> Any:
        answered = client.get(f"/api/v1/sites/{site.key}/stats?{SPAN}&metrics=views&{text}")
        assert answered.status_code == 200, answered.content
        return answered.json()["totals"]["views"]

    assert (views(""), views("page=/a"), views("page.not=/a")) == (4, 2, 2)
    assert (views("page.match=/*"), views("page.notmatch=/*")) == (3, 1)
    assert (views("country.not=DE&page=/a"), views("property:plan=pro")) == (1, 3)
    for text in ("page.like=x", "nonsense=1", "property:=x"):
        refused = client.get(f"/api/v1/sites/{site.key}/stats?{SPAN}&{text}")
        assert refused.status_code == 400
        assert refused.json()["error"]["field"] == text.partition("=")[0]


def test_figures_of_the_past_as_json_and_csv(site: Site, client: Client) -> None:
    url = f"/api/v1/sites/{site.key}/stats"

    def get(text: str) -> Any:
        answered = client.get(f"{url}?{SPAN}&{text}")
        assert answered.status_code == 200, answered.content
        return answered.json()

    told = get("metrics=visitors,views&compare=previous")
    assert told["site"] == site.key
    assert told["period"] == {
        "from": "2026-11-03",
        "to": "2026-11-04",
        "zone": "Europe/Berlin",
        "interval": "hour",
    }
    assert datetime.fromisoformat(told["as_of"]) <= datetime.now(UTC)
    assert told["began"] == told["counted_from"][:10] == "2026-11-02"
    assert datetime.fromisoformat(told["counted_from"]).utcoffset() == timedelta(hours=1)
    assert told["totals"] == {"visitors": 2, "views": 4}
    assert told["compared"] == {
        "from": "2026-11-01",
        "to": "2026-11-02",
        "totals": {"visitors": 1, "views": 1},
    }
    assert (len(told["rows"]), told["found"]) == (48, 48)
    assert told["rows"][12]["hour"] == "2026-11-03T12:00+01:00"
    assert told["rows"][12]["compared"]["views"] == 0
    by_day = get("by=day&metrics=views&compare=previous")["rows"]
    beside = get("interval=day&metrics=views&compare=previous")["rows"]
    assert by_day == beside
    assert all(row["compared"] is not None for row in by_day)
    told = get("by=page&metrics=views,visits&order=-views&limit=1&compare=previous")
    assert told["rows"] == [{"page": "/a", "views": 2, "visits": 2, "compared": {"views": 1, "visits": 1}}]
    assert (told["found"], told["rows_total"]) == (3, {"views": 4, "visits": 4})
    assert get(told["next"].partition("?")[2].partition("&")[2])["found"] == 3
    assert get("by=country&country=FR")["rows"][0]["country"] == "FR"
    answered = client.get(f"{url}?{SPAN}&by=page&metrics=views&order=page", headers={"Accept": "text/csv"})
    assert answered.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(
        rf'attachment; filename="{re.escape(site.domain)}-page-[0-9-]{{21}}\.csv"',
        answered.headers["Content-Disposition"],
    )
    assert answered.content.startswith(codecs.BOM_UTF8)
    rows = list(csv.reader(io.StringIO(answered.content.decode("utf-8-sig"))))
    assert rows == [["page", "views"], ["/", "1"], ["/a", "2"], ["'=1+1", "1"]]

    wrong = client.get(f"{url}?{SPAN}&by=nonsense")
    assert wrong.status_code == 400
    error = wrong.json()["error"]
    assert (error["field"], "page" in error["allowed"]) == ("by", True)
    assert client.get(f"{url}?format=xml").status_code == 400
    assert client.get("/api/v1/sites/nobody/stats").status_code == 404
    assert Client().get(url).status_code == 401
    web.questions._most, most = 0, web.questions._most
    try:
        assert client.get(url).status_code == 503
    finally:
        web.questions._most = most


def test_how_long_people_stay_is_told_under_filters(client: Client, site: Site) -> None:
    url = f"/api/v1/sites/{site.key}/stays"
    told = client.get(f"{url}?{SPAN}&page=/a&previous_page=/")
    assert told.status_code == 200, told.content
    body = told.json()
    assert body["period"] == {"from": "2026-11-03", "to": "2026-11-04", "zone": "Europe/Berlin"}
    assert (body["views"], body["open"], body["median"], body["p90"]) == (1, 0, 60.0, 60.0)
    assert body["curve"][0] == {"seconds": 0.0, "share": 1.0, "views": 1}
    assert body["curve"][-1] == {"seconds": 75.0, "share": 0.0, "views": 0}
    assert [each["percent"] for each in body["depth"]] == list(range(0, 101, 10))
    assert (body["preparing"], body["damaged"]) == ([], [])
    for by, head, rows in (
        ("seconds", "seconds", [[each["seconds"], each["views"]] for each in body["curve"]]),
        ("depth", "percent", [[each["percent"], each["views"]] for each in body["depth"]]),
    ):
        file = client.get(f"{url}?{SPAN}&page=/a&previous_page=/&format=csv&by={by}")
        assert f"-stays-{by}-2026" in file.headers["Content-Disposition"]
        first, *lines = csv.reader(io.StringIO(file.content.decode("utf-8-sig")))
        assert first == [head, "share", "views"]
        assert [[float(line[0]), int(line[2])] for line in lines] == rows
    for text in ("limit=3", "by=page", "by=depth", "metrics=views", "nonsense=1", "period=8d", "format=xml"):
        refused = client.get(f"{url}?{text}")
        assert refused.status_code == 400
        assert refused.json()["error"]["field"] == text.partition("=")[0]
    assert client.get("/api/v1/sites/nobody/stays").status_code == 404
    assert Client().get(url).status_code == 401


def test_several_are_asked_at_once_and_answered_as_each_alone(client: Client, site: Site) -> None:
    url = f"/api/v1/sites/{site.key}/stats"
    asks = ["by=page&metrics=views,visitors", "metrics=visits&page=/a", "by=nothing", "by=page&limit=1"]
    together = client.get(f"{url}/several", {"ask": asks, **dict(parse_qsl(SPAN)), "metrics": "views"})
    assert together.status_code == 200, together.content
    answers = together.json()["answers"]
    assert [each["status"] for each in answers] == [200, 200, 400, 200]
    for ask, each in zip(asks, answers, strict=True):
        own = ask if "metrics" in ask else f"{ask}&metrics=views"
        alone = client.get(f"{url}?{SPAN}&{own}").json()
        assert each.get("answer", {}).get("rows") == alone.get("rows")
        assert each.get("answer", {}).get("totals") == alone.get("totals")
    assert answers[2]["error"]["field"] == "by"
    following = client.get(answers[3]["answer"]["next"]).json()
    assert following["rows"] == client.get(f"{url}?{SPAN}&metrics=views&by=page").json()["rows"][1:2]


@pytest.mark.parametrize("text", ["", "ask=" + "&ask=" * 16, "ask=by%3Dpage&format=csv"])
def test_several_are_some_and_in_json(client: Client, site: Site, text: str) -> None:
    refused = client.get(f"/api/v1/sites/{site.key}/stats/several?{SPAN}&{text}")
    assert refused.status_code == 400
    assert refused.json()["error"]["field"] == "ask"
