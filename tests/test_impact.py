"""What a span of time meant to people: against plain SQL, on open, sealed and mixed days; and in words."""

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from analytics.history.day_store import DayStore
from analytics.history.duck import open_duck
from analytics.history.file_cache import FileCache
from analytics.history.impact import Impact, ImpactQuestion, ImpactWindow, MeanPresence, weeks_of
from analytics.history.impact_answering import ImpactAnswering
from analytics.history.impact_words import in_a_sentence
from analytics.history.question import WrongQuestion
from analytics.history.question_sql import DAY_NUMBER
from analytics.history.sealing import Sealing, seal_all
from analytics.models import Annotation
from tests import stored
from tests.question_process import asked_of_ours
from tracker.models import PageView, Site
from tracker.postgres.connect import connect

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2025, 4, 20, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# Visitors' time together, as ranges of Postgres add it up; people, and page views that ended.
PLAIN = """
WITH open AS (
    SELECT visitor, ended_at, tstzrange(%(since)s, %(until)s)
               * tstzrange(began_at, least(coalesce(ended_at, %(now)s), began_at + '1 day', %(now)s)) AS there
    FROM tracker_pageview WHERE site_id = %(site)s AND began_at < %(until)s
      AND coalesce(ended_at, %(now)s) > %(since)s AND coalesce(ended_at, %(now)s) > began_at
), stay AS (
    SELECT unnest(range_agg(there)) AS there FROM open WHERE NOT isempty(there) GROUP BY visitor
)
SELECT (SELECT coalesce(sum(extract(epoch FROM upper(there) - lower(there))), 0) FROM stay)
           / extract(epoch FROM %(until)s - %(since)s),
       (SELECT count(DISTINCT visitor) FROM open WHERE NOT isempty(there)),
       (SELECT count(*) FROM open WHERE NOT isempty(there) AND ended_at <= %(until)s)
"""


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


def question(
    since: datetime, until: datetime, first: date | None = date(2024, 1, 1), site: int = 1
) -> ImpactQuestion:
    return ImpactQuestion(site, "Europe/Berlin", since, until, first)


def of(since: str, until: str, first: date | None = date(2024, 1, 1)) -> ImpactQuestion:
    return question(local(since), local(until), first)


def clocks(asked: ImpactQuestion, now: datetime = NOW) -> list[str]:
    """When each week's span begins, as the clock on the wall says it."""
    return [f"{week.windows[1].since.astimezone(BERLIN):%d %b %H:%M}" for week in weeks_of(asked, now)]


def test_usual_is_the_same_time_by_the_clock_of_the_weeks_before_that_were_counted() -> None:
    span = ("2025-04-06T14:02", "2025-04-06T14:12")
    # Clocks were changed on 30 March.
    assert clocks(of(*span)) == [
        "06 Apr 14:02",
        "30 Mar 14:02",
        "23 Mar 14:02",
        "16 Mar 14:02",
        "09 Mar 14:02",
    ]
    # The first day was not counted from its midnight on.
    assert clocks(of(*span, first=date(2025, 3, 23))) == ["06 Apr 14:02", "30 Mar 14:02"]
    assert clocks(of(*span, first=date(2025, 3, 22))) == ["06 Apr 14:02", "30 Mar 14:02", "23 Mar 14:02"]
    assert clocks(of(*span, first=None)) == ["06 Apr 14:02"]
    # A time that this day did not have, and as long as the span all the same.
    gap = weeks_of(of("2025-04-06T02:30", "2025-04-06T03:30"), NOW)[1]
    assert gap.windows[1] == ImpactWindow(local("2025-03-30T03:30"), local("2025-03-30T04:30"))
    twice = weeks_of(of("2025-11-02T02:30", "2025-11-02T02:40"), datetime(2025, 12, 1, tzinfo=UTC))[1]
    assert twice.since == datetime(2025, 10, 26, 0, 20, tzinfo=UTC)


