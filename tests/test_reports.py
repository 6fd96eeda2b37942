"""A report's numbers, from rows with known times; and that its queries open few partitions."""

import codecs
import re
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analytics.history import chart, reports
from analytics.history.reports import Table
from analytics.queries import ranges
from tests.cast import Cast, make_cast
from tests.stored import visit

pytestmark = pytest.mark.django_db

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def at(text: str) -> datetime:
    """A moment on Berlin's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


def november(first: int, last: int) -> ranges.Range:
    return ranges.Range(date(2026, 11, first), date(2026, 11, last), BERLIN)


def two_days(cast: Cast) -> None:
    """Three visits of two visitors on 10 and 11 November, one before, one after, one elsewhere."""
    visit(cast.site, at("2026-11-10 00:00"), "/", "/pricing", visitor=1, country="DE", browser="Firefox")
    visit(
        cast.site, at("2026-11-10 13:30"), "/", visitor=1, country="DE", browser="Firefox", referrer="Google"
    )
    visit(cast.site, at("2026-11-11 23:59"), "/", visitor=2, events=1, country="FR", utm_campaign="spring")
    visit(cast.site, at("2026-11-09 23:59"), "/before", visitor=3)
    visit(cast.site, at("2026-11-12 00:00"), "/after", visitor=4)
    visit(cast.strange_site, at("2026-11-10 12:00"), "/elsewhere", visitor=5)


def test_the_figures_are_those_of_the_sites_own_days(cast: Cast) -> None:
    two_days(cast)
    figures = reports.figures(cast.site, november(10, 11))
    assert (figures.visitors, figures.visits, figures.views) == (2, 3, 4)
    assert figures.per_view_ms == pytest.approx(10_000)
    assert figures.per_visit_ms == pytest.approx(40_000 / 3)
    # Of the two visits with one page view, one said an event.
    assert figures.bounce_rate == pytest.approx(1 / 3)


def test_daily_visitors_add_up_over_days(cast: Cast) -> None:
    two_days(cast)
    days = [reports.figures(cast.site, november(day, day)).visitors for day in range(9, 13)]
    assert sum(days) == reports.figures(cast.site, november(9, 12)).visitors == 4


def test_a_range_without_visits_is_all_nothing(cast: Cast) -> None:
    figures = reports.figures(cast.site, november(1, 2))
    assert (figures.visitors, figures.visits, figures.views) == (0, 0, 0)
    assert figures.per_visit_ms is figures.per_view_ms is figures.bounce_rate is None


def test_lists_are_longest_first_with_their_shares(cast: Cast) -> None:
    two_days(cast)
    days = november(10, 11)
    pages = reports.top(cast.site, days, Table.PAGES, 4)
    assert [(row.name, row.count, row.share) for row in pages] == [("/", 3, 0.75), ("/pricing", 1, 0.25)]
    countries = reports.top(cast.site, days, Table.COUNTRIES, 3)
    assert [(row.name, row.count) for row in countries] == [("DE", 2), ("FR", 1)]
    campaigns = reports.top(cast.site, days, Table.CAMPAIGNS, 3)
    assert [(row.name, row.count) for row in campaigns] == [("spring", 1)]
    assert len(reports.top(cast.site, days, Table.PAGES, 4, limit=1)) == 1


def test_a_day_on_which_the_clock_changes_has_all_its_hours(cast: Cast) -> None:
    visit(cast.site, at("2026-10-25 00:30"), "/")
    visit(cast.site, datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "/")  # 02:30, the first time
    visit(cast.site, datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "/")  # 02:30, the second time
    visit(cast.site, at("2026-10-25 23:30"), "/")
    day = date(2026, 10, 25)
    buckets = reports.series(cast.site, ranges.Range(day, day, BERLIN))
    assert len(buckets) == 25
    assert [n for n, bucket in enumerate(buckets) if bucket.views] == [0, 2, 3, 24]


def test_days_are_counted_in_a_zone_that_is_half_an_hour_off(cast: Cast) -> None:
    zone = ZoneInfo("Asia/Kolkata")
    visit(cast.site, datetime(2026, 11, 9, 18, 29, tzinfo=UTC), "/")  # 23:59 on the 9th
    visit(cast.site, datetime(2026, 11, 9, 18, 30, tzinfo=UTC), "/", "/b")  # midnight
    days = ranges.Range(date(2026, 11, 9), date(2026, 11, 11), zone)
    assert [(bucket.views, bucket.visits) for bucket in reports.series(cast.site, days)] == [
        (1, 1),
        (2, 1),
        (0, 0),
    ]
    hours = reports.series(cast.site, ranges.Range(date(2026, 11, 9), date(2026, 11, 10), zone))
    assert [n for n, bucket in enumerate(hours) if bucket.views] == [23, 24]


def test_the_series_adds_up_to_the_figures(cast: Cast) -> None:
    two_days(cast)
    for days in (november(10, 11), november(5, 14)):
        buckets, figures = reports.series(cast.site, days), reports.figures(cast.site, days)
        assert sum(bucket.views for bucket in buckets) == figures.views
        assert sum(bucket.visits for bucket in buckets) == figures.visits


@pytest.mark.parametrize(
    ("highest", "step"), [(0, 1), (4, 1), (5, 2), (21, 10), (81, 50), (4_000, 1_000), (4_001, 2_000)]
)
def test_the_charts_axis_is_round_and_reaches_over_the_highest_bar(highest: int, step: int) -> None:
    assert chart.nice_step(highest) == step


def test_every_bar_stands_inside_the_chart(cast: Cast) -> None:
    two_days(cast)
    for days in (
        november(10, 11),
        november(1, 30),
        ranges.Range(date(2025, 11, 1), date(2026, 11, 30), BERLIN),
    ):
        drawn = chart.draw(reports.series(cast.site, days), days)
        assert len(drawn.bars) == (48 if days.hourly else days.days)
        for bar in drawn.bars:
            assert chart.LEFT <= bar.x < bar.x + bar.width <= chart.WIDTH
            assert bar.views_height >= bar.visits_height >= 0
            assert not re.search(r"\b1 (page views|visits)\b|\b[02-9] (page view|visit)\b", bar.title)
            assert bar.views_y >= chart.TOP - 0.01


def scans(plan: dict[str, Any]) -> set[str]:
    """The tables that a plan reads."""
    found = {str(plan["Relation Name"])} if "Relation Name" in plan else set()
    return found.union(*(scans(part) for part in plan.get("Plans", [])))


def test_queries_open_the_partitions_of_their_range_only(cast: Cast) -> None:
    day = ranges.read({"range": "today"}, BERLIN, datetime.now(UTC))
    with CaptureQueriesContext(
        connection,
    ) as captured:
        reports.figures(cast.site, day)
        reports.series(cast.site, day)
        for table in Table:
            reports.top(cast.site, day, table, 1)
    queries = [query["sql"] for query in captured]
    assert len(queries) == 2 + 2 + len(Table)
    with connection.cursor() as cursor:
        for query in queries:
            cursor.execute(f"EXPLAIN (FORMAT json) {query}")
            read = scans(cursor.fetchone()[0][0]["Plan"])
            # A day lies in one week, or, at its turn in UTC, in two; the default partition may hold anything.
            weeks = {name for name in read if re.search(r"_\d{4}w\d{2}$", name)}
            assert 1 <= len(weeks) <= 2, (read, query)
            assert len(read - weeks) <= 1


def test_the_report_page_shows_the_numbers(cast: Cast, client: Client) -> None:
    two_days(cast)
    client.force_login(cast.viewer)
    response = client.get(f"/admin/tracker/site/{cast.site.pk}/report/?from=2026-11-10&to=2026-11-11")
    text = response.content.decode()
    assert response.status_code == 200
    cards = {card.label: card for card in response.context["cards"]}
    assert cards["Visits"].value == "3"
    assert (cards["Visits"].before, cards["Visits"].change, cards["Visits"].trend) == ("1", "+200 %", "up")
    assert cards["Bounce rate"].change == "-67 points"
    assert text.count('class="bucket"') == 48
    assert "Daily visitors" in text
    assert "/pricing" in text
    assert "/elsewhere" not in text


def test_an_empty_report_is_a_page_too(cast: Cast, client: Client) -> None:
    client.force_login(cast.viewer)
    response = client.get(f"/admin/tracker/site/{cast.site.pk}/report/")
    assert response.status_code == 200
    assert "Nothing in this range." in response.content.decode()


@pytest.mark.parametrize(
    "query", ["range=ever", "from=2026-11-02&to=2026-11-01", "from=x&to=%00", "from=2026-11-01"]
)
def test_a_range_that_makes_no_sense_is_said_on_the_form(cast: Cast, client: Client, query: str) -> None:
    client.force_login(cast.viewer)
    response = client.get(f"/admin/tracker/site/{cast.site.pk}/report/?{query}")
    assert response.status_code == 400
    assert 'role="alert"' in response.content.decode()
    assert client.get(f"/admin/tracker/site/{cast.site.pk}/report/pages.csv?{query}").status_code == 400


def test_each_list_and_the_series_can_be_taken_away(cast: Cast, client: Client) -> None:
    two_days(cast)
    visit(cast.site, at("2026-11-10 09:00"), "/", referrer="=HYPERLINK(0)", visitor=9)
    client.force_login(cast.viewer)
    base, query = f"/admin/tracker/site/{cast.site.pk}/report", "?from=2026-11-10&to=2026-11-11"
    assert client.get(f"{base}/pages.csv{query}").content.decode("utf-8-sig").splitlines() == [
        "path,page views,share",
        "/,4,0.8",
        "/pricing,1,0.2",
    ]
    assert "'=HYPERLINK(0),1,0.25" in client.get(f"{base}/referrers.csv{query}").content.decode()
    series = client.get(f"{base}/series.csv{query}").content.decode("utf-8-sig").splitlines()
    assert len(series) == 49
    assert series[1] == "2026-11-10T00:00:00+01:00,2,1"
    for table in Table:
        answer = client.get(f"{base}/{table}.csv{query}")
        assert answer.status_code == 200
        assert answer.content.startswith(codecs.BOM_UTF8)
        name = f"seen.example-{table}-2026-11-10-2026-11-11.csv"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert client.get(f"{base}/users.csv{query}").status_code == 404


def test_a_report_names_pages_as_people_write_them(cast: Cast, client: Client) -> None:
    visit(cast.site, at("2026-11-10 09:00"), "/%E6%97%A5%E6%9C%AC")
    client.force_login(cast.viewer)
    base, query = f"/admin/tracker/site/{cast.site.pk}/report", "?from=2026-11-10&to=2026-11-10"
    assert "/日本" in client.get(f"{base}/{query}").content.decode()
    assert "/日本,1,1.0" in client.get(f"{base}/pages.csv{query}").content.decode()
