"""The minutes of a day: against a count of the page views second by second, and as the curve reads them."""

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.db import connection as django
from django.http import QueryDict
from django.test import Client

from analytics.board import day as day_module
from analytics.board.day import DayCurves
from analytics.queries import filtering
from tests.cast import Cast, make_cast
from tests.page_views import START, begin, folded, progress
from tracker.live.filters import Filters
from tracker.models import Minute, PageView, Site, Watermark
from tracker.postgres.connect import connect
from tracker.rollups.minutes import MinuteLevels, roll_up, rolled_up, rolled_up_to, sweep
from tracker.storing.store import Store

pytestmark = pytest.mark.django_db(transaction=True)

NOON = (datetime.now(UTC) - timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture
def site() -> Site:
    return Site.objects.create(domain="a.example", hosts=["a.example"])


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    with connect() as connection:
        connection.autocommit = True
        yield connection


def view(site: Site, began_at: datetime, ended_at: datetime | None, visitor: int = 1) -> PageView:
    return PageView(
        id=uuid.uuid4(),
        site=site,
        began_at=began_at,
        ended_at=ended_at,
        visit_id=uuid.uuid4(),
        visitor=uuid.UUID(int=visitor),
        path="/",
        edge=1,
        connection=1,
    )


def a_busy_day(site: Site) -> list[PageView]:
    """Page views at whole seconds around noon: short, long, open, touching, several of one visitor."""
    chance = random.Random(4)
    views = [view(site, NOON - 30 * HOUR, None, 99), view(site, NOON - 23 * HOUR, None, 98)]
    for _ in range(400):
        began_at = NOON + chance.randint(-3600, 3600) * SECOND
        ended_at = began_at + chance.choice([0, 1, 30, 60, 600, 3000]) * SECOND
        views.append(
            view(site, began_at, ended_at if chance.random() > 0.02 else None, chance.randint(1, 60))
        )
    return PageView.objects.bulk_create(views)


def counted(views: list[PageView], at: datetime) -> tuple[int, int]:
    """Tabs and visitors at a moment, the slow and plain way."""
    day = timedelta(hours=24)
    there = [
        view
        for view in views
        if view.began_at <= at and at < min(view.ended_at or at + SECOND, view.began_at + day)
    ]
    return len(there), len({view.visitor for view in there})


def swept(site: Site, since: datetime, before: datetime) -> list[MinuteLevels]:
    with django.cursor() as cursor:
        return sweep(cursor, site.pk, since, before)


def test_every_minute_says_what_a_count_of_each_second_says(site: Site) -> None:
    other = Site.objects.create(domain="b.example", hosts=["b.example"])
    views = a_busy_day(site)
    PageView.objects.bulk_create([view(other, NOON, NOON + HOUR)])
    minutes = swept(site, NOON - 30 * MINUTE, NOON + 30 * MINUTE)
    assert [minute.at for minute in minutes] == [NOON + n * MINUTE for n in range(-30, 30)]
    for minute in minutes:
        seconds = [minute.at + n * SECOND for n in range(60)]
        for kind, reach in enumerate((minute.tabs, minute.visitors)):
            levels = [counted(views, at)[kind] for at in seconds]
            most_at = seconds[levels.index(max(levels))]
            assert reach == (min(levels), max(levels), most_at, levels[-1])


def test_a_navigation_inside_an_app_is_no_peak_of_two(site: Site) -> None:
    PageView.objects.bulk_create(
        [view(site, NOON, NOON + 10 * SECOND), view(site, NOON + 10 * SECOND, NOON + 20 * SECOND)]
    )
    (minute,) = swept(site, NOON, NOON + MINUTE)
    assert minute.tabs == minute.visitors == (0, 1, NOON, 0)


def test_what_is_rolled_up_is_what_a_sweep_says_and_twice_changes_nothing(
    site: Site, connection: psycopg.Connection
) -> None:
    a_busy_day(site)
    roll_up(connection, NOON + 3 * HOUR)
    rolled = list(Minute.objects.order_by("at").values_list())
    with django.cursor() as cursor:
        read = rolled_up(cursor, site.pk, NOON - 30 * HOUR, NOON + 3 * HOUR)
    assert read == swept(site, NOON - 30 * HOUR, NOON + 145 * MINUTE)
    assert read
    roll_up(connection, NOON + 3 * HOUR)
    Watermark.objects.all().delete()
    roll_up(connection, NOON + 3 * HOUR)
    assert list(Minute.objects.order_by("at").values_list()) == rolled


def test_what_is_stored_late_is_rolled_up_again(connection: psycopg.Connection) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    began_at = now - 2 * HOUR
    first, second = begin((began_at - START).total_seconds()), begin((began_at - START).total_seconds() + 30)
    ends = (began_at - START).total_seconds() + 60
    with connect() as other:
        store = Store(other)
        store.write(folded(first, progress(first, ends, ended=True)))
        roll_up(connection, now)
        assert Minute.objects.get().visitors_most == 1
        store.write(folded(second))
        roll_up(connection, now)
        assert Minute.objects.get(at=began_at).visitors_most == 2
        assert Minute.objects.count() > 2  # it is open until now
        store.write(folded(progress(second, ends - 10, ended=True)))
        roll_up(connection, now)
        minute = Minute.objects.get()
    assert (minute.visitors_most_at, minute.visitors_last) == (began_at + 30 * SECOND, 1)


def test_a_clock_that_was_ahead_leaves_no_minute_in_which_nobody_was_there(
    site: Site, connection: psycopg.Connection
) -> None:
    page = view(site, NOON, None)
    page.save()
    roll_up(connection, NOON + 6 * HOUR)
    page.ended_at = NOON + 10 * MINUTE
    page.save()
    roll_up(connection, NOON + HOUR)
    with django.cursor() as cursor:
        reached = rolled_up_to(cursor)
    assert reached
    assert reached < NOON + HOUR
    roll_up(connection, NOON + 6 * HOUR)
    assert Minute.objects.latest("at").at == NOON + 9 * MINUTE


def test_what_is_stored_in_time_makes_nobody_look_again(connection: psycopg.Connection) -> None:
    now = datetime.now(UTC)
    roll_up(connection, now)
    before = Watermark.objects.get(job="concurrency").at
    with connect() as other:
        Store(other).write(folded(begin((now - START).total_seconds() - 60)))
    assert Watermark.objects.get(job="concurrency").at == before


def test_a_day_reads_alike_rolled_up_or_not(site: Site, connection: psycopg.Connection) -> None:
    a_busy_day(site)
    now = NOON + 40 * MINUTE + 30 * SECOND
    raw = DayCurves().today(site, now)
    roll_up(connection, now)
    assert Minute.objects.exists()
    assert DayCurves().today(site, now) == raw
    assert len(raw["visitors"]["most"]) == 12 * 60 + 41
    assert raw["minutes"] == 1440
    assert raw["from"] == (NOON - 12 * HOUR).timestamp() // 60


def test_a_day_of_the_site_begins_with_its_own_midnight(site: Site) -> None:
    site.timezone = "Asia/Kolkata"  # five hours and a half ahead
    PageView.objects.bulk_create([view(site, NOON, NOON + MINUTE)])
    today = DayCurves().today(site, NOON + HOUR)
    assert today["from"] == (NOON - 17 * HOUR - 30 * MINUTE).timestamp() // 60
    assert today["visitors"]["most"].index(1) == 17 * 60 + 30


def test_the_peak_is_known_to_the_moment(site: Site) -> None:
    views = [view(site, NOON, NOON + HOUR), view(site, NOON + 100 * SECOND, NOON + 101 * SECOND, 2)]
    PageView.objects.bulk_create(views)
    peak = {"most": 2, "at": (NOON + 100 * SECOND).timestamp()}
    assert DayCurves().today(site, NOON + HOUR)["peak"] == {"visitors": peak, "tabs": peak}


def test_beside_today_stands_last_week_or_else_yesterday_or_nothing(site: Site) -> None:
    now = NOON + 90 * SECOND
    assert DayCurves().today(site, now)["before"] is None
    yesterday = NOON - timedelta(days=1)
    PageView.objects.bulk_create([view(site, yesterday, yesterday + HOUR, n) for n in (1, 2)])
    before = DayCurves().today(site, now)["before"]
    assert before["day"] == yesterday.date().isoformat()
    assert before["same"] == {"visitors": 2, "tabs": 2}
    last_week = NOON - timedelta(days=7)
    PageView.objects.bulk_create([view(site, last_week, last_week + 70 * SECOND)])
    before = DayCurves().today(site, now)["before"]
    assert before["day"] == last_week.date().isoformat()
    assert before["visitors"].index(1) == 12 * 60
    # At the end of that minute the only one was gone.
    assert before["same"] == {"visitors": 0, "tabs": 0}


@pytest.mark.parametrize(
    ("today", "length"),
    [("2026-03-29", 23 * 60), ("2026-04-01", 24 * 60), ("2026-10-25", 25 * 60), ("2026-11-01", 24 * 60)],
)
def test_days_beside_each_other_are_compared_by_the_clock(site: Site, today: str, length: int) -> None:
    # In Berlin the clocks went forward on 29 March at 2, and back on 25 October at 3.
    site.timezone = "Europe/Berlin"
    day = datetime.fromisoformat(f"{today}T00:00").replace(tzinfo=ZoneInfo(site.timezone))
    clock = [day + timedelta(hours=hour, minutes=30) for hour in (1, 2, 4, 20)]
    views = []
    for number, at in enumerate(clock):
        then = (at - timedelta(weeks=1)).astimezone(UTC)
        views += [view(site, then, then + 50 * SECOND, 10 * number + each) for each in range(number + 1)]
        views.append(view(site, at.astimezone(UTC), at.astimezone(UTC) + 2 * MINUTE, 99))
    PageView.objects.bulk_create(views)
    for number, at in enumerate(clock):
        if today == "2026-03-29" and number == 1:
            continue  # half past two was not that day
        answer = DayCurves().today(site, at.astimezone(UTC) + 45 * SECOND)
        place = len(answer["visitors"]["most"]) - 1
        before = answer["before"]
        assert answer["visitors"]["most"][place] == 1
        assert before["day"] == (day - timedelta(weeks=1)).date().isoformat()
        assert len(before["visitors"]) == answer["minutes"] == length
        assert before["visitors"][place] == number + 1
        assert before["same"]["visitors"] == 0  # they left within that minute


def test_filters_keep_their_page_views_and_count_them_alike(site: Site) -> None:
    for country, path, visitor in (("DE", "/", 1), ("DE", "/b", 1), ("FR", "/", 2), ("", "/b", 3)):
        page = view(site, NOON, NOON + MINUTE, visitor)
        page.channel, page.utm_campaign = "search" if visitor == 1 else "direct", path
        page.country, page.path = country, path
        page.save(force_insert=True)
    now = NOON + HOUR

    def most(query: str) -> tuple[int, int]:
        today = DayCurves().today(site, now, filtering.filters(QueryDict(query)))
        return max(today["visitors"]["most"]), max(today["tabs"]["most"])

    assert most("") == (3, 4)
    assert most("country=DE") == (1, 2)
    assert most("country=DE&country=FR&page=/") == (2, 2)
    assert most("country=") == (1, 1)
    assert most("page=%00") == (0, 0)
    assert most("channel=direct&campaign=/") == (1, 1)


def test_only_who_may_see_the_board_is_told(db: None) -> None:
    cast: Cast = make_cast()
    expected = {"owner": 200, "viewer": 200, "superuser": 200, "outsider": 404, "deactivated": 404}
    expected["customer"] = 404
    refusals = set()
    for name, user in cast.everyone().items():
        client = Client()
        client.force_login(user)
        answer = client.get(f"/sites/{cast.site.key}/curve.json")
        assert answer.status_code == expected[name], name
        assert "no-store" in answer.headers["Cache-Control"]
        if answer.status_code == 404:
            unknown = client.get("/sites/nothinghere/curve.json")
            refusals |= {answer.content, unknown.content}
    assert Client().get(f"/sites/{cast.site.key}/curve.json").status_code == 404
    client.force_login(cast.owner)
    assert client.get(f"/sites/{cast.site.key}/curve.json?page={'a' * 2049}").status_code == 400
    assert len(refusals) == 1


def test_filtered_days_that_are_asked_for_again_stay_kept(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep of a day takes seconds: with room for two, the one that nobody asked for again makes room."""
    swept: list[Filters] = []

    def sweep_noted(site_id: int, since: datetime, before: datetime, filters: Filters) -> list[MinuteLevels]:
        swept.append(filters)
        return []

    monkeypatch.setattr(day_module, "PASTS", 2)
    monkeypatch.setattr(day_module, "_between", sweep_noted)
    curves = DayCurves()
    first, second, third = (Filters.of(pages=[path]) for path in ("/über", "/مرحبا", "/" + "x" * 1900))
    for filters in (first, second, first, third, first):
        curves._past(site.pk, NOON, NOON + HOUR, filters)
    assert swept == [first, second, third]