def test_before_and_after_are_as_long_as_the_span_within_bounds() -> None:
    def lengths(asked: ImpactQuestion, now: datetime = NOW) -> list[float]:
        weeks = weeks_of(asked, now)
        assert len({tuple(window.seconds for window in week.windows) for week in weeks}) == 1
        return [window.seconds / 60 for window in weeks[0].windows]

    assert lengths(of("2025-04-06T14:00", "2025-04-06T14:20")) == [20, 20, 20]
    assert lengths(of("2025-04-06T14:00", "2025-04-06T14:01")) == [5, 1, 5]
    assert lengths(of("2025-04-06T00:00", "2025-04-07T00:00")) == [60, 1440, 60]
    running = question(NOW - 4 * MINUTE, NOW + 6 * MINUTE)
    assert lengths(running) == [10, 4]
    assert lengths(running, NOW + 6 * MINUTE + timedelta(seconds=59)) == [10, 10]
    assert lengths(running, NOW + 9 * MINUTE) == [10, 10, 3]


NOTHING = MeanPresence(NOW, NOW, 0, None)


def impact(asked: ImpactQuestion, **changed: Any) -> Impact:
    figures: dict[str, Any] = {
        "as_of": NOW,
        "running": asked.until > NOW,
        "before": MeanPresence(asked.since, asked.since, 118.2, 121),
        "during": MeanPresence(asked.since, asked.until, 74.4, 122),
        "after": MeanPresence(asked.until, asked.until, 109, 120),
        "people": 1204,
        "usual_people": 1250.5,
        "ended": 412,
        "usual_ended": 380.2,
        "weeks": [date(2025, 4, 11), date(2025, 4, 4), date(2025, 3, 28), date(2025, 3, 21)],
        "damaged_days": [],
    }
    return Impact(**{**figures, **changed})


SPAN = of("2025-04-18T14:02", "2025-04-18T14:12")


@pytest.mark.parametrize(
    ("asked", "changed", "sentence"),
    [
        (
            SPAN,
            {},
            "Fri 18 Apr, 14:02–14:12: 74 visitors at once on average (118 before, 109 after), 39 % fewer than"
            " on the 4 Fridays before; 1,204 people had a page open, and 412 page views ended (usually 380).",
        ),
        (
            question(local("2025-04-20T13:58"), NOW + HOUR),
            {"after": None, "during": MeanPresence(NOW, NOW, 240, 120), "weeks": [date(2025, 4, 13)]},
            "Since Sun 20 Apr, 13:58: 240 visitors at once on average (118 before), 100 % more than on the"
            " Sunday before; 1,204 people had a page open, and 412 page views ended (usually 380).",
        ),
        (
            of("2024-12-31T23:55:30", "2025-01-01T00:05"),
            {
                "during": MeanPresence(local("2024-12-31T23:55"), NOW, 1.04, None),
                "usual_ended": None,
                "weeks": [],
            }
            | {"people": 1, "usual_people": None, "ended": 1},
            "Tue 31 Dec 2024, 23:55:30 to Wed 1 Jan, 00:05:00: 1 visitor at once on average (118 before, 109"
            " after), with no Tuesday before to compare with; 1 person had a page open, and 1 page view"
            " ended; with so few people this may be chance.",
        ),
        (
            SPAN,
            {"during": MeanPresence(SPAN.since, NOW, 3.25, 4), "people": 9, "usual_people": 12.5, "ended": 0},
            "Fri 18 Apr, 14:02–14:12: 3.2 visitors at once on average (118 before, 109 after), against 4 on"
            " the 4 Fridays before; 9 people had a page open, and 0 page views ended (usually 380); with so"
            " few people this may be chance.",
        ),
        (
            SPAN,
            {"during": MeanPresence(SPAN.since, NOW, 122.3, 122), "damaged_days": [date(2025, 4, 4)]},
            "Fri 18 Apr, 14:02–14:12: 122 visitors at once on average (118 before, 109 after), as many as on"
            " the 4 Fridays before; 1,204 people had a page open, and 412 page views ended (usually 380); a"
            " day of it is damaged, and not counted.",
        ),
        (
            of("2025-04-18T14:02", "2025-04-18T14:12", date(2025, 4, 19)),
            {},
            "Fri 18 Apr, 14:02–14:12: nothing is known, since counting began on Sat 19 Apr.",
        ),
        (
            of("2025-04-18T14:02", "2025-04-18T14:12", None),
            {},
            "Fri 18 Apr, 14:02–14:12: nothing is known, since nobody has been counted yet.",
        ),
    ],
)
def test_it_is_said_in_a_sentence(asked: ImpactQuestion, changed: dict[str, Any], sentence: str) -> None:
    assert in_a_sentence(asked, impact(asked, **changed)) == sentence


