"""The administration's reports, of one site and of all: what the questions say, in pages and in CSV."""

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from django.contrib.auth.models import User
from django.http import Http404, HttpResponse
from django.template.response import TemplateResponse
from django.test import RequestFactory

from analytics.admin import across_page, report_page
from analytics.admin.day_levels import day_levels
from analytics.history import chart, reports
from analytics.history.answering import Answering
from analytics.history.day_store import DayStore
from analytics.history.duck import open_duck
from analytics.history.file_cache import FileCache
from analytics.history.question import HistoryAnswer, HistoryQuestion
from analytics.history.question_sql import DAY_NUMBER
from analytics.history.questions import NoAnswer
from analytics.history.reports import Bucket, Table
from analytics.history.site_totals import SiteTotals, SiteTotalsQuestion
from analytics.history.site_totals_answering import SiteTotalsAnswering
from analytics.models import Goal, ImportedFigure, ImportedFile
from analytics.queries import ranges
from analytics.queries.time_limit import TooMuch
from tests.cast import Cast, make_cast
from tests.stored import visit
from tracker.models import Site

BERLIN = ZoneInfo("Europe/Berlin")
Asked = Callable[[Sequence[HistoryQuestion]], list[HistoryAnswer | NoAnswer | TooMuch]]


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return make_cast()


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Asked]:
    """Answers as the process of questions does, in this one; it waits for days however long they take."""
    store = DayStore(FileCache(tmp_path / "history", 2**30), 2**27)
    with open_duck([tmp_path / "history"], tmp_path / "history" / "spill", 2**28, 2) as duck:
        duck.execute(DAY_NUMBER)
        answering = Answering(store)

        def answered(questions: Sequence[HistoryQuestion]) -> list[HistoryAnswer | NoAnswer | TooMuch]:
            patient = (msgspec.structs.replace(each, wait=60) for each in questions)
            return [answering.answer(duck, each, datetime.now(UTC)) for each in patient]

        yield answered
    store.close()


@pytest.fixture
def rank(tmp_path: Path) -> Iterator[across_page.Rank]:
    """Sums up sites as the process of questions does."""
    store = DayStore(FileCache(tmp_path / "sums", 2**30), 2**27)
    with open_duck([tmp_path / "sums"], tmp_path / "sums" / "spill", 2**28, 2) as duck:
        summing = SiteTotalsAnswering(store)
        yield lambda question: summing.answer(duck, question, datetime.now(UTC))
    store.close()


def unranked(question: SiteTotalsQuestion) -> SiteTotals:
    raise AssertionError("A single page of sites is sorted by what it shows.")


