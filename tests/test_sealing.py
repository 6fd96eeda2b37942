"""Days that are sealed: what is in them, when they are due, and that a kill at any step changes nothing."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from analytics.history import sealed_days
from analytics.history.day_format import EVENTS, VIEWS
from analytics.history.due_days import due_days, seal_again_later, unsealed_since
from analytics.history.local_days import LocalDay
from analytics.history.sealing import Sealing, seal_all
from analytics.models import HistoryDay
from tests import stored
from tests.page_views import START, begin, folded, progress, said
from tracker.models import Event, PageView, Site, Touched
from tracker.postgres import partitions
from tracker.postgres.connect import connect
from tracker.storing.store import Store
from tracker.upkeep import expiry

pytestmark = pytest.mark.django_db(transaction=True)

UTC_DAY = datetime(2025, 3, 4, tzinfo=UTC)
NOW = UTC_DAY + timedelta(days=30)
UGLY = 'a,"b"\r\nü ☃ \u202e\\n,'


@pytest.fixture
def site() -> Site:
    return Site.objects.create(domain="a.example", hosts=["a.example"])


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    with connect() as connection:
        connection.autocommit = True
        yield connection


@pytest.fixture
def sealing(tmp_path: Path) -> Sealing:
    return Sealing(tmp_path / "history", 2**27)


def rows(site: Site, day: date, tmp_path: Path, kind: str = VIEWS) -> list[dict[str, Any]]:
    """What the files of a sealed day hold, in their order."""
    found: list[dict[str, Any]] = []
    for file in HistoryDay.objects.filter(site_id=site.pk, day=day, kind=kind).order_by("part"):
        path = tmp_path / "one.parquet"
        path.write_bytes(file.file)
        cursor = duckdb.execute(f"SELECT * FROM read_parquet('{path}')")
        names = [column[0] for column in cursor.description or ()]
        found += [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return found


def test_a_sealed_day_holds_what_was_stored(
    site: Site, connection: psycopg.Connection, sealing: Sealing, tmp_path: Path
) -> None:
    noon = UTC_DAY + timedelta(hours=12)
    stored.visit(site, noon, "/b", visitor=2, referrer="Google", country="DE", engaged_ms=1000)
    stored.visit(site, noon - timedelta(hours=1), "/a", UGLY, "/a", visitor=9, events=2, referrer=UGLY)
    stored.visit(site, noon + timedelta(hours=2), "/a", visitor=9)
    # Earlier than all, but visitors who are alike lie together.
    stored.visit(site, noon - timedelta(hours=2), "/c", visitor=3, country="FR")
    assert seal_all(connection, sealing, NOW) == (1, 0)
    views = rows(site, UTC_DAY.date(), tmp_path)
    assert [(v["visitor"], v["visit"], v["view"], v["page"]) for v in views] == [
        (1, 1, 1, "/a"),
        (1, 1, 2, UGLY),
        (1, 1, 3, "/a"),
        (1, 2, 4, "/a"),
        (2, 3, 5, "/b"),
        (3, 4, 6, "/c"),
    ]
    flags = ("first", "entry", "first_on_page", "entry_on_page")
    assert ["".join("x" if v[name] else "." for name in flags) for v in views] == [
        *("xxxx", "..xx", "....", ".x.x", "xxxx", "xxxx"),
    ]
    first = views[0]
    assert (first["entry_page"], first["exit_page"], first["visit_views"]) == ("/a", "/a", 3)
    assert (first["events"], first["visit_events"], first["visit_engaged_ms"]) == (2, 2, 30_000)
    assert (first["visit_ended"] - first["visit_began"]) == 180_000_000
    assert {v["referrer"] for v in views[:3]} == {UGLY}
    assert views[1]["title"] == f"The page {UGLY}"
    events = rows(site, UTC_DAY.date(), tmp_path, EVENTS)
    assert [(e["visitor"], e["visit"], e["view"], e["name"], e["value"]) for e in events] == [
        (1, 1, 1, "signup", 1.5),
        (1, 1, 1, "signup", 1.5),
    ]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2025, 3, 30), 23),
        ("Europe/Berlin", date(2025, 10, 26), 25),
        ("America/New_York", date(2025, 3, 9), 23),
        ("Australia/Lord_Howe", date(2025, 4, 6), 24.5),
        ("Australia/Lord_Howe", date(2025, 10, 5), 23.5),
        ("Asia/Kathmandu", date(2025, 3, 31), 24),
    ],
)
def test_a_days_page_views_are_those_between_its_midnights(
    connection: psycopg.Connection, sealing: Sealing, tmp_path: Path, zone: str, day: date, hours: float
) -> None:
    site = Site.objects.create(domain="a.example", hosts=["a.example"], timezone=zone)
    begins = datetime.combine(day, datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)
    ends = begins + timedelta(hours=hours)
    second, micro = timedelta(seconds=1), timedelta(microseconds=1)
    moments = {"before": begins - micro, "first": begins, "last": ends - micro, "after": ends}
    for number, (name, at) in enumerate(moments.items()):
        stored.visit(site, at, name, visitor=number)
    event = Event.objects.create(
        id=uuid.uuid4(),
        site=site,
        at=ends + 20 * 3600 * second,
        page_view_id=PageView.objects.get(path="last").pk,
        visit_id=PageView.objects.get(path="last").visit_id,
        name="late",
        properties={},
    )
    assert LocalDay(day, zone).ends == ends
    seal_all(connection, sealing, ends + timedelta(days=3))
    views = rows(site, day, tmp_path)
    assert [v["page"] for v in views] == ["first", "last"]
    assert [row["name"] for row in rows(site, day, tmp_path, EVENTS)] == [event.name]
    for view in views:
        at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=view["began"])
        ahead = at.astimezone(ZoneInfo(zone)).utcoffset()
        assert timedelta(seconds=view["utc_offset"]) == ahead


def test_a_day_is_due_25_hours_after_its_end_and_once(
    site: Site, connection: psycopg.Connection, sealing: Sealing
) -> None:
    stored.visit(site, UTC_DAY + timedelta(hours=23), "/")
    settled = UTC_DAY + timedelta(hours=24 + 25)
    assert due_days(connection, settled) == []
    (due,) = due_days(connection, settled + timedelta(seconds=1))
    assert (due.day.day, due.why) == (UTC_DAY.date(), "new")
    seal_all(connection, sealing, NOW)
    assert due_days(connection, NOW) == []
    (due,) = due_days(connection, NOW, again=True)
    assert due.why == "asked"


def test_a_day_that_a_clock_ahead_had_sealed_is_sealed_again_once_it_has_settled(
    site: Site, connection: psycopg.Connection, sealing: Sealing
) -> None:
    stored.visit(site, UTC_DAY + timedelta(hours=1), "/")
    seal_all(connection, sealing, UTC_DAY + timedelta(days=3))
    for hours in (2, 48):
        now = UTC_DAY + timedelta(hours=hours)
        seal_again_later(connection, now)
        assert Touched.objects.count() == 1
        assert due_days(connection, now) == []
    now = UTC_DAY + timedelta(hours=50)
    (due,) = due_days(connection, now)
    assert (due.day.day, due.why) == (UTC_DAY.date(), "touched")
    seal_all(connection, sealing, now)
    seal_again_later(connection, now)
    assert not Touched.objects.exists()


def test_the_newest_days_come_first_of_all_sites(site: Site, connection: psycopg.Connection) -> None:
    other = Site.objects.create(domain="b.example", hosts=["b.example"])
    stored.visit(site, UTC_DAY, "/")
    stored.visit(other, UTC_DAY + timedelta(days=1), "/")
    stored.visit(site, UTC_DAY + timedelta(days=2), "/")
    stored.visit(other, UTC_DAY + timedelta(days=9), "/")
    days = [(due.site_id, due.day.day.day) for due in due_days(connection, NOW)]
    assert days == [(other.pk, 13), (site.pk, 6), (other.pk, 5), (site.pk, 4)]
    assert [due.site_id for due in due_days(connection, NOW, site.pk)] == [site.pk, site.pk]


def test_what_comes_late_touches_its_day_and_has_it_sealed_again(
    site: Site, connection: psycopg.Connection, sealing: Sealing, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    ago = -3 * 24 * 3600.0
    with connect() as other:
        store = Store(other)
        page = begin(ago, site=site.pk, path="/first")
        store.write(folded(page, progress(page, ago + 60, ended=True)))
        seal_all(connection, sealing, now + timedelta(days=7))
        assert not Touched.objects.exists()
        late = begin(ago + 5, site=site.pk, path="/late")
        store.write(folded(late, said(late, ago + 9), progress(late, ago + 60, ended=True)))
        assert Touched.objects.filter(site_id=site.pk).count() == 1
        store.write(folded(said(page, ago + 30)))
        young = begin(0, site=site.pk)
        store.write(folded(young))
    (due,) = [each for each in due_days(connection, now + timedelta(days=3)) if each.why == "touched"]
    seal_all(connection, sealing, now + timedelta(days=3))
    assert not Touched.objects.exists()
    views = rows(site, due.day.day, tmp_path)
    assert [(v["page"], v["events"]) for v in views] == [("/first", 1), ("/late", 1)]


def test_page_views_of_today_touch_nothing(site: Site) -> None:
    now = datetime.now(UTC).timestamp()
    ago = now - START.timestamp()
    with connect() as other:
        page = begin(ago - 22 * 3600, site=site.pk)
        store = Store(other)
        store.write(folded(page, progress(page, ago, ended=True)))
        assert not Touched.objects.exists()
        page = begin(ago - 23.5 * 3600, site=site.pk)
        store.write(folded(page))
        assert Touched.objects.count() == 1


def test_a_new_zone_has_days_sealed_anew(
    site: Site, connection: psycopg.Connection, sealing: Sealing, tmp_path: Path
) -> None:
    stored.visit(site, UTC_DAY + timedelta(hours=23), "/")
    seal_all(connection, sealing, NOW)
    Site.objects.filter(pk=site.pk).update(timezone="Asia/Tokyo")
    seal_all(connection, sealing, NOW)
    assert rows(site, date(2025, 3, 5), tmp_path)[0]["utc_offset"] == 9 * 3600
    assert not HistoryDay.objects.filter(day=UTC_DAY.date()).exists()


STEPS = ("read", "make", "keep", "settle", "commit", "done")
KILLED = """
import os, sys, django
from datetime import datetime
from pathlib import Path
django.setup()
from analytics.history.sealing import Sealing, is_alone, seal_all
from tracker.postgres.connect import connect
def step(name):
    if name == sys.argv[1]:
        os.kill(os.getpid(), 9)