@pytest.fixture
def site(transactional_db: None) -> Site:
    return Site.objects.create(domain="a.example", hosts=["a.example"], timezone="Europe/Berlin")


@pytest.fixture
def answering(site: Site, tmp_path: Path) -> Iterator[tuple[ImpactAnswering, duckdb.DuckDBPyConnection]]:
    folder = tmp_path / "history"
    store = DayStore(FileCache(folder, 2**30), 2**27)
    with open_duck([folder], folder / "spill", 2**28, 2) as duck:
        duck.execute(DAY_NUMBER)
        yield ImpactAnswering(store, folder), duck
    store.close()


def page_views(site: Site, seed: int) -> None:
    """Five weeks of them around midnight and a change of clocks, some open for long or for no time."""
    chance = random.Random(seed)
    views = []
    for day in range(36):
        for number in range(40):
            at = local("2025-03-16T22:30") + day * DAY + timedelta(seconds=chance.randint(0, 3 * 3600))
            clock = at.astimezone(BERLIN)
            seconds = chance.choice([0, 0.001, 20, 200, 200, 2000, 80_000])
            ended = at + timedelta(seconds=seconds)
            visitor = clock.date().toordinal() * 100 + chance.randint(1, 15)
            views.append(
                PageView(
                    id=uuid.UUID(int=chance.getrandbits(100)),
                    site=site,
                    began_at=at,
                    ended_at=None if number == 0 and at + DAY > NOW else min(ended, NOW),
                    visit_id=uuid.UUID(int=visitor),
                    visitor=uuid.UUID(int=visitor),
                    path="/",
                    edge=1,
                    connection=1,
                )
            )
    PageView.objects.bulk_create([view for view in views if view.began_at < NOW])


def plain(site: Site, window: ImpactWindow, now: datetime) -> list[float]:
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {
            **{"site": site.pk, "since": window.since},
            **{"until": window.until, "now": now},
        }
        cursor.execute(PLAIN, asked)
        return [float(value) for value in cursor.fetchone()]


def test_every_figure_is_what_plain_sql_counts_on_open_and_sealed_days(
    site: Site, answering: tuple[ImpactAnswering, duckdb.DuckDBPyConnection], tmp_path: Path
) -> None:
    page_views(site, 3)
    spans = [
        (local("2025-04-16T00:10"), local("2025-04-16T00:20")),
        (local("2025-04-15T23:40"), local("2025-04-16T00:40")),  # across midnight, and the weeks before, too
        (local("2025-04-06T01:30"), local("2025-04-06T03:30")),  # a week before, clocks were put forward
        (local("2025-04-19T00:00"), local("2025-04-20T00:00")),
        (NOW - 12 * HOUR - 30 * MINUTE, NOW - 12 * HOUR),
        (NOW - 20 * MINUTE, NOW + HOUR),  # runs
        (local("2025-03-17T00:10"), local("2025-03-17T00:20")),  # nothing before it
    ]
    asking, duck = answering
    sealing = Sealing(tmp_path / "sealing", 2**27)
    # Nothing is sealed; up to a day in April; all that has settled.
    for sealed in (None, datetime(2025, 4, 8, 12, tzinfo=UTC), NOW):
        if sealed:
            with connect() as other:
                other.autocommit = True
                assert seal_all(other, sealing, sealed, site.pk)[1] == 0
        for since, until in spans:
            asked = question(since, until, date(2025, 3, 16), site.pk)
            told = asking.answer(duck, asked, NOW)
            weeks = weeks_of(asked, NOW)
            assert told.weeks == [week.windows[1].since.astimezone(BERLIN).date() for week in weeks[1:]]
            counted = [[plain(site, window, NOW) for window in week.windows] for week in weeks]
            parts = [told.before, told.during] + ([told.after] if told.after else [])
            for number, part in enumerate(parts):
                assert part.visitors == pytest.approx(counted[0][number][0], rel=1e-9), (
                    sealed,
                    since,
                    number,
                )
                usual = [week[number][0] for week in counted[1:]]
                assert part.usual == (pytest.approx(sum(usual) / len(usual), rel=1e-9) if usual else None)
            assert [told.people, told.ended] == counted[0][1][1:]
            assert told.people or since == spans[-1][0]
            if usual_people := [week[1][1] for week in counted[1:]]:
                assert told.usual_people == sum(usual_people) / len(usual_people)
                assert told.usual_ended == sum(week[1][2] for week in counted[1:]) / len(usual_people)
            assert told.running == (until > NOW)
    # What is sealed never changes: its figures are kept, and no file is read for them again.
    since, until = spans[0]
    asked = question(since, until, date(2025, 3, 16), site.pk)
    told = asking.answer(duck, asked, NOW)
    with duckdb.connect() as elsewhere:
        assert asking.answer(elsewhere, asked, NOW) == told
        with pytest.raises(duckdb.Error):
            asking.answer(elsewhere, question(since + MINUTE, until, date(2025, 3, 16), site.pk), NOW)
    for wrong in (
        question(NOW, NOW + HOUR),
        question(NOW - HOUR, NOW - HOUR),
        question(NOW - 3 * DAY, NOW - DAY),
        question(datetime(1, 1, 1, tzinfo=UTC), datetime(1, 1, 1, 1, tzinfo=UTC)),
    ):
        with pytest.raises(WrongQuestion):
            asking.answer(duck, wrong, NOW)


