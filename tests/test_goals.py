"""Goals, currencies and numbers of events against plain counts, on open, sealed and mixed days."""

import random
import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from analytics.history.answering import Answering
from analytics.history.day_store import DayStore
from analytics.history.duck import open_duck
from analytics.history.file_cache import FileCache
from analytics.history.kept_parts import KeptParts
from analytics.history.question import (
    HistoryAnswer,
    HistoryFilter,
    HistoryGoal,
    HistoryQuestion,
    Span,
    WrongQuestion,
)
from analytics.history.question_sql import DAY_NUMBER
from analytics.history.sealing import Sealing, seal_all
from analytics.models import HistoryDay
from tracker.models import Event, PageView, Site, Touched
from tracker.postgres.connect import connect

pytestmark = pytest.mark.django_db(transaction=True)

FIRST, DAYS = date(2025, 3, 28), 4
NOW = datetime(2025, 4, 20, 12, tzinfo=UTC)
GOALS = (
    HistoryGoal("Blog", "page", "/blog/*"),
    HistoryGoal("Deep", "page", "/blog/**"),
    HistoryGoal("Order", "event", "buy"),
    HistoryGoal("Pro ü'\"", "event", "buy", "plan", "p*"),
    HistoryGoal("With plan", "event", "*", "plan"),
    HistoryGoal("Never", "event", "nothing"),
)


@dataclass
class GoalAsking:
    """What these tests ask with."""

    answering: Answering
    duck: duckdb.DuckDBPyConnection
    site: Site
    folder: Path

    def __call__(
        self, *measures: str, by: tuple[str, ...] = (), filters: Sequence[HistoryFilter] = (), **more: Any
    ) -> HistoryAnswer:
        question = HistoryQuestion(
            site_id=self.site.pk,
            zone=self.site.timezone,
            span=Span(FIRST, FIRST + timedelta(days=DAYS - 1)),
            measures=measures,
            dimensions=by,
            filters=tuple(filters),
            # However long a busy machine takes to make open days.
            **{"goals": GOALS, "wait": 60, **more},
        )
        return self.answering.answer(self.duck, question, NOW)

    def rows(self, *measures: str, by: tuple[str, ...], **more: Any) -> list[list[Any]]:
        table = self(*measures, by=by, **more).table
        assert table is not None
        return table.rows


@pytest.fixture
def site() -> Site:
    return Site.objects.create(domain="a.example", hosts=["a.example"], timezone="Europe/Berlin")