with connect() as connection:
    connection.autocommit = True
    is_alone(connection, wait=True)
    seal_all(connection, Sealing(Path(sys.argv[2]), 2**27, step), datetime.fromisoformat(sys.argv[3]))
"""


def test_sealing_that_is_killed_in_any_step_changes_nothing_and_is_done_again(
    site: Site, connection: psycopg.Connection, sealing: Sealing, tmp_path: Path
) -> None:
    stored.visit(site, UTC_DAY, "/first", events=1)
    seal_all(connection, sealing, NOW)
    stored.visit(site, UTC_DAY, "/late", visitor=2)
    Touched.objects.create(site_id=site.pk, at=UTC_DAY)
    address, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    environment = {**os.environ, "DATABASE_URL": f"{address}/{connection.info.dbname}"}
    for step in STEPS:
        ended = subprocess.run(
            [sys.executable, "-c", KILLED, step, str(sealing.folder), NOW.isoformat()],
            env=environment,
            capture_output=True,
        )
        assert ended.returncode == -9, ended.stderr.decode()
        pages = {v["page"] for v in rows(site, UTC_DAY.date(), tmp_path)}
        assert pages == ({"/first", "/late"} if step == "done" else {"/first"})
        assert Touched.objects.exists() == (step != "done")
        assert list(sealing.folder.glob("sealing-*")) != [] or step == "done"
    sealing.clear()
    assert list(sealing.folder.iterdir()) == []
    assert due_days(connection, NOW) == []


def test_the_command_seals_checks_and_tells_what_differs(
    site: Site, connection: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    stored.visit(site, UTC_DAY, "/", "/b", events=1)
    stored.visit(site, UTC_DAY + timedelta(days=1), "/")
    call_command("seal", "--site", site.key)
    text = capsys.readouterr().out
    assert "2 of 2: 2025-03-04" in text
    assert "Days sealed: 2." in text
    call_command("seal", "--check")
    assert "Days compared: 2; all are the same." in capsys.readouterr().out
    PageView.objects.filter(path="/b").update(path="/c")
    with pytest.raises(CommandError, match="Days that differ: 1 of 2"):
        call_command("seal", "--check")
    text = capsys.readouterr().out
    assert "2025-03-04 of" in text
    assert "2 rows too many, 2 missing" in text
    call_command("seal", "--again")
    call_command("seal", "--check")
    HistoryDay.objects.filter(kind=VIEWS, day=UTC_DAY.date()).update(file=b"damaged")
    with pytest.raises(CommandError, match="Days that differ: 1 of 2"):
        call_command("seal", "--check")
    assert "damaged" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no site"):
        call_command("seal", "--site", "nobody")
    assert not list(settings.FOOTFALL_HISTORY.glob("sealing-*"))


def test_a_file_that_is_not_what_was_sealed_is_told(
    site: Site, connection: psycopg.Connection, sealing: Sealing
) -> None:
    stored.visit(site, UTC_DAY, "/")
    seal_all(connection, sealing, NOW)
    (sealed,) = sealed_days.sealed_files(connection, site.pk, UTC_DAY.date(), UTC_DAY.date())
    assert sealed_days.fetch(connection, sealed)
    HistoryDay.objects.update(file=b"something else")
    with pytest.raises(sealed_days.Damaged):
        sealed_days.fetch(connection, sealed)
    HistoryDay.objects.all().delete()
    assert sealed_days.fetch(connection, sealed) is None


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_weeks_go_when_they_are_sealed_and_what_comes_later_is_added(
    connection: psycopg.Connection, sealing: Sealing, tmp_path: Path, zone: str
) -> None:
    site = Site.objects.create(domain="a.example", hosts=["a.example"], timezone=zone)
    monday = partitions.midnight(partitions.week_of(datetime.now(UTC)) - timedelta(weeks=6))
    hour = timedelta(hours=1)
    # The last day of the week before reaches over its end, or begins before its last midnight.
    for ago in (-30, -7, -1, 1, 7, 30):
        stored.visit(site, monday + ago * hour, f"/{ago}", visitor=ago + 100)
    now = monday + timedelta(days=9)
    with connection.transaction(), connection.cursor() as cursor:
        made = partitions.ensure(cursor, monday - timedelta(weeks=1))
    try:
        expiry.drop_weeks(connection, now, 3, unsealed_since(connection, now))
        assert PageView.objects.count() == 6
        seal_all(connection, sealing, now)
        whole = pages_of(site, tmp_path)
        assert len(whole) == 6
        Touched.objects.create(site_id=site.pk, at=monday - hour)
        expiry.drop_weeks(connection, now, 3, now)
        assert PageView.objects.count() == 6
        Touched.objects.all().delete()
        expiry.drop_weeks(connection, now, 3, unsealed_since(connection, now))
        left = PageView.objects.count()
        assert left == {"UTC": 3, "Europe/Berlin": 1, "America/New_York": 2}[zone]
        assert due_days(connection, now) == []
        # What is sealed again is never half a day.
        seal_all(connection, sealing, now, again=True)
        assert pages_of(site, tmp_path) == whole
        stored.visit(site, monday - 2 * hour, "/late", visitor=1, events=1)
        Touched.objects.create(site_id=site.pk, at=monday - 2 * hour)
        (due,) = due_days(connection, now)
        assert not due.whole
        seal_all(connection, sealing, now)
        seal_all(connection, sealing, now)
        assert pages_of(site, tmp_path) == sorted([*whole, "/late"])
        assert PageView.objects.count() == left
        assert due_days(connection, now) == []
        numbers = [row["view"] for row in rows(site, due.day.day, tmp_path)]
        assert len(numbers) == len(set(numbers))
    finally:
        for name in made:
            connection.execute(
                psycopg.sql.SQL("DROP TABLE IF EXISTS {}").format(psycopg.sql.Identifier(name))
            )


def pages_of(site: Site, tmp_path: Path) -> list[str]:
    """The pages of all sealed days."""
    days = HistoryDay.objects.filter(site_id=site.pk, kind=VIEWS).values_list("day", flat=True).distinct()
    return sorted(row["page"] for day in days for row in rows(site, day, tmp_path))