def test_the_api_tells_it_of_a_span_and_of_an_annotation(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    noon = datetime(2026, 11, 3, 11, tzinfo=UTC)
    stored.visit(site, noon, "/", "/a", visitor=1)
    stored.visit(site, noon + 7 * DAY, "/", "/a", "/b", visitor=2)
    stored.visit(site, noon + 7 * DAY + MINUTE, "/a", visitor=3)
    flag = Annotation.objects.create(site=site, at=noon + 7 * DAY, text="deploy ü")
    url = f"/api/v1/sites/{site.key}/impact"

    def get(**query: Any) -> Any:
        return client.get(url, query)

    with asked_of_ours(monkeypatch):
        told = get(annotation=flag.pk).json()
        assert told["annotation"] == {"id": flag.pk, "at": "2026-11-10T11:00:00Z", "text": "deploy ü"}
        assert told["during"] == {
            **{"from": "2026-11-10T11:00:00Z", "to": "2026-11-10T11:10:00Z"},
            **{"visitors": 0.4, "usual": None},
        }
        assert (told["people"], told["ended"], told["before"]["visitors"], told["weeks"]) == (2, 4, 0, [])
        assert told["sentence"].startswith("Tue 10 Nov, 12:00–12:10: 0.4 visitors at once on average")
        same = get(**{"from": "2026-11-10T12:00:00+01:00"}).json()
        assert same["annotation"] is None
        assert {**same, "as_of": 0, "annotation": 0} == {**told, "as_of": 0, "annotation": 0}
        shorter = get(**{"from": "2026-11-10T11:00:00", "to": "2026-11-10T11:02:00Z"}).json()
        assert (shorter["during"]["visitors"], shorter["people"], shorter["ended"]) == (1.5, 2, 3)
        for query, status in (
            ({}, 400),
            ({"annotation": flag.pk + 1}, 400),
            ({"annotation": flag.pk, "from": "2026-11-10T12:00Z"}, 400),
            ({"from": "9999-12-31T23:59:59Z"}, 400),
            ({"from": "0001-01-01T00:00:00+10:00"}, 400),
            ({"from": "2026-11-10T12:00Z", "to": "2026-11-10T11:00Z"}, 400),
            ({"from": "soon"}, 422),
            ({"annotation": 2**70}, 422),
        ):
            refused = get(**query)
            assert refused.status_code == status, query
            assert refused.json()["error"], query
    assert Client().get(url).status_code == 401