@pytest.fixture(params=["all rows", "kept parts"])
def ask(site: Site, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[GoalAsking]:
    kept = KeptParts(2**24) if request.param == "kept parts" else None
    folder = tmp_path / "history"
    store = DayStore(FileCache(folder, 2**30), 2**27)
    with open_duck([folder], folder / "spill", 2**28, 2) as duck:
        duck.execute(DAY_NUMBER)
        yield GoalAsking(Answering(store, kept), duck, site, folder)
    store.close()


def prepare(state: str, folder: Path) -> None:
    """Leave all days open, seal them, or seal all but two."""
    if state == "open":
        return
    with connect() as connection:
        connection.autocommit = True
        assert seal_all(connection, Sealing(folder, 2**27), NOW)[1] == 0
    if state == "mixed":
        Touched.objects.create(site_id=Site.objects.get().pk, at=datetime(2025, 3, 30, 12, tzinfo=UTC))
        HistoryDay.objects.filter(day=date(2025, 3, 29)).delete()


@dataclass
class PlainVisit:
    """A visit and what happened in it."""

    country: str
    pages: list[str]
    events: list[Event]

    def has(self, goal: HistoryGoal) -> bool:
        if goal.kind == "page":
            return any(like(page, goal.pattern) for page in self.pages)
        return bool(self.of(goal))

    def of(self, goal: HistoryGoal) -> list[Event]:
        if goal.kind == "page":
            return []
        return [
            event
            for event in self.events
            if like(event.name, goal.pattern)
            and (not goal.property or goal.property in event.properties)
            and (not goal.value or like(str(event.properties[goal.property]), goal.value))
        ]


def like(text: str, wanted: str) -> bool:
    parts = [{"**": ".*", "*": "[^/]*"}.get(part, re.escape(part)) for part in re.split(r"(\*\*|\*)", wanted)]
    return bool(re.fullmatch("".join(parts), text))


def fill(site: Site, seed: int, visits: int = 70) -> list[PlainVisit]:
    """Visits at random, with events that say currencies and numbers."""
    chance = random.Random(seed)
    views, events, plain = [], [], []
    for number in range(visits):
        at = datetime(2025, 3, 28, 1, tzinfo=UTC) + timedelta(
            days=chance.randrange(DAYS), seconds=chance.randrange(70_000)
        )
        pages = [
            chance.choice(["/", "/a", "/blog/1", "/blog/2/x", "/thanks"]) for _ in range(chance.randint(1, 4))
        ]
        visit = PlainVisit(chance.choice(["DE", "FR"]), pages, [])
        ids = [uuid.UUID(int=chance.getrandbits(100)) for _ in pages]
        for n, (page, name) in enumerate(zip(pages, ids, strict=True)):
            views.append(
                PageView(
                    id=name,
                    site=site,
                    began_at=at + timedelta(seconds=40 * n),
                    ended_at=at + timedelta(seconds=40 * n + 30),
                    visit_id=ids[0],
                    visitor=uuid.UUID(int=number % 40 + 1000 * at.date().toordinal()),
                    path=page,
                    title="",
                    country=visit.country,
                    edge=1,
                    connection=1,
                )
            )
            for _ in range(chance.choice([0, 0, 1, 2])):
                properties: dict[str, Any] = {"plan": chance.choice(["pro", "free", "p/1"])}
                properties = properties if chance.random() < 0.7 else {}
                properties |= chance.choice([{}, {"currency": "EUR"}, {"currency": "usd"}])
                properties |= chance.choice(
                    [{}, {"items": 3}, {"items": 2.5}, {"items": "many"}, {"items": "nan"}]
                )
                event = Event(
                    id=uuid.UUID(int=chance.getrandbits(100)),
                    site=site,
                    at=at + timedelta(seconds=40 * n + 5),
                    page_view_id=name,
                    visit_id=ids[0],
                    name=chance.choice(["buy", "signup"]),
                    properties=properties,
                    value=chance.choice([None, 2.5, 10]),
                )
                events.append(event)
                visit.events.append(event)
        plain.append(visit)
    PageView.objects.bulk_create(views)
    Event.objects.bulk_create(events)
    return plain


def worth(events: Sequence[Event]) -> float:
    return sum(event.value or 0 for event in events)


FILTERS: tuple[tuple[tuple[HistoryFilter, ...], Callable[[PlainVisit], bool]], ...] = (
    ((), lambda visit: True),
    ((HistoryFilter("country", "is", ("DE",)),), lambda visit: visit.country == "DE"),
    ((HistoryFilter("page", "is", ("/a",)),), lambda visit: "/a" in visit.pages),
    ((HistoryFilter("goal", "is", ("Order", "Blog")),), lambda v: v.has(GOALS[2]) or v.has(GOALS[0])),
    ((HistoryFilter("goal", "not", ("Order",)),), lambda visit: not visit.has(GOALS[2])),
    ((HistoryFilter("goal", "match", ("*o*",)),), lambda v: any(v.has(GOALS[n]) for n in (0, 3))),
    (
        (HistoryFilter("currency", "is", ("USD",)),),
        lambda visit: any(event.properties.get("currency") == "usd" for event in visit.events),
    ),
    (
        (HistoryFilter("property", "is", ("plan",)),),
        lambda visit: any("plan" in event.properties for event in visit.events),
    ),
)


@pytest.mark.parametrize("state", ["open", "sealed", "mixed"])
def test_conversions_are_what_a_plain_count_says(site: Site, ask: GoalAsking, state: str) -> None:
    everything = fill(site, 1)
    prepare(state, ask.folder)
    measures = ("conversions", "conversion_rate", "goal_value", "visits")
    for number, (filters, keep) in enumerate(FILTERS):
        visits = [visit for visit in everything if keep(visit)]
        assert visits
        told = {row[0]: row[1:] for row in ask.rows(*measures, by=("goal",), filters=filters)}
        reached = {goal.name: [visit for visit in visits if visit.has(goal)] for goal in GOALS}
        assert set(told) == set(reached)
        for goal in GOALS:
            found = reached[goal.name]
            value = worth([event for visit in found for event in visit.of(goal)])
            expected = [len(found), pytest.approx(len(found) / len(visits)), pytest.approx(value)]
            assert told[goal.name] == [*expected, len(found)]
            # The same as a column of every table: of one goal with each filter, each goal in turn.
            if goal is not GOALS[number % len(GOALS)]:
                continue
            totals = ask(*measures, filters=filters, conversion=goal.name).totals
            assert totals == [*expected, len(visits)]
            by_country = ask.rows(*measures, by=("country",), filters=filters, conversion=goal.name)
            for country, *row in by_country:
                there = [visit for visit in visits if visit.country == country]
                assert row[0] == sum(visit in found for visit in there)
                assert row[3] == len(there)
            by_page = ask.rows("conversions", "visits", by=("page",), filters=filters, conversion=goal.name)
            for page, conversions, count in by_page:
                assert conversions <= count
                if not any(each.dimension == "page" for each in filters):
                    assert conversions == sum(page in visit.pages for visit in found)
            by_day = ask("conversions", by=("day",), filters=filters, conversion=goal.name).table
            assert by_day is not None
            assert by_day.sums == [len(found)]
    # Of any of them, where none is named.
    assert ask("conversions").totals == [sum(any(v.has(goal) for goal in GOALS) for v in everything)]


@pytest.mark.parametrize("state", ["open", "sealed"])
def test_values_are_told_by_currency(site: Site, ask: GoalAsking, state: str) -> None:
    everything = fill(site, 2)
    prepare(state, ask.folder)
    expected: dict[tuple[str, str], float] = defaultdict(float)
    sums: dict[str, float] = defaultdict(float)
    for visit in everything:
        for event in visit.events:
            currency = event.properties.get("currency", "").upper()
            sums[currency] += event.value or 0
            for goal in GOALS:
                if event in visit.of(goal):
                    expected[goal.name, currency] += event.value or 0
    rows = ask.rows("goal_value", by=("goal", "currency"))
    told = {(goal, currency): value for goal, currency, value in rows if goal not in ("Blog", "Deep")}
    assert told == pytest.approx(dict(expected))
    assert dict(ask.rows("value", by=("currency",))) == pytest.approx(dict(sums))


@pytest.mark.parametrize("state", ["open", "sealed"])
def test_numbers_of_a_property_are_summed_and_averaged(site: Site, ask: GoalAsking, state: str) -> None:
    everything = fill(site, 3)
    prepare(state, ask.folder)
    numbers: dict[str, list[float]] = defaultdict(list)
    for visit in everything:
        for event in visit.events:
            if isinstance(event.properties.get("items"), (int, float)):
                numbers[event.name].append(event.properties["items"])
    assert numbers["buy"]
    for name, total, mean in ask.rows("number_sum", "number_mean", by=("event",), number="items"):
        assert (total, mean) == (pytest.approx(sum(numbers[name])), pytest.approx(total / len(numbers[name])))
    every = [number for of_name in numbers.values() for number in of_name]
    totals = ask("number_sum", "number_mean", number="items").totals
    assert totals == [pytest.approx(sum(every)), pytest.approx(sum(every) / len(every))]
    names = dict(ask.rows("events", by=("property",)))
    assert names == {
        name: sum(name in event.properties for visit in everything for event in visit.events)
        for name in ("plan", "currency", "items")
    }


@pytest.mark.parametrize("seed", [1])
def test_conversions_never_exceed_visits_nor_rise_by_a_filter(site: Site, ask: GoalAsking, seed: int) -> None:
    everything = fill(site, 10 + seed)
    chance = random.Random(seed)
    measures = ("conversions", "visits", "goal_value")
    asked: list[tuple[tuple[HistoryFilter, ...], str]] = [
        (filters, chance.choice(GOALS).name) for filters, _ in FILTERS for _ in range(2)
    ]
    before = [ask(*measures, filters=filters, conversion=goal).totals for filters, goal in asked]
    prepare("sealed", ask.folder)
    for (filters, goal), open_totals in zip(asked, before, strict=True):
        totals = ask(*measures, filters=filters, conversion=goal).totals
        assert totals == pytest.approx(open_totals)
        assert totals[0] <= totals[1] <= len(everything)
        more, _ = chance.choice(FILTERS[1:])
        fewer = ask(*measures, filters=(*filters, *more), conversion=goal).totals
        assert all(a <= b + 1e-9 for a, b in zip(fewer, totals, strict=True))
        for operator in ("is", "not"):
            part = ask(
                "conversions", filters=(*filters, HistoryFilter("goal", operator, (goal,))), conversion=goal
            ).totals
            assert part == [totals[0] if operator == "is" else 0]


def test_goals_that_nobody_reached_have_a_row_in_its_place(site: Site, ask: GoalAsking) -> None:
    measures = ("conversions", "conversion_rate", "goal_value")
    everything = fill(site, 5)
    whole = ask.rows(*measures, by=("goal",))
    assert whole[-1] == ["Never", 0, 0.0, 0]
    assert [row[1] for row in whole] == sorted((row[1] for row in whole), reverse=True)
    for order, first in (("conversions", "Never"), ("goal", "Blog"), ("-goal", "With plan")):
        table = ask("conversions", by=("goal",), order=order, limit=1).table
        assert table
        assert (table.rows[0][0], table.found) == (first, len(GOALS))
    assert [row[0] for row in ask.rows("conversions", by=("goal",), find="NEV")] == ["Never"]
    assert [row[0] for row in ask.rows("conversions", by=("goal",), offset=2)] == [
        row[0] for row in whole[2:]
    ]
    # Beside another span in which nothing was, and beside this one.
    for day, there in ((date(2024, 1, 1), 0), (FIRST, sum(visit.has(GOALS[2]) for visit in everything))):
        span = Span(day, day + timedelta(days=DAYS - 1))
        compared = ask("conversions", by=("goal",), compared=span).compared_table
        assert compared
        assert {row[0]: row[1] for row in compared.rows} | {"Order": there} == {
            row[0]: row[1] for row in compared.rows
        }
        assert len(compared.rows) == len(GOALS)


def test_a_goal_that_is_defined_anew_counts_at_once(site: Site, ask: GoalAsking) -> None:
    everything = fill(site, 4)
    prepare("sealed", ask.folder)
    for wanted in ("buy", "signup", "b*"):
        goal = HistoryGoal("Order", "event", wanted)
        told = ask("conversions", goals=(goal,), conversion="Order").totals
        assert told == [sum(visit.has(goal) for visit in everything)]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"measures": ("views",), "dimensions": ("goal",)}, "metrics"),
        ({"measures": ("at_once_peak",), "dimensions": ("goal",)}, "metrics"),
        ({"measures": ("conversion_rate",), "dimensions": ("goal", "page")}, "metrics"),
        ({"measures": ("conversions",), "dimensions": ("goal", "event")}, "by"),
        ({"measures": ("conversions",), "conversion": "Nothing"}, "conversion"),
        ({"measures": ("conversions",), "goals": GOALS * 9}, "goal"),
    ],
)
def test_what_cannot_be_asked_of_goals_is_told(
    site: Site, ask: GoalAsking, asked: dict[str, Any], field: str
) -> None:
    fill(site, 5, 3)
    with pytest.raises(WrongQuestion) as wrong:
        ask(
            *asked["measures"],
            by=asked.get("dimensions", ()),
            **{k: asked[k] for k in asked if k in ("conversion", "goals")},
        )
    assert wrong.value.field == field
