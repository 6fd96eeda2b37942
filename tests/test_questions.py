"""Questions about the past against plain counts of rows, on sealed, open and mixed days; and invariants."""

import os
import random
import re
import tempfile
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import psycopg
import pytest

from analytics.board.report_tables import TABLES
from analytics.history import day_store, file_cache
from analytics.history.answering import Answering
from analytics.history.day_store import DayStore, Found
from analytics.history.dimensions import DIMENSIONS, Level
from analytics.history.duck import open_duck
from analytics.history.due_days import due_days
from analytics.history.file_cache import FileCache
from analytics.history.kept_parts import TABLE_BYTES, KeptParts
from analytics.history.kept_rows import KeptRows
from analytics.history.local_days import micros
from analytics.history.measures import MEASURES
from analytics.history.question import HistoryAnswer, HistoryFilter, HistoryQuestion, Span, WrongQuestion
from analytics.history.question_sql import DAY_NUMBER
from analytics.history.sealing import Sealing, seal_all
from analytics.history.site_totals import TOTALS, SiteSpan, SiteTotalsQuestion
from analytics.history.site_totals_answering import SiteTotalsAnswering
from analytics.history.stay import StayAnswer, StayPoint, StayQuestion
from analytics.history.staying import StayAnswering
from analytics.history.turns import GivenUp, Turns
from analytics.models import HistoryDay
from scripts.stands.waiting import wait_for
from tests import stored
from tests.earlier_days import without_servers
from tracker.models import Event, PageView, Site, Touched
from tracker.postgres.connect import connect

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = date(2025, 3, 28)
DAYS = 5  # over a change of clocks and the end of a month
NOW = datetime(2025, 4, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FIRST_TABS = [tabs[0].dimension for tabs in TABLES.values() if tabs[0].dimension != "goal"]
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
SERVERS = ("", "web-1", "db's")
MIDNIGHTS = {"Australia/Lord_Howe": date(2025, 4, 4), "America/New_York": date(2025, 3, 7)}


@dataclass
class Asking:
    """What tests ask with."""

    answering: Answering
    duck: duckdb.DuckDBPyConnection
    site: Site
    folder: Path
    measures: tuple[str, ...]
    staying: StayAnswering

    def stay(
        self,
        filters: tuple[HistoryFilter, ...],
        first: date = FIRST,
        days: int = DAYS,
        now: datetime = NOW,
    ) -> StayAnswer:
        span = Span(first, first + timedelta(days=days - 1))
        question = HistoryQuestion(
            site_id=self.site.pk,
            zone=self.site.timezone,
            span=span,
            measures=("views",),
            filters=filters,
            wait=60,
        )
        return self.staying.answer(self.duck, StayQuestion(question), now)

    def __call__(
        self,
        *measures: str,
        by: tuple[str, ...] = (),
        first: date = FIRST,
        days: int = DAYS,
        now: datetime = NOW,
        filters: tuple[HistoryFilter, ...] = (),
        **more: Any,
    ) -> HistoryAnswer:
        question = HistoryQuestion(
            site_id=self.site.pk,
            zone=self.site.timezone,
            span=Span(first, first + timedelta(days=days - 1)),
            measures=measures,
            dimensions=by,
            filters=filters,
            # However long a busy machine takes to make open days.
            **{"wait": 60, **more},
        )
        return self.answering.answer(self.duck, question, now)


@pytest.fixture
def site() -> Site:
    return Site.objects.create(domain="a.example", hosts=["a.example"], timezone="Europe/Berlin")


@contextmanager
def asking(site: Site, folder: Path, kept: KeptParts | None, memory: int = 2**28) -> Iterator[Asking]:
    """Somebody who asks about a site, with an empty cache, out of kept parts of days or of all rows."""
    store = DayStore(FileCache(folder, 2**30), 2**27)
    measures = PLAIN if kept is None else tuple(name for name in PLAIN if not name.endswith("_median"))
    with open_duck([folder], folder / "spill", memory, 2) as duck:
        duck.execute(DAY_NUMBER)
        yield Asking(Answering(store, kept), duck, site, folder, measures, StayAnswering(store, kept))
    store.close()


@pytest.fixture(params=["all rows", "kept parts"])
def ask(site: Site, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Asking]:
    kept = KeptParts(2**24, KeptRows(2**24)) if request.param == "kept parts" else None
    with asking(site, tmp_path / "history", kept) as ask:
        yield ask


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    with connect() as connection:
        connection.autocommit = True
        yield connection


def seal(connection: psycopg.Connection, folder: Path, now: datetime = NOW) -> None:
    assert seal_all(connection, Sealing(folder, 2**27), now)[1] == 0


def history(site: Site, seed: int, first: date = FIRST, days: int = DAYS, visits: int = 60) -> None:
    """Visits at random, some over midnight, with events."""
    chance = random.Random(seed)
    zone = ZoneInfo(site.timezone)
    start = datetime.combine(first, datetime.min.time(), zone).astimezone(UTC)
    views, events = [], []
    for _ in range(visits):
        at = start + timedelta(seconds=chance.randint(0, days * 86_400 - 1))
        day = at.astimezone(zone).date()
        origin = {
            "referrer": chance.choice(["", "Google", "Bing"]),
            "channel": chance.choice(["direct", "search"]),
            "country": chance.choice(["DE", "FR", "日本"]),
            "browser": chance.choice(["Chrome", "Firefox"]),
            "device": "desktop",
            "width": chance.choice([0, 390, 800, 1440, 4000]),
        }
        visitor = uuid.UUID(int=day.toordinal() * 100 + chance.randint(1, 12))
        visit_id = None
        for _ in range(chance.randint(1, 4)):
            if at.astimezone(zone).date() != day:
                break
            page = uuid.UUID(int=chance.getrandbits(100))
            visit_id = visit_id or page
            seconds = chance.choice([0, 3, 30, 300, 1700, 30_000])
            views.append(
                PageView(
                    id=page,
                    site=site,
                    began_at=at,
                    ended_at=at + timedelta(seconds=seconds),
                    visit_id=visit_id,
                    visitor=visitor,
                    path=chance.choice(["/", "/a", "/blog/1", "/blog/2/x", "/%C3%BC%20'%22"]),
                    server=SERVERS[page.int % 3],
                    title=chance.choice(["One", '"Two"; --']),
                    engaged_ms=min(seconds * 500, 60_000),
                    depth=chance.randint(0, 100),
                    edge=1,
                    connection=1,
                    **origin,
                )
            )
            if chance.random() < 0.2:
                events.append(
                    Event(
                        id=uuid.UUID(int=chance.getrandbits(100)),
                        site=site,
                        at=at + timedelta(seconds=min(seconds, 60)),
                        page_view_id=page,
                        visit_id=visit_id,
                        name=chance.choice(["signup", "buy"]),
                        properties={"plan": chance.choice(["pro", "a/b"])} if chance.random() < 0.8 else {},
                        value=chance.choice([None, 2.5]),
                    )
                )
            at += timedelta(seconds=chance.randint(1, 1500))
    PageView.objects.bulk_create(views)
    Event.objects.bulk_create(events)


class Plain:
    """The same measures, the slow and plain way."""

    def __init__(self, site: Site, first: date = FIRST, days: int = DAYS) -> None:
        self.zone = ZoneInfo(site.timezone)
        self.first, self.last = first, first + timedelta(days=days - 1)
        self.all = list(PageView.objects.filter(site=site).order_by("began_at", "id"))
        self.events: dict[uuid.UUID, list[Event]] = defaultdict(list)
        for event in Event.objects.filter(site=site):
            self.events[event.page_view_id].append(event)
        self.visit: dict[uuid.UUID, list[PageView]] = defaultdict(list)
        for view in self.all:
            self.visit[view.visit_id].append(view)

    def day(self, view: PageView) -> date:
        return view.began_at.astimezone(self.zone).date()

    def kept(self, keep: Callable[[PageView], bool] = lambda view: True) -> list[PageView]:
        return [view for view in self.all if self.first <= self.day(view) <= self.last and keep(view)]

    def measures(self, kept: list[PageView]) -> dict[str, Any]:
        visits = {view.visit_id for view in kept}
        bounces = [name for name in visits if self.bounced(self.visit[name])]
        lasted = [
            (max(v.ended_at for v in self.visit[n] if v.ended_at) - self.visit[n][0].began_at).total_seconds()
            for n in visits
        ]
        opened = [(v.ended_at - v.began_at).total_seconds() for v in kept if v.ended_at]
        return {
            "visitors": len({(self.day(view), view.visitor) for view in kept}),
            "visits": len(visits),
            "views": len(kept),
            "events": sum(len(self.events[view.pk]) for view in kept),
            "value": sum(event.value or 0 for view in kept for event in self.events[view.pk]),
            "bounces": len(bounces),
            "views_per_visit": len(kept) / len(visits) if visits else None,
            "bounce_rate": len(bounces) / len(visits) if visits else None,
            "visit_seconds": sum(lasted) / len(lasted) if lasted else None,
            "visit_seconds_median": median(lasted) if lasted else None,
            "open_seconds": sum(opened) / len(opened) if opened else None,
            "open_seconds_median": median(opened) if opened else None,
            "depth": sum(view.depth for view in kept) / len(kept) if kept else None,
        }

    def bounced(self, visit: list[PageView]) -> bool:
        events = sum(len(self.events[view.pk]) for view in visit)
        return len(visit) == 1 and not events and sum(view.engaged_ms for view in visit) < 10_000

    def at_once(self, since: datetime, until: datetime, keep: Callable[[PageView], bool]) -> tuple[int, Any]:
        """The peak, and when it was first, by looking at each moment at which anybody came."""
        views = [view for view in self.all if keep(view) and view.ended_at]
        moments = {since} | {view.began_at for view in views if since <= view.began_at < until}
        best: tuple[int, Any] = (0, None)
        for at in sorted(moments):
            there = {(self.day(v), v.visitor) for v in views if v.ended_at and v.began_at <= at < v.ended_at}
            if len(there) > best[0]:
                best = len(there), at
        return best


PLAIN = (
    *("visitors", "visits", "views", "events", "value", "bounces", "views_per_visit", "bounce_rate"),
    *("visit_seconds", "visit_seconds_median", "open_seconds", "open_seconds_median", "depth"),
)


def same(names: tuple[str, ...], told: list[Any], expected: dict[str, Any]) -> None:
    for name, value in zip(names, told, strict=True):
        assert value == (pytest.approx(expected[name]) if expected[name] is not None else None), name


def is_(dimension: str, *values: str, operator: str = "is") -> HistoryFilter:
    return HistoryFilter(dimension, operator, values)


FILTERS: dict[str, tuple[tuple[HistoryFilter, ...], Callable[[Plain, PageView], bool]]] = {
    "none": ((), lambda plain, view: True),
    "country": ((is_("country", "DE", "日本"),), lambda plain, view: view.country in ("DE", "日本")),
    "not": ((is_("browser", "Chrome", operator="not"),), lambda plain, view: view.browser != "Chrome"),
    "page": ((is_("page", "/a"),), lambda plain, view: view.path == "/a"),
    "pages": (
        (is_("page", "/a", "/%C3%BC%20'%22"),),
        lambda plain, view: view.path in ("/a", "/%C3%BC%20'%22"),
    ),
    "match": (
        (is_("page", "/blog/*", operator="match"),),
        lambda plain, view: bool(re.fullmatch("/blog/[^/]*", view.path)),
    ),
    "match all": (
        (is_("page", "/blog/**", operator="match"), is_("country", "FR")),
        lambda plain, view: view.path.startswith("/blog/") and view.country == "FR",
    ),
    "not match": ((is_("page", "/b**", operator="notmatch"),), lambda plain, view: view.path[:2] != "/b"),
    "title and entry": (
        (is_("title", "One"), is_("entry_page", "/")),
        lambda plain, view: view.title == "One" and plain.visit[view.visit_id][0].path == "/",
    ),
    "server": (
        (is_("server", "web-1", operator="not"), is_("server", "d*", operator="match")),
        lambda plain, view: view.server == "db's",
    ),
    "event": (
        (is_("event", "signup"),),
        lambda plain, view: any(
            e.name == "signup" for v in plain.visit[view.visit_id] for e in plain.events[v.pk]
        ),
    ),
    "no event": (
        (is_("event", "signup", operator="not"),),
        lambda plain, view: (
            not any(e.name == "signup" for v in plain.visit[view.visit_id] for e in plain.events[v.pk])
        ),
    ),
    "property": (
        (is_("property:plan", "a/b"),),
        lambda plain, view: any(
            e.properties.get("plan") == "a/b" for v in plain.visit[view.visit_id] for e in plain.events[v.pk]
        ),
    ),
}
STATES = ("open", "sealed", "mixed")


def prepare(state: str, connection: psycopg.Connection, folder: Path) -> None:
    if state != "open":
        seal(connection, folder)
    if state == "mixed":
        Touched.objects.create(site_id=Site.objects.get().pk, at=datetime(2025, 3, 30, 12, tzinfo=UTC))
        HistoryDay.objects.filter(day=date(2025, 3, 29)).delete()


@pytest.mark.parametrize("state", STATES)
def test_totals_and_tables_are_what_a_plain_count_says(
    site: Site, ask: Asking, connection: psycopg.Connection, state: str
) -> None:
    history(site, 7)
    prepare(state, connection, ask.folder)
    plain = Plain(site)
    for name, (filters, keep) in FILTERS.items():
        kept = plain.kept(lambda view, keep=keep: keep(plain, view))  # type: ignore[misc]
        assert kept, name
        same(ask.measures, ask(*ask.measures, filters=filters).totals, plain.measures(kept))
        keys: dict[str, Callable[[PageView], str]] = {
            "page": lambda view: view.path,
            "country": lambda view: view.country,
            "exit_page": lambda view: plain.visit[view.visit_id][-1].path,
            "title": lambda view: view.title,
            "server": lambda view: view.server,
        }
        for dimension, key in keys.items():
            answer = ask(*ask.measures, by=(dimension,), filters=filters)
            assert answer.table is not None
            groups: dict[str, list[PageView]] = defaultdict(list)
            for view in kept:
                groups[key(view)].append(view)
            assert {row[0] for row in answer.table.rows} == set(groups)
            assert answer.table.found == len(groups)
            for row in answer.table.rows:
                same(ask.measures, row[1:], plain.measures(groups[row[0]]))
            assert answer.table.sums[2] == len(kept)


def test_days_that_were_sealed_before_servers_were_kept_have_none(
    site: Site, ask: Asking, connection: psycopg.Connection, tmp_path: Path
) -> None:
    history(site, 8)
    second = datetime(2025, 3, 29, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    PageView.objects.filter(began_at__lt=second.replace(hour=0)).update(server="")
    seal(connection, ask.folder)
    plain = Plain(site)
    earlier = HistoryDay.objects.filter(site_id=site.pk, day=FIRST)
    assert without_servers(earlier, tmp_path) == 1
    # Nothing is missing in them: they are neither sealed again nor told to differ.
    assert due_days(connection, NOW) == []
    due = due_days(connection, NOW, again=True)
    assert {Sealing(ask.folder, 2**27).differences(connection, each) for each in due} == {(0, 0)}
    for days in (1, DAYS):
        kept = [view for view in plain.kept() if days == DAYS or plain.day(view) == FIRST]
        answer = ask("views", by=("server",), days=days)
        assert answer.table is not None
        counted = {name: sum(view.server == name for view in kept) for name in SERVERS}
        assert dict(answer.table.rows) == {name: count for name, count in counted.items() if count}
        for name, count in counted.items():
            there = ask("views", filters=(is_("server", name),), days=days).totals
            others = ask("views", "at_once_peak", filters=(is_("server", name, operator="not"),), days=days)
            assert (there[0], others.totals[0]) == (count, len(kept) - count)
        # Under another filter, whose rows are kept, and beside it.
        of_page = (is_("page", "/a"), is_("country", "DE", "FR"))
        found = ask("views", by=("server", "page"), filters=of_page, days=days).table
        wanted = [view for view in kept if view.path == "/a" and view.country != "日本"]
        assert found is not None
        assert sum(row[2] for row in found.rows) == len(wanted)
    # What comes late has it sealed again, as days are sealed today.
    assert HistoryDay.objects.filter(kind="views", format=2).count() == 1
    Touched.objects.create(site_id=site.pk, at=datetime(2025, 3, 28, 12, tzinfo=UTC))
    seal(connection, ask.folder)
    assert not HistoryDay.objects.filter(kind="views", format=2).exists()


@pytest.mark.parametrize("zone", ZONES)
def test_hours_days_and_months_are_the_sites_own(
    site: Site, ask: Asking, connection: psycopg.Connection, zone: str
) -> None:
    first = MIDNIGHTS.get(zone, FIRST)
    Site.objects.filter(pk=site.pk).update(timezone=zone)
    ask.site.timezone = site.timezone = zone
    history(site, 8, first)
    seal(connection, ask.folder)
    plain = Plain(site, first)
    kept = plain.kept()
    start = datetime.combine(first, datetime.min.time(), plain.zone).astimezone(UTC)
    end = datetime.combine(first + timedelta(days=DAYS), datetime.min.time(), plain.zone).astimezone(UTC)
    hours = ask("views", "visits", by=("hour",), first=first).table
    days = ask("visitors", "visits", "views", "bounces", by=("day",), first=first).table
    assert hours is not None
    assert days is not None
    assert len(hours.rows) == -(-(end - start) // HOUR)
    for label, views, _ in hours.rows:
        since = datetime.fromisoformat(label)
        local_end = (since.astimezone(plain.zone) + timedelta(days=1)).replace(hour=0, minute=0, fold=0)
        until = min(since + HOUR, local_end.astimezone(UTC))
        assert views == sum(since <= view.began_at < until for view in kept), label
    for day, *told in days.rows:
        that_day = [view for view in kept if plain.day(view).isoformat() == day]
        expected = plain.measures(that_day)
        assert told == [expected[name] for name in ("visitors", "visits", "views", "bounces")]
        of_day = [row for row in hours.rows if row[0].startswith(day)]
        assert [sum(row[column] for row in of_day) for column in (1, 2)] == [told[2], told[1]]
    walls = ask("views", by=("weekday_hour",), first=first).table
    assert walls is not None
    for label, views in walls.rows:
        at = [view.began_at.astimezone(plain.zone) for view in kept]
        assert views == sum(f"{each.isoweekday()}-{each.hour:02}" == label for each in at), label
    weeks, months = (ask("views", by=(name,), first=first).table for name in ("week", "month"))
    assert weeks is not None
    assert months is not None
    for label, views in weeks.rows:
        monday = date.fromisoformat(label)
        assert monday.weekday() == 0
        assert views == sum(monday <= plain.day(view) < monday + timedelta(days=7) for view in kept)
    assert {row[0]: row[1] for row in months.rows} == {
        label: sum(plain.day(view).isoformat().startswith(label) for view in kept)
        for label in {plain.day(view).isoformat()[:7] for view in kept}
    }


@pytest.mark.parametrize("state", STATES)
def test_visitors_at_once_are_counted_from_their_spans(
    site: Site, ask: Asking, connection: psycopg.Connection, state: str
) -> None:
    history(site, 9)
    prepare(state, connection, ask.folder)
    plain = Plain(site)
    start = datetime.combine(FIRST, datetime.min.time(), plain.zone).astimezone(UTC)
    end = datetime.combine(FIRST + timedelta(days=DAYS), datetime.min.time(), plain.zone).astimezone(UTC)
    for filters, keep in FILTERS.values():
        told = ask("at_once_peak", "at_once_peak_at", filters=filters).totals
        peak, at = plain.at_once(start, end, lambda view, keep=keep: keep(plain, view))  # type: ignore[misc]
        assert told[0] == peak
        assert (told[1] and micros(datetime.fromisoformat(told[1])) // 1000) == (at and micros(at) // 1000)
    table = ask("at_once_peak", "at_once_mean", by=("day",), first=FIRST + timedelta(days=1), days=2).table
    assert table is not None
    for day, peak, mean in table.rows:
        since = datetime.combine(date.fromisoformat(day), datetime.min.time(), plain.zone)
        until = (since + timedelta(days=1)).astimezone(UTC)
        since = since.astimezone(UTC)
        assert peak == plain.at_once(since, until, lambda view: True)[0]
        assert 0 < mean <= peak
    (row,) = ask("at_once_peak", by=("page",), filters=(is_("page", "/a"),)).table.rows  # type: ignore[union-attr]
    assert row == ["/a", plain.at_once(start, end, lambda view: view.path == "/a")[0]]


def test_a_page_view_over_midnight_counts_on_both_days_at_once(site: Site, ask: Asking) -> None:
    zone = ZoneInfo(site.timezone)
    midnight = datetime.combine(FIRST + timedelta(days=1), datetime.min.time(), zone).astimezone(UTC)
    stored.visit(site, midnight - timedelta(seconds=30), "/")
    second = FIRST + timedelta(days=1)
    told = ask("views", "at_once_peak", "at_once_peak_at", "at_once_mean", first=second, days=1).totals
    assert told == [0, 1, "2025-03-29T00:00:00.000+01:00", pytest.approx(30 / 86_400)]


@pytest.mark.parametrize("seed", range(3))
def test_numbers_add_up(site: Site, ask: Asking, connection: psycopg.Connection, seed: int) -> None:
    history(site, 100 + seed, visits=40)
    chance = random.Random(seed)
    additive = [name for name, each in MEASURES.items() if each.adds]
    before = {name: ask(*additive, filters=filters).totals for name, (filters, _) in FILTERS.items()}
    seal(connection, ask.folder)
    for name, (filters, _) in FILTERS.items():
        totals = dict(zip(additive, ask(*additive, filters=filters).totals, strict=True))
        assert list(totals.values()) == before[name]  # sealed is what open was
        assert totals["visitors"] <= totals["visits"] <= totals["views"]
        for interval in ("hour", "day", "week", "month"):
            series = ask("visits", "views", "events", "bounces", by=(interval,), filters=filters).table
            assert series is not None
            assert series.sums == [totals[each] for each in ("visits", "views", "events", "bounces")]
            for row in series.rows:
                assert row[1] <= row[2]
        more = is_(*chance.choice([("country", "DE"), ("page", "/a"), ("title", "One"), ("size", "480–767")]))
        fewer = ask(*additive, filters=(*filters, more)).totals
        assert all(a <= b for a, b in zip(fewer, totals.values(), strict=True))
        opposite = HistoryFilter(more.dimension, "not", more.values)
        others = ask("views", "events", filters=(*filters, opposite)).totals
        assert fewer[additive.index("views")] + others[0] == totals["views"]
        assert fewer[additive.index("events")] + others[1] == totals["events"]
        peak = ask("at_once_peak", filters=filters).totals[0]
        by_hour = ask("at_once_peak", by=("hour",), filters=filters).table
        assert by_hour is not None
        assert max(row[1] for row in by_hour.rows) == peak


@pytest.mark.parametrize("state", ["open", "mixed"])
def test_page_views_are_told_apart_by_what_their_visit_had_before_and_after(
    site: Site, ask: Asking, connection: psycopg.Connection, state: str
) -> None:
    history(site, 31)
    prepare(state, connection, ask.folder)
    plain = Plain(site)

    def beside(view: PageView, step: int) -> str:
        views = plain.visit[view.visit_id]
        at = views.index(view) + step
        return views[at].path if 0 <= at < len(views) else ""

    measures = ("visitors", "visits", "views", "open_seconds", "depth")
    for name, step in (("previous_page", -1), ("next_page", 1)):
        for filters, keep in (
            ((), lambda view, step=step: True),
            ((is_("page", "/a"),), lambda view, step=step: view.path == "/a"),
            (
                (is_("page", "/a"), is_(name, "/a", "", operator="not"), is_("country", "DE", "FR")),
                lambda view, step=step: (
                    view.path == "/a" and beside(view, step) not in ("/a", "") and view.country != "日本"
                ),
            ),
            (
                (is_(name, "/blog/**", operator="match"),),
                lambda view, step=step: beside(view, step)[:6] == "/blog/",
            ),
        ):
            kept = plain.kept(keep)
            assert kept
            groups: dict[str, list[PageView]] = defaultdict(list)
            for view in kept:
                groups[beside(view, step)].append(view)
            answer = ask(*measures, by=(name,), filters=filters)
            assert answer.table is not None
            assert {row[0] for row in answer.table.rows} == set(groups)
            for row in answer.table.rows:
                same(measures, row[1:], plain.measures(groups[row[0]]))
            same(measures, answer.totals, plain.measures(kept))
            # By something else under such a filter, and at once.
            by_title = ask("views", "at_once_peak", by=("title",), filters=filters).table
            assert by_title is not None
            for title, views, peak in by_title.rows:
                assert views == sum(view.title == title for view in kept)
                assert 0 < peak <= len({(plain.day(view), view.visitor) for view in kept})
    # Who came from a page went from there to this one.
    onward = ask("views", by=("page", "next_page"), limit=1000).table
    back = ask("views", by=("previous_page", "page"), limit=1000).table
    assert onward is not None
    assert back is not None
    assert {(*row[:2], row[2]) for row in onward.rows if row[1]} == {
        (*row[:2], row[2]) for row in back.rows if row[0]
    }


def test_hosts_stand_before_paths_where_a_site_shows_them(site: Site, ask: Asking) -> None:
    at = datetime(2025, 3, 29, 12, tzinfo=UTC)
    stored.visit(site, at, "docs.a.example/x/y", "a.example/", "/z", "no path", visitor=1)
    table = ask("views", by=("host",), order="host").table
    assert table is not None
    assert table.rows == [["", 2], ["a.example", 1], ["docs.a.example", 1]]
    assert ask("views", filters=(is_("host", "*.a.example", operator="match"),)).totals == [1]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("ask", ["kept parts"], indirect=True)
def test_readers_are_still_there_after_as_many_seconds_as_they_stayed(
    site: Site, ask: Asking, connection: psycopg.Connection, state: str
) -> None:
    history(site, 33)
    prepare(state, connection, ask.folder)
    plain = Plain(site)
    for filters, keep in FILTERS.values():
        kept = plain.kept(lambda view, keep=keep: keep(plain, view))  # type: ignore[misc]
        lasted = [(view.ended_at - view.began_at).total_seconds() for view in kept if view.ended_at]
        told = ask.stay(filters)
        # Out of what is kept of days by then.
        made = tables(ask)
        assert ask.stay(filters).curve == told.curve
        assert state != "sealed" or tables(ask) == made
        assert (told.views, told.open, len(lasted)) == (len(kept), 0, len(kept))
        assert told.curve[0] == StayPoint(0.0, 1.0, len(kept))
        for point in told.curve:
            there = sum(each >= point.seconds for each in lasted)
            assert point.views == there
            assert point.share == pytest.approx(there / len(kept))
        assert told.curve[-1].views == 0
        assert told.median == pytest.approx(sorted(lasted)[(len(lasted) - 1) // 2])
        assert [(point.percent, point.views) for point in told.depth] == [
            (percent, sum(view.depth >= percent for view in kept)) for percent in range(0, 101, 10)
        ]
    nobody = ask.stay((is_("country", "XX"),))
    assert (nobody.views, nobody.median, nobody.curve, nobody.depth) == (0, None, [], [])


@pytest.mark.parametrize("ask", ["kept parts"], indirect=True)
def test_who_is_still_there_has_stayed_for_as_long_as_was_seen(site: Site, ask: Asking) -> None:
    now = datetime.now(UTC)
    # How many minutes ago they came, how many they stayed; None: they are there.
    came = [(60, 10), (60, None), (50, 10), (40, 5), (30, None), (2, None), (1.5, 1)]
    for number, (ago, minutes) in enumerate(came):
        began = now - timedelta(minutes=ago)
        made = stored.visit(site, began, "/", visitor=number + 1)
        ended = None if minutes is None else began + timedelta(minutes=minutes)
        PageView.objects.filter(pk=made.pk).update(ended_at=ended)
    today = now.astimezone(ZoneInfo(site.timezone)).date()
    told = ask.stay((), first=today - timedelta(days=1), days=2, now=now)
    shares = {point.seconds: (point.share, point.views) for point in told.curve}
    assert (told.views, told.open) == (7, 3)
    # One of 7 left after a minute; who came two minutes ago says nothing of later; then one of 5, two of 4.
    seven = {60: (1, 7), 75: (6 / 7, 6), 120: (6 / 7, 6), 150: (6 / 7, 5)}
    five = {360: (6 / 7 * 4 / 5, 4), 720: (6 / 7 * 4 / 5 * 2 / 4, 2), 3600: (6 / 7 * 4 / 5 * 2 / 4, 1)}
    for seconds, (share, there) in {**seven, **five}.items():
        assert shares[seconds][0] == pytest.approx(share)
        assert shares[seconds][1] == there
    assert (told.median, told.p90) == (600, None)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("ask", ["kept parts"], indirect=True)
def test_sites_come_to_what_each_of_them_does(
    site: Site, ask: Asking, connection: psycopg.Connection, state: str
) -> None:
    history(site, 37)
    prepare(state, connection, ask.folder)
    nobody = Site.objects.create(domain="nobody.example", hosts=["nobody.example"])
    summing = SiteTotalsAnswering(ask.staying._store)
    last = FIRST + timedelta(days=DAYS - 1)
    spans = tuple(SiteSpan(each.pk, each.timezone, FIRST, last) for each in (nobody, site))
    told = [summing.answer(ask.duck, SiteTotalsQuestion(spans), NOW) for _ in range(2)]
    assert told[0].totals == told[1].totals == [[0, 0, 0], ask(*TOTALS).totals]
    late = SiteTotalsAnswering(ask.staying._store, patience=-1)
    assert late.answer(ask.duck, SiteTotalsQuestion(spans), NOW).totals == [None, None]


def test_who_waits_for_a_day_lets_others_have_their_turn(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    stored.visit(site, now, "/")
    turns, made = Turns(1), threading.Event()
    store = DayStore(FileCache(tmp_path, 2**30), 2**27, resting=turns.resting)
    make = store._make
    monkeypatch.setattr(store, "_make", lambda *day: (made.wait(30), make(*day))[1])
    today = now.astimezone(ZoneInfo(site.timezone)).date()

    def ask(number: int) -> Found:
        with turns.turn(number):
            return store.find(site.pk, site.timezone, today, today, now, wait=30)

    with ThreadPoolExecutor(2) as people:
        try:
            first = people.submit(ask, 1)
            wait_for(lambda: bool(store._open))
            with turns.turn(2):
                # Now the first one gets no turn any more: nobody waits for it.
                turns.give_up(1)
                made.set()
                with pytest.raises(GivenUp):
                    first.result(30)
                turns.forget(1)
            assert ask(1).paths[today]
        finally:
            made.set()
    store.close()


def tables(ask: Asking) -> set[str]:
    """The tables that parts of days are kept in."""
    return {name for (name,) in ask.duck.execute("SELECT table_name FROM duckdb_tables()").fetchall()}


def test_parts_of_days_are_made_once_and_no_more_are_kept_than_may_be(
    site: Site, tmp_path: Path, connection: psycopg.Connection
) -> None:
    history(site, 21)
    told = []
    for most in (2**24, 0):
        with asking(site, tmp_path / str(most), KeptParts(most)) as ask:
            seal(connection, ask.folder)
            told.append(ask("visits", "views", by=("page",), days=3))
            made = tables(ask)
            assert len(made) == (2 if most else 0)  # by page, and the totals
            told.append(ask("visits", "views", by=("page",), days=3))
            assert tables(ask) == made
            # A day by its hours is another table, weeks are the days of the totals.
            ask("visits", "views", by=("week",), days=3)
            assert tables(ask) == made
            ask("visits", "views", by=("page",), days=5)
            assert len(tables(ask) - made) == (2 if most else 0)  # two further days of each
            assert made <= tables(ask)
    assert all(each.table == told[0].table and each.totals == told[0].totals for each in told)


def test_what_a_filter_keeps_is_looked_at_once_for_all_tables(
    site: Site, tmp_path: Path, connection: psycopg.Connection
) -> None:
    history(site, 24)
    filters = (HistoryFilter("page", "match", ("/*",)), HistoryFilter("country", "not", ("FR",)))
    told = []
    for most in (2**24, 0):
        with asking(site, tmp_path / str(most), KeptParts(2**24, KeptRows(most))) as ask:
            seal(connection, ask.folder)
            for names, kept in ((FIRST_TABS, 1), (("hour", "exit_page", "title"), 2)):
                told += [
                    ask("visitors", "visits", "views", by=(by,), days=3, filters=filters).table
                    for by in names
                ]
                rows = {name for name in tables(ask) if name.startswith("rows_")}
                # Of more columns for the tables that nobody sees at first.
                assert len(rows) == (kept if most else 0)
    half = len(told) // 2
    assert told[:half] == told[half:]
    assert all(told)


def test_no_hour_has_a_row_in_which_no_visit_began(site: Site, ask: Asking) -> None:
    history(site, 24)
    table = ask("visits", by=("country", "hour")).table
    assert table is not None
    assert table.rows
    assert all(visits for _, _, visits in table.rows)


def test_names_are_found_by_a_text_in_them(site: Site, ask: Asking) -> None:
    history(site, 22)
    whole = ask("views", by=("page",)).table
    found = ask("views", by=("page",), find="BLOG/", limit=1).table
    assert whole is not None
    assert found is not None
    expected = [row for row in whole.rows if "/blog/" in row[0]]
    assert len(expected) > 1
    assert (found.rows, found.found) == (expected[:1], len(expected))
    assert found.sums == [sum(row[1] for row in expected)]
    for spelled in ("ü", "Ü", "/Ü%20", "%c3%bc"):
        letters = ask("views", by=("page",), find=spelled).table
        assert letters is not None
        assert [row[0] for row in letters.rows] == ["/%C3%BC%20'%22"], spelled
    # What people type is no pattern.
    none = ask("views", by=("page",), find="%' OR true --").table
    assert none is not None
    assert none.rows == []
    with pytest.raises(WrongQuestion) as wrong:
        ask("views", by=("day",), find="2025")
    assert wrong.value.field == "find"


def test_events_are_told_apart_by_name_and_property(site: Site, ask: Asking) -> None:
    history(site, 11)
    plain = Plain(site)
    kept = [event for view in plain.kept() for event in plain.events[view.pk]]
    table = ask("events", "visits", "value", by=("event",), order="-events").table
    assert table is not None
    for name, events, visits, value in table.rows:
        those = [event for event in kept if event.name == name]
        assert (events, visits) == (len(those), len({event.visit_id for event in those}))
        assert value == pytest.approx(sum(event.value or 0 for event in those))
    assert {row[0] for row in table.rows} == {"signup", "buy"}
    for filters in ((), (is_("event", "buy"),)):
        table = ask("events", by=("property:plan",), filters=filters).table
        assert table is not None
        assert {row[0]: row[1] for row in table.rows} == {
            plan: sum(
                event.properties.get("plan") == plan and (not filters or event.name == "buy")
                for event in kept
            )
            for plan in ("pro", "a/b")
        }
    with pytest.raises(WrongQuestion) as wrong:
        ask("depth", by=("event",))
    assert (wrong.value.field, wrong.value.allowed[:3]) == ("metrics", ("events", "views", "value"))


def test_rows_come_in_order_in_pages_and_with_what_they_add_up_to(site: Site, ask: Asking) -> None:
    history(site, 12)
    whole = ask("views", "visits", by=("page",)).table
    assert whole is not None
    assert [row[2] for row in whole.rows] == sorted((row[2] for row in whole.rows), reverse=True)
    pages = []
    for offset in range(0, 5, 2):
        part = ask("views", "visits", by=("page",), limit=2, offset=offset).table
        assert part is not None
        assert (part.found, part.sums) == (whole.found, whole.sums)
        pages += part.rows
    assert pages == whole.rows
    named = ask("views", by=("page",), order="page").table
    assert named is not None
    assert [row[0] for row in named.rows] == sorted(row[0] for row in whole.rows)


def test_another_span_is_compared_by_the_same_names(site: Site, ask: Asking) -> None:
    history(site, 13)
    before = Span(FIRST, FIRST + timedelta(days=1))
    after = FIRST + timedelta(days=2)
    answer = ask("views", by=("country",), first=after, days=2, compared=before)
    assert answer.compared_totals == ask("views", first=FIRST, days=2).totals
    alone = ask("views", by=("country",), first=FIRST, days=2).table
    assert answer.compared_table is not None
    assert alone is not None
    assert {row[0]: row[1] for row in answer.compared_table.rows} == {row[0]: row[1] for row in alone.rows}
    series = ask("views", by=("day",), first=after, days=2, compared=before)
    assert series.compared_table is not None
    assert [row[0] for row in series.compared_table.rows] == ["2025-03-28", "2025-03-29"]


def test_today_counts_until_now_and_is_compared_until_the_same_time(site: Site, ask: Asking) -> None:
    zone = ZoneInfo(site.timezone)
    noon = datetime.combine(FIRST, datetime.min.time(), zone).replace(hour=12).astimezone(UTC)
    for hour in (-26, -23, -2, 0, -1):
        stored.visit(site, noon + hour * HOUR, "/", visitor=hour + 30)
    PageView.objects.filter(began_at=noon - HOUR).update(ended_at=None)
    now = datetime.now(UTC)
    yesterday = FIRST - timedelta(days=1)
    answer = ask(
        *("views", "at_once_peak"), first=FIRST, days=1, now=noon + HOUR, compared=Span(yesterday, yesterday)
    )
    assert now <= answer.as_of <= datetime.now(UTC)
    assert answer.totals == [3, 2]
    # Of yesterday what began before 13:00 on its own clock.
    assert answer.compared_totals == [1, 1]
    hours = ask("views", by=("hour",), first=FIRST, days=1, now=noon + HOUR).table
    assert hours is not None


def test_what_is_not_sealed_yet_is_told_and_a_few_days_are_read_at_once(site: Site, ask: Asking) -> None:
    zone = ZoneInfo(site.timezone)
    for number in range(12):
        at = datetime.combine(FIRST + timedelta(days=number), datetime.min.time(), zone)
        stored.visit(site, at.astimezone(UTC), "/")
    answer = ask("views", days=12)
    assert answer.totals == [8]
    assert answer.missing_days == [FIRST + timedelta(days=number) for number in range(4)]


def test_a_damaged_file_of_the_cache_is_fetched_again(
    site: Site, ask: Asking, connection: psycopg.Connection
) -> None:
    history(site, 14)
    seal(connection, ask.folder)
    views = ask("views").totals
    for left in (slice(4), slice(9, None)):
        for path in ask.folder.glob("*.parquet"):
            path.write_bytes(path.read_bytes()[left])
        assert ask("views").totals == views
    for path in ask.folder.glob("*.parquet"):
        path.unlink()
    assert ask("views").totals == views


def test_a_damaged_sealed_day_is_told_read_from_its_rows_and_sealed_again(
    site: Site, ask: Asking, connection: psycopg.Connection
) -> None:
    history(site, 15)
    seal(connection, ask.folder)
    views = ask("views").totals
    for path in ask.folder.glob("*.parquet"):
        path.unlink()
    HistoryDay.objects.filter(day=FIRST, kind="views").update(file=b"damaged")
    answer = ask("views")
    assert (answer.totals, answer.damaged_days) == (views, [FIRST])
    seal(connection, ask.folder)
    answer = ask("views")
    assert (answer.totals, answer.damaged_days) == (views, [])


def test_of_a_day_whose_rows_are_gone_what_is_sealed_counts_with_what_came_late(
    site: Site, ask: Asking, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day_store, "SEEN_SECONDS", -1.0)
    history(site, 16)
    seal(connection, ask.folder)
    views = ask("views", "visitors", by=("day",)).table
    assert views is not None
    PageView.objects.all().delete()
    Event.objects.all().delete()
    connection.execute("INSERT INTO tracker_watermark (job, at) VALUES ('raw', %s)", [NOW])
    noon = datetime.combine(FIRST, datetime.min.time(), ZoneInfo(site.timezone)).replace(hour=12)
    # Somebody says that something came, and nothing is there.
    Touched.objects.create(site_id=site.pk, at=noon.astimezone(UTC))
    assert ask("views", "visitors", by=("day",)).table == views
    stored.visit(site, noon.astimezone(UTC), "/late", visitor=99)
    late = ask("views", "visitors", by=("day",)).table
    assert late is not None
    assert late.rows[0] == [views.rows[0][0], views.rows[0][1] + 1, views.rows[0][2] + 1]
    assert late.rows[1:] == views.rows[1:]
    seal(connection, ask.folder)
    assert ask("views", "visitors", by=("day",)).table == late


def test_a_damaged_day_whose_rows_are_gone_is_told_each_time_and_touches_nothing(
    site: Site, ask: Asking, connection: psycopg.Connection
) -> None:
    history(site, 17)
    seal(connection, ask.folder)
    (second,) = ask("views", first=FIRST + timedelta(days=1), days=1).totals
    for path in ask.folder.glob("*.parquet"):
        path.unlink()
    PageView.objects.all().delete()
    connection.execute("INSERT INTO tracker_watermark (job, at) VALUES ('raw', %s)", [NOW])
    Touched.objects.all().delete()
    HistoryDay.objects.filter(day=FIRST, kind="views").update(file=b"damaged")
    for _ in range(2):
        answer = ask("views", days=2)
        assert (answer.totals, answer.damaged_days) == ([second], [FIRST])
    # Retention waits for what is touched, of all sites.
    assert not Touched.objects.exists()


def test_what_is_compared_is_told_when_it_is_whole(
    site: Site, ask: Asking, connection: psycopg.Connection
) -> None:
    for number in range(12):
        at = datetime.combine(FIRST + timedelta(days=number), datetime.min.time(), ZoneInfo(site.timezone))
        stored.visit(site, at.astimezone(UTC), "/")
    before = Span(FIRST, FIRST + timedelta(days=9))
    last = FIRST + timedelta(days=10)
    answer = ask("views", by=("page",), first=last, days=2, compared=before)
    assert (answer.totals, answer.compared_totals, answer.compared_table) == ([2], None, None)
    assert answer.missing_days == [FIRST, FIRST + timedelta(days=1)]
    seal(connection, ask.folder)
    answer = ask("views", by=("page",), first=last, days=2, compared=before)
    assert (answer.compared_totals, answer.missing_days) == ([10], [])


@pytest.mark.parametrize("days", [1, 2])
def test_of_days_to_come_there_is_nothing(site: Site, ask: Asking, days: int) -> None:
    """Also beside a day that has something, whose page views may be open still."""
    now = datetime.now(UTC)
    today = now.astimezone(ZoneInfo(site.timezone)).date()
    stored.visit(site, now - timedelta(minutes=1), "/")
    coming = today + timedelta(days=2 - days)
    asked = ("views", "visits", "at_once_peak", "at_once_mean")
    for by in ((), ("day",), ("page",), ("hour",), ("weekday_hour",)):
        answer = ask(*asked, by=by, first=coming, days=days, now=now)
        assert answer.totals[:2] == [days - 1, days - 1]


def test_kept_parts_of_many_filters_are_bounded(site: Site, tmp_path: Path) -> None:
    history(site, 18)
    most = 5 * TABLE_BYTES
    kept = KeptParts(most, KeptRows(2**24))
    with asking(site, tmp_path / "history", kept) as ask:
        for number in range(20):
            ask("views", by=("page",), filters=(HistoryFilter("page", "is", (f"/{number}",)),))
        (tables,) = ask.duck.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'parts_%'"
        ).fetchone() or (0,)
    assert 0 < tables <= 5


def test_what_is_kept_goes_where_memory_is_out(site: Site, tmp_path: Path) -> None:
    history(site, 19, days=1, visits=5)
    kept = KeptParts(2**40)
    with asking(site, tmp_path / "history", kept, 2**24) as ask:
        whole = ask("views", by=("page",), days=1).table
        for number in range(150):
            ask("views", by=("page",), days=1, filters=(HistoryFilter("page", "not", (f"/{number}",)),))
        assert ask("views", by=("page",), days=1).table == whole


def test_what_others_work_at_stays_in_the_cache(tmp_path: Path) -> None:
    """Each web process has a process of questions, and all of them one folder."""
    ours = Path(tempfile.mkdtemp(prefix=file_cache.work_prefix(), dir=tmp_path))
    spilled = tmp_path / f"spill-{os.getpid()}"
    gone = [tmp_path / name for name in ("opening-999999999-x", "spill-999999999", "opening-left")]
    for folder in (spilled, *gone):
        folder.mkdir()
    file_cache.clear_work(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([ours, spilled])


def test_the_cache_keeps_no_more_bytes_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_cache, "SPARED_SECONDS", -1.0)
    cache = FileCache(tmp_path, 250)
    for number in range(5):
        path = tmp_path / f"{number}.parquet"
        cache.write(path, b"x" * 100)
        os.utime(path, (1000 + number, 1000 + number))
    (tmp_path / "left.part").write_bytes(b"x")
    cache.sweep()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3.parquet", "4.parquet"]


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ({"measures": ("nonsense",)}, "metrics"),
        ({"measures": ()}, "metrics"),
        ({"dimensions": ("nonsense",)}, "by"),
        ({"dimensions": ("page; DROP TABLE x",)}, "by"),
        ({"dimensions": ("property:",)}, "by"),
        ({"dimensions": ("day", "hour")}, "by"),
        ({"dimensions": ("page", "title", "country")}, "by"),
        ({"dimensions": ("page", "page")}, "by"),
        ({"order": "-bounces"}, "order"),
        ({"limit": 0}, "limit"),
        ({"limit": 10_001}, "limit"),
        ({"offset": -1}, "offset"),
        ({"filters": (HistoryFilter("day", "is", ("x",)),)}, "day"),
        ({"filters": (HistoryFilter("page", "like", ("x",)),)}, "page"),
        ({"filters": (HistoryFilter("page", "is", ()),)}, "page"),
        ({"filters": (HistoryFilter("page", "is", ("x" * 2049,)),)}, "page"),
        ({"dimensions": ("minute",)}, "interval"),
    ],
)
def test_what_cannot_be_asked_is_told(ask: Asking, question: dict[str, Any], field: str) -> None:
    base: dict[str, Any] = {"measures": ("views",)}
    with pytest.raises(WrongQuestion) as wrong:
        ask.answering.answer(
            ask.duck,
            HistoryQuestion(
                site_id=1, zone="UTC", span=Span(FIRST, date(2025, 6, 1)), **{**base, **question}
            ),
            NOW,
        )
    assert wrong.value.field == field
    assert wrong.value.message


@pytest.mark.parametrize("name", ["'; DROP TABLE x; --", '"$p0%s', "a\\~/日本\0"])
def test_text_reaches_sql_as_a_parameter_only(site: Site, ask: Asking, name: str) -> None:
    stored.visit(site, datetime(2025, 3, 29, 12, tzinfo=UTC), "/", events=1)
    for dimension in (*DIMENSIONS, f"property:{name}"):
        if dimension in DIMENSIONS and DIMENSIONS[dimension].level is Level.TIME:
            continue
        for operator in ("is", "match"):
            assert ask("views", filters=(is_(dimension, name, operator=operator),)).totals == [0]
        for operator in ("not", "notmatch"):
            assert ask("views", filters=(is_(dimension, name, operator=operator),)).totals == [1]
    assert ask("events", by=(f"property:{name}",)).table.rows == []  # type: ignore[union-attr]