def at(text: str) -> datetime:
    """A moment on Berlin's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


def november(first: int, last: int) -> ranges.Range:
    return ranges.Range(date(2025, 11, first), date(2025, 11, last), BERLIN)


def two_days(cast: Cast) -> None:
    """Three visits of two visitors on 10 and 11 November, one before, one after, one elsewhere."""
    visit(cast.site, at("2025-11-10 00:00"), "/", "/pricing", visitor=1, country="DE", browser="Firefox")
    visit(
        cast.site, at("2025-11-10 13:30"), "/", visitor=1, country="DE", browser="Firefox", referrer="Google"
    )
    visit(cast.site, at("2025-11-11 23:59"), "/", visitor=2, events=1, country="FR", utm_campaign="spring")
    visit(cast.site, at("2025-11-09 23:59"), "/before", visitor=3)
    visit(cast.site, at("2025-11-12 00:00"), "/after", visitor=4)
    visit(cast.strange_site, at("2025-11-10 12:00"), "/elsewhere", visitor=5)


def got(view: Callable[..., HttpResponse], user: User, query: str, **options: Any) -> HttpResponse:
    """What a view answers."""
    request = RequestFactory().get(f"/?{query}")
    request.user = user
    answered = view(request, **options)
    if isinstance(answered, TemplateResponse):
        answered.render()
    return answered


def told_by(answered: HttpResponse) -> dict[str, Any]:
    assert isinstance(answered, TemplateResponse)
    return dict(answered.context_data or {})


def csv_of(answered: HttpResponse) -> list[str]:
    assert answered.status_code == 200
    assert answered.content.startswith(codecs.BOM_UTF8)
    return answered.content.decode("utf-8-sig").splitlines()


SPAN = "from=2025-11-10&to=2025-11-11"


def test_a_report_shows_figures_lists_and_a_chart(cast: Cast, ask: Asked) -> None:
    two_days(cast)
    Goal.objects.create(site=cast.site, name="Signed up", kind="event", pattern="signup")
    Goal.objects.create(site=cast.site, name="Never", kind="page", pattern="/never")
    answered = got(report_page.page, cast.viewer, SPAN, pk=cast.site.pk, ask=ask)
    text, told = answered.content.decode(), told_by(answered)
    cards = {card.label: card for card in told["cards"]}
    assert (cards["Daily visitors"].value, cards["Page views"].value) == ("2", "4")
    visits = cards["Visits"]
    assert (visits.value, visits.before, visits.change, visits.trend) == ("3", "1", "+200 %", "up")
    assert cards["Engaged per page view"].value == "10.0 s"
    assert cards["Bounce rate"].value == "0%"
    lists = {
        each.table: [(row.shown, row.count, row.share) for row in each.rows] for each in told["listings"]
    }
    assert lists[Table.PAGES] == [("/", 3, 0.75), ("/pricing", 1, 0.25)]
    assert lists[Table.COUNTRIES] == [("DE", 2, pytest.approx(2 / 3)), ("FR", 1, pytest.approx(1 / 3))]
    assert lists[Table.CAMPAIGNS] == [("spring", 1, pytest.approx(1 / 3))]
    assert lists[Table.EVENTS] == [("signup", 1, 1.0)]
    assert lists[Table.GOALS] == [("Signed up", 1, pytest.approx(1 / 3)), ("Never", 0, 0.0)]
    assert text.count('class="bucket"') == 48
    assert [bar.title for bar in told["chart"].bars if ": 0" not in bar.title] == [
        "10 Nov 2025, 00:00: 2 page views, 1 visit",
        "10 Nov 2025, 13:00: 1 page view, 1 visit",
        "11 Nov 2025, 23:00: 1 page view, 1 visit",
    ]
    assert "/elsewhere" not in text
    assert "style=" not in text.partition('id="content-main"')[2]
    with pytest.raises(Http404):
        got(report_page.page, cast.viewer, SPAN, pk=cast.strange_site.pk, ask=ask)
    with pytest.raises(Http404):
        got(report_page.page, cast.superuser, SPAN, pk=2**40, ask=ask)


def test_each_list_and_the_series_can_be_taken_away(cast: Cast, ask: Asked) -> None:
    two_days(cast)
    visit(cast.site, at("2025-11-10 09:00"), "/%E6%97%A5%E6%9C%AC", referrer="=HYPERLINK(0)", visitor=9)

    def taken(table: str) -> list[str]:
        answered = got(report_page.table_csv, cast.viewer, SPAN, pk=cast.site.pk, table=table, ask=ask)
        name = f"seen.example-{table}-2025-11-10-2025-11-11.csv"
        assert answered.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        return csv_of(answered)

    assert taken("pages") == ["path,page views,share", "/,3,0.6", "/日本,1,0.2", "/pricing,1,0.2"]
    assert "'=HYPERLINK(0),1,0.25" in taken("referrers")
    series = taken("series")
    assert len(series) == 49
    assert series[1] == "2025-11-10T00:00:00+01:00,2,1"
    for table in ("goals", "terms"):
        assert len(taken(table)) == 1
    with pytest.raises(Http404):
        taken("users")


def test_all_sites_stand_side_by_side_for_who_may_see_them(cast: Cast, ask: Asked) -> None:
    two_days(cast)
    Site.objects.create(domain="empty.example", hosts=[])
    answered = got(across_page.page, cast.superuser, f"{SPAN}&o=views", ask=ask, rank=unranked)
    told, text = told_by(answered), answered.content.decode()
    rows = {row.site.domain: row for row in told["rows"]}
    assert list(rows) == ["seen.example", "stranger.example", "empty.example"]
    seen = rows["seen.example"]
    assert [(each.value, each.change, each.trend) for each in seen.figures] == [
        ("2", "+100 %", "up"),
        ("3", "+200 %", "up"),
        ("4", "+300 %", "up"),
        ("0%", "+0 points", ""),
    ]
    assert (sum(seen.views), len(seen.views), seen.line.split()[0]) == (4, 48, "0.0,1.0")
    assert [each.value for each in rows["empty.example"].figures] == ["0", "0", "0", "–"]
    assert told["sums"] == ["3", "4", "5"]
    assert "style=" not in text.partition('id="content-main"')[2]
    for user in (cast.viewer, cast.owner):
        text = got(across_page.page, user, SPAN, ask=ask, rank=unranked).content.decode()
        assert "seen.example" in text
        assert "stranger.example" not in text
        assert "stranger.example" not in "".join(csv_of(got(across_page.csv, user, SPAN, ask=ask)))
    outside = got(across_page.page, cast.outsider, SPAN, ask=ask, rank=unranked)
    assert "not a member" in outside.content.decode()
    lines = csv_of(got(across_page.csv, cast.superuser, SPAN, ask=ask))
    assert lines[2] == f"seen.example,{cast.site.key},2025-11-10,2025-11-11,2,3,4,0.0,1,1,1,0.0,"

    def away(questions: Sequence[HistoryQuestion]) -> list[HistoryAnswer | NoAnswer | TooMuch]:
        return [NoAnswer("Postgres does not answer: try again."), *ask(questions[1:])]

    # One that is not answered takes nothing from the others.
    answered = got(across_page.page, cast.superuser, f"{SPAN}&o=views", ask=away, rank=unranked)
    rows_then = told_by(answered)["rows"]
    assert [row.problem for row in rows_then] == ["", "", "Postgres does not answer: try again."]
    assert got(report_page.page, cast.viewer, SPAN, pk=cast.site.pk, ask=away).status_code == 503


def test_a_report_tells_of_figures_that_were_imported(cast: Cast, ask: Asked) -> None:
    file = ImportedFile.objects.create(
        site=cast.site,
        product="umami",
        name="a.csv",
        digest=b"",
        first=date(2025, 11, 10),
        last=date(2025, 11, 10),
        rows=1,
        figures=1,
        added_by="owner",
    )
    ImportedFigure.objects.create(
        file=file,
        day=file.first,
        dimension="",
        name="",
        visitors=1,
        visits=1,
        views=9,
        bounces=0,
        visit_seconds=0,
        events=0,
    )
    text = got(report_page.page, cast.viewer, SPAN, pk=cast.site.pk, ask=ask).content.decode()
    assert "Figures of 1 day were imported from Umami" in text
    assert "Nothing in this range." in text


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query", ["range=ever", "from=2025-11-02&to=2025-11-01", "from=x&to=%00", "from=2025-11-01"]
)
def test_a_range_that_makes_no_sense_is_said_on_the_form(query: str) -> None:
    cast = make_cast()

    def nobody(questions: Sequence[HistoryQuestion]) -> list[HistoryAnswer | NoAnswer | TooMuch]:
        raise AssertionError("Nothing is to be asked.")

    for view, options in (
        (report_page.page, {"pk": cast.site.pk}),
        (report_page.table_csv, {"pk": cast.site.pk, "table": "pages"}),
        (across_page.page, {"rank": unranked}),
        (across_page.csv, {}),
    ):
        answered = got(view, cast.viewer, query, ask=nobody, **options)
        assert answered.status_code == 400
        if isinstance(answered, TemplateResponse):
            assert 'role="alert"' in answered.content.decode()


@pytest.mark.parametrize(
    ("zone", "first", "last", "hours"),
    [
        ("Europe/Berlin", "2025-10-26", "2025-10-26", 25),
        ("Europe/Berlin", "2025-03-30", "2025-03-31", 47),
        ("Asia/Kolkata", "2025-11-09", "2025-11-10", 48),
        ("Australia/Lord_Howe", "2025-04-06", "2025-04-07", 49),
    ],
)
def test_each_day_of_a_series_has_its_hours(zone: str, first: str, last: str, hours: int) -> None:
    days = ranges.Range(date.fromisoformat(first), date.fromisoformat(last), ZoneInfo(zone))
    starts = list(reports.starts(days))
    assert len(starts) == hours
    assert starts[0] == days.start
    assert starts == sorted(set(starts))


def test_years_months_and_days_lead_to_days() -> None:
    first, today = date(2024, 11, 30), date(2026, 2, 14)

    def levels(since: date, until: date) -> list[tuple[str, list[str], list[str]]]:
        found = day_levels(ranges.Range(since, until, BERLIN), first, today)
        return [
            (each.title, [step.label for step in each.steps], [s.label for s in each.steps if s.chosen])
            for each in found
        ]

    years = ["2024", "2025", "2026"]
    assert levels(date(2025, 12, 1), date(2026, 1, 2)) == [("Year", years, [])]
    assert levels(date(2024, 1, 1), date(2024, 12, 31)) == [
        ("Year", years, ["2024"]),
        ("Month", [f"{date(2024, month, 1):%B}" for month in range(1, 13)], []),
    ]
    (_, months, days) = levels(date(2026, 2, 3), date(2026, 2, 3))
    assert months == ("Month", ["January", "February"], ["February"])
    assert days == ("Day", [str(number) for number in range(1, 15)], ["3"])
    assert day_levels(november(1, 2), None, today)[0].steps[-1].last == date(2026, 12, 31)


@pytest.mark.parametrize(
    ("highest", "step"), [(0, 1), (4, 1), (5, 2), (21, 10), (81, 50), (4_000, 1_000), (4_001, 2_000)]
)
def test_the_charts_axis_is_round_and_reaches_over_the_highest_bar(highest: int, step: int) -> None:
    assert chart.nice_step(highest) == step


@pytest.mark.parametrize("days", [november(10, 11), november(1, 30)])
def test_every_bar_stands_inside_the_chart(days: ranges.Range) -> None:
    buckets = [
        Bucket(start, number % 7, number % 7 // 2) for number, start in enumerate(reports.starts(days))
    ]
    drawn = chart.draw(buckets, days)
    assert len(drawn.bars) == (48 if days.hourly else days.days)
    for bar in drawn.bars:
        assert chart.LEFT <= bar.x < bar.x + bar.width <= chart.WIDTH
        assert bar.views_height >= bar.visits_height >= 0
        assert not re.search(r"\b1 (page views|visits)\b|\b[02-9] (page view|visit)\b", bar.title)
        assert bar.views_y >= chart.TOP - 0.01


def test_a_page_of_sites_has_so_many(
    cast: Cast, ask: Asked, rank: across_page.Rank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(across_page, "SITES_OF_PAGE", 1)
    two_days(cast)
    asked: list[int] = []

    def counted(questions: Sequence[HistoryQuestion]) -> list[HistoryAnswer | NoAnswer | TooMuch]:
        asked.append(len(questions))
        return ask(questions)

    def page(query: str, **options: Any) -> HttpResponse:
        return got(across_page.page, cast.superuser, query, **{"ask": ask, "rank": rank, **options})

    text = page(f"{SPAN}&p=2", ask=counted).content.decode()
    assert ("stranger.example" in text, "seen.example" in text, asked) == (True, False, [1])
    assert "page 2 of 2" in text
    for number in ("x", "99", "9" * 12, "-1"):
        assert page(f"range=today&p={number}").status_code == 200
    days = told_by(page("range=7d"))["days"]
    assert days.last - days.first == timedelta(days=6)


def test_sites_are_sorted_over_all_their_pages(
    cast: Cast, ask: Asked, rank: across_page.Rank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(across_page, "SITES_OF_PAGE", 1)
    two_days(cast)
    Site.objects.create(domain="a-first.example", hosts=["a-first.example"])

    def listed(query: str, rank: across_page.Rank = rank) -> list[dict[str, Any]]:
        options = {"ask": ask, "rank": rank}
        return [
            told_by(got(across_page.page, cast.superuser, f"{query}&p={p}", **options)) for p in (1, 2, 3)
        ]

    def names(pages: list[dict[str, Any]]) -> list[str]:
        return [row.site.domain for page in pages for row in page["rows"]]

    by_views = listed(f"{SPAN}&o=views")
    assert names(by_views) == ["seen.example", "stranger.example", "a-first.example"]
    # Of all of them, on each page.
    assert [page["sums"] for page in by_views] == [["3", "4", "5"]] * 3
    assert names(listed(f"{SPAN}&o=site")) == ["a-first.example", "seen.example", "stranger.example"]

    def away(question: SiteTotalsQuestion) -> SiteTotals:
        raise NoAnswer("Postgres does not answer: try again.")

    unsorted = listed(f"{SPAN}&o=views", away)
    assert names(unsorted) == ["a-first.example", "seen.example", "stranger.example"]
    assert unsorted[0]["unranked"].startswith("Sorted within each page only. Postgres does not")

    def late(question: SiteTotalsQuestion) -> SiteTotals:
        told = rank(question).totals
        return SiteTotals([told[0], None, told[2]])

    some = listed(f"{SPAN}&o=views", late)
    assert names(some) == ["stranger.example", "a-first.example", "seen.example"]
    assert some[0]["unranked"].startswith("1 of 3 sites are not sorted in yet")
