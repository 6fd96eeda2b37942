"""Visits and events one by one: listed, filtered, paged by place, opened; the same once sealed."""

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.history.question import Span, WrongQuestion
from analytics.history.sealing import Sealing, seal_all
from analytics.history.visit_list import ListPlace, read_place, spans_back
from analytics.models import Goal, HistoryDay
from tests import stored
from tests.question_process import asked_of_ours
from tests.weeks import own_weeks
from tracker.models import Event, PageView, Site, Visit

SPAN = "from=2026-11-01&to=2026-11-12"


@pytest.fixture
def site(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with asked_of_ours(monkeypatch):
        yield Site.objects.create(domain="a.example", hosts=["a.example"], timezone="Europe/Berlin")


class Lists:
    """The API, asked by an administrator."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.client = Client()
        self.client.force_login(User.objects.create_superuser("admin"))

    def get(self, path: str, status: int = 200) -> Any:
        answered = self.client.get(path if path[0] == "/" else f"/api/v1/sites/{self.site.key}/{path}")
        assert answered.status_code == status, answered.content
        return answered.json()

    def all(self, what: str, query: str) -> list[Any]:
        """All pages of a list."""
        rows, page = [], self.get(f"{what}?{SPAN}&{query}")
        while True:
            rows += page[what]
            if page["next"] is None:
                return rows
            page = self.get(page["next"])


def fill(site: Site) -> list[Visit]:
    chance = random.Random(5)
    visits = []
    for number in range(40):
        # Several begin at the same moment.
        at = datetime(2026, 11, 2, 8, tzinfo=UTC) + timedelta(
            days=chance.randrange(9), hours=chance.randrange(9)
        )
        paths = [chance.choice(["/", "/a", "/blog/x"]) for _ in range(chance.randint(1, 12))]
        visit = stored.visit(
            site, at, *paths, visitor=number, events=chance.randint(0, 2), country=chance.choice(["DE", "FR"])
        )
        visits.append(visit)
    return visits


def test_lists_are_whole_in_order_and_the_same_sealed(site: Site, tmp_path: Path) -> None:
    visits = fill(site)
    lists = Lists(site)
    expected = sorted((visit.began_at for visit in visits), reverse=True)
    before = {}
    for sealed in (False, True):
        if sealed:
            with own_weeks() as raw:
                now = datetime(2026, 11, 27, tzinfo=UTC)
                assert seal_all(raw, Sealing(tmp_path, 2**27), now)[1] == 0
            assert HistoryDay.objects.exists()
        told = lists.all("visits", "limit=7")
        assert [datetime.fromisoformat(row["at"]) for row in told] == expected
        assert len({row["id"] for row in told}) == len(visits)
        events = lists.all("events", "limit=7")
        assert len(events) == Event.objects.count()
        assert [row["at"] for row in events] == sorted((row["at"] for row in events), reverse=True)
        assert {row["visit"] for row in events} <= {row["id"] for row in told}
        german = lists.all("visits", "country=DE&limit=200")
        assert [row for row in told if row["country"] == "DE"] == german
        on_page = lists.all("visits", "page.match=/b**&limit=5")
        pages = set(PageView.objects.filter(path="/blog/x").values_list("visit_id", flat=True))
        assert len(on_page) == len(pages)
        assert len(lists.all("visits", "event=signup")) == sum(visit.events > 0 for visit in visits)
        assert lists.all("events", "event=nothing") == []
        assert len(lists.all("events", "property=plan&property:plan=pro&limit=3")) == len(events)
        (longest,) = [row for row in told if row["views"] == max(visit.views for visit in visits)][:1]
        whole = lists.get(f"visits/{longest['id']}")
        assert len(whole["page_views"]) == whole["views"] == longest["views"] > len(whole["path"])
        assert [view["page"] for view in whole["page_views"]][:8] == longest["path"]
        assert sum(len(view["events"]) for view in whole["page_views"]) == whole["events"]
        assert (whole["seconds"], whole["live"]) == (60.0 * whole["views"], False)
        assert not {"visit_id", "address", "visitor_id"} & whole.keys()
        before[sealed] = told, events, whole
    assert before[False] == before[True]


def test_what_is_open_now_is_live_and_goals_filter(site: Site) -> None:
    lists = Lists(site)
    now = datetime.now(UTC)
    stored.visit(site, now - timedelta(minutes=2), "/")
    open_one = stored.visit(site, now - timedelta(minutes=1), "/a", visitor=2)
    PageView.objects.filter(visit_id=open_one.pk).update(ended_at=None)
    told = lists.get("visits?period=7d")["visits"]
    assert [(row["path"], row["live"]) for row in told] == [(["/a"], True), (["/"], False)]
    assert lists.get(f"visits/{told[0]['id']}")["page_views"][0]["seconds"] is None
    Goal.objects.create(site=site, name="A", kind="page", pattern="/a")
    assert [row["path"] for row in lists.get("visits?period=7d&goal=A")["visits"]] == [["/a"]]


def test_what_cannot_be_listed_is_told(site: Site) -> None:
    lists = Lists(site)
    for text, field in (
        ("limit=201", "limit"),
        ("after=x", "after"),
        ("after=2026-02-31.1.1", "after"),
        ("by=page", "by"),
        ("metrics=views", "metrics"),
        ("contry=DE", "contry"),
        ("segment=1", "segment"),
    ):
        for what in ("visits", "events"):
            assert lists.get(f"{what}?{text}", 400)["error"]["field"] == field, text
    assert lists.get("visits/nonsense", 400)["error"]["field"] == "place"
    assert "no such site" in lists.get("visits/2026-11-03.1.1", 404)["error"]
    assert Client().get(f"/api/v1/sites/{site.key}/visits").status_code == 401
    assert lists.get("/api/v1/sites/nobody/visits", 404)


def test_a_span_is_looked_at_from_its_end() -> None:
    span = Span(date(2026, 1, 1), date(2026, 3, 31))
    pieces = spans_back(span)
    assert pieces[0] == Span(date(2026, 3, 30), date(2026, 3, 31))
    assert [piece.first for piece in pieces[:-1]] == [piece.last + timedelta(days=1) for piece in pieces[1:]]
    assert pieces[-1].first == span.first
    assert spans_back(Span(span.first, span.first)) == [Span(span.first, span.first)]
    place = ListPlace(date(2026, 3, 31), 17, 4)
    assert read_place(str(place), "after") == place
    for text in ("", "2026-03-31.1", "2026-03-31.-1.2", "٢٠٢٦-03-31.1.2", f"2026-03-31.1.{uuid.uuid4()}"):
        with pytest.raises(WrongQuestion):
            read_place(text, "after")
