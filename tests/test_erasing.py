"""What is erased was never there: rows, minutes, sealed days and answers are those of a site without it."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from analytics.erasing import erasing, erasure_request, late_rows, retention
from analytics.erasing.erasing import Erasing
from analytics.erasing.erasure_request import WrongErasure
from analytics.history.day_store import DayStore
from analytics.history.file_cache import FileCache
from analytics.history.sealing import Sealing, seal_all
from analytics.models import Erasure, HistoryDay, ImportedFigure, ImportedFile, Member, Token
from tests import stored
from tests.earlier_days import without_servers
from tests.page_views import START, begin, folded, progress, said
from tests.stories import FIRST, LAST, NOW, ZONE, Story, answers, rows
from tracker.contract.records import Begin
from tracker.edge.admission import closed_to
from tracker.models import Event, Minute, PageView, Site, Touched, Visit
from tracker.postgres.connect import connect
from tracker.rollups import minutes
from tracker.sites.directory import Directory
from tracker.storing.store import Store

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = timedelta()


@pytest.fixture
def sites() -> tuple[Site, Site]:
    """One of which is erased, and one to which it was never told."""
    made = [
        Site.objects.create(domain=f"{name}.example", hosts=[f"{name}.example"], timezone="Europe/Berlin")
        for name in ("erased", "never")
    ]
    return made[0], made[1]


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    with connect() as connection:
        connection.autocommit = True
        yield connection


@pytest.fixture
def sealing(tmp_path: Path) -> Sealing:
    return Sealing(tmp_path / "history", 2**27)


def prepare(connection: psycopg.Connection, sealing: Sealing, state: str) -> None:
    minutes.roll_up(connection, NOW)
    if state != "open":
        assert seal_all(connection, sealing, NOW)[1] == 0
    if state == "files":
        for table in (PageView, Visit, Event, Minute):
            table.objects.all().delete()
        before = NOW - timedelta(days=1)
        connection.execute("INSERT INTO tracker_watermark (job, at) VALUES ('raw', %s)", [before])


def test_days_of_an_earlier_format_are_made_anew_without_page_views(
    sites: tuple[Site, Site], connection: psycopg.Connection, sealing: Sealing, tmp_path: Path
) -> None:
    site, _ = sites
    noon = datetime.combine(FIRST, datetime.min.time(), ZONE) + timedelta(hours=12)
    stored.visit(site, noon, "/users/anna", "/")
    prepare(connection, sealing, "files")
    days = HistoryDay.objects.filter(site_id=site.pk, kind="views")
    assert without_servers(days, tmp_path) == 1
    # What comes late is a part of its own, of today's format.
    stored.visit(site, noon + timedelta(hours=2), "/late", visitor=2, server="web-1")
    Touched.objects.create(site_id=site.pk, at=noon)
    assert seal_all(connection, sealing, NOW) == (1, 0)
    assert list(days.order_by("part").values_list("format", flat=True)) == [2, 3]
    Erasing(sealing).work(connection, erasure_request.pages(site, "me", AT_ONCE, "/users/*"))
    (left,) = days
    path = tmp_path / "left.parquet"
    path.write_bytes(left.file)
    found = duckdb.execute(f"SELECT page, entry, server FROM '{path}' ORDER BY view").fetchall()
    assert (left.format, found) == (3, [("/", True, ""), ("/late", True, "web-1")])


def whom(story: Story) -> uuid.UUID:
    """Somebody who saw many pages on the second day."""
    second = datetime.combine(FIRST + timedelta(days=1), datetime.min.time(), ZONE).timestamp()
    seen = [p.attribution.visitor for p, *_ in story if second <= p.began_at < second + 86_400]
    return max(seen, key=seen.count)


def number_of(story: Story, visitor: uuid.UUID) -> int:
    """Their number in a sealed day: in the order in which people came."""
    day = {v: b for b, v in sorted(((p.began_at, p.attribution.visitor) for p, *_ in story), reverse=True)}
    own = datetime.fromtimestamp(day[visitor], ZONE).date()
    came = sorted((b, v) for v, b in day.items() if datetime.fromtimestamp(b, ZONE).date() == own)
    return [v for _, v in came].index(visitor) + 1


def day_of(page: Begin) -> date:
    return datetime.fromtimestamp(page.began_at, ZONE).date()


def asked(kind: str, site: Site, story: Story, state: str) -> tuple[Erasure, Callable[[Begin], bool]]:
    """An erasure of a kind, and which page views it spares."""
    second = FIRST + timedelta(days=1)
    if kind == "days":
        erasure = erasure_request.days(site, "me", AT_ONCE, second, LAST)
        return erasure, lambda page: day_of(page) < second
    if kind == "pages":
        erasure = erasure_request.pages(site, "me", AT_ONCE, "/users/*")
        return erasure, lambda page: page.path != "/users/anna"
    if kind == "page of a day":
        erasure = erasure_request.pages(site, "me", AT_ONCE, "/über", second, second)
        return erasure, lambda page: page.path != "/%C3%BCber" or day_of(page) != second
    visitor = whom(story)
    name = str(number_of(story, visitor)) if state == "files" or kind == "number" else str(visitor)
    erasure = erasure_request.visitors_day(site, "me", AT_ONCE, name, second)
    return erasure, lambda page: page.attribution.visitor != visitor


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        *(("days", "sealed"), ("days", "files"), ("pages", "open"), ("pages", "sealed"), ("pages", "files")),
        *(("page of a day", "files"), ("visitor", "sealed"), ("number", "sealed"), ("number", "files")),
    ],
)
def test_what_is_erased_was_never_there(
    sites: tuple[Site, Site], connection: psycopg.Connection, sealing: Sealing, kind: str, state: str
) -> None:
    erased, never = sites
    story = Story.at_random(sum(map(ord, kind + state)))
    story.store(erased)
    erasure, keep = asked(kind, erased, story, "open")
    story.store(never, keep)
    prepare(connection, sealing, state)
    if state == "files":
        erasure.delete()
        erasure, _ = asked(kind, erased, story, state)
    spared, told = rows(never), answers(never, sealing.folder)
    before = {name: len(found) for name, found in rows(erased).items()}
    Erasing(sealing).work(connection, erasure)
    assert rows(erased) == spared
    assert answers(erased, sealing.folder) == told
    assert rows(never) == spared
    erasure.refresh_from_db()
    assert (erasure.state, erasure.pattern, erasure.visitor, erasure.problem) == ("done", "", "", "")
    gone = [entry for entry in story if not keep(entry[0])]
    assert (erasure.views, erasure.events) == (len(gone), sum(entry[3] for entry in gone))
    assert gone
    assert state == "files" or before["PageView"] - len(spared["PageView"]) == len(gone)


KILLED = """
import os, sys
from datetime import datetime
from pathlib import Path
import django
django.setup()
from analytics.erasing.erasing import Erasing
from analytics.history.sealing import Sealing
from analytics.models import Erasure
from tracker.postgres.connect import connect
def step(name):
    if name == sys.argv[1]:
        os.kill(os.getpid(), 9)
with connect() as connection:
    connection.autocommit = True
    sealing = Sealing(Path(sys.argv[2]), 2**27, step)
    Erasing(sealing, step).work(connection, Erasure.objects.earliest("pk"))
"""


def erase_and_be_killed(connection: psycopg.Connection, sealing: Sealing, step: str) -> None:
    """Have a process of its own begin the first erasure, and die in a step of it."""
    address, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    environment = {**os.environ, "DATABASE_URL": f"{address}/{connection.info.dbname}"}
    environment["DJANGO_SETTINGS_MODULE"] = "analytics.settings"
    command = [sys.executable, "-c", KILLED, step, str(sealing.folder)]
    ended = subprocess.run(command, env=environment, capture_output=True)
    assert ended.returncode == -9, ended.stderr.decode()


@pytest.mark.waits
def test_erasing_that_is_killed_in_any_step_is_done_again(
    sites: tuple[Site, Site], connection: psycopg.Connection, sealing: Sealing
) -> None:
    erased, never = sites
    story = Story.at_random(7)
    story.store(erased)
    story.store(never, lambda page: page.path != "/users/anna")
    prepare(connection, sealing, "sealed")
    told = answers(never, sealing.folder)
    erasure = erasure_request.pages(erased, "me", AT_ONCE, "/users/anna")
    for step in ("rows", "commit", "end"):
        erase_and_be_killed(connection, sealing, step)
        erasure.refresh_from_db()
        assert (erasure.state, erasure.pattern) == ("running", "/users/anna")
    assert erasing.due(timezone.now()) == [erasure]
    Erasing(sealing).work(connection, erasure)
    assert rows(erased) == rows(never)
    assert answers(erased, sealing.folder) == told
    erasure.refresh_from_db()
    assert erasure.views == sum(page.path == "/users/anna" for page, *_ in story)


@pytest.mark.waits
def test_a_number_means_the_same_visitor_whoever_goes_before_and_whatever_is_killed(
    sites: tuple[Site, Site], connection: psycopg.Connection, sealing: Sealing
) -> None:
    erased, never = sites
    story = Story.at_random(11)
    second = FIRST + timedelta(days=1)
    there = list(dict.fromkeys(page.attribution.visitor for page, *_ in story if day_of(page) == second))
    numbers = {number_of(story, visitor): visitor for visitor in there}
    first, other, last = numbers[1], numbers[2], numbers[max(numbers)]
    gone = {first, other, last}
    assert len(gone) == 3
    story.store(erased)
    story.store(never, lambda page: page.attribution.visitor not in gone)
    prepare(connection, sealing, "files")
    told = answers(never, sealing.folder)
    one, two, three = (
        erasure_request.visitors_day(erased, "me", AT_ONCE, str(number), second)
        for number in (1, max(numbers), 2)
    )
    # When the day is made anew, and nobody knows yet that it is done.
    erase_and_be_killed(connection, sealing, "files")
    for erasure in (one, two, three):
        erasure.refresh_from_db()
        Erasing(sealing).work(connection, erasure)
    assert answers(erased, sealing.folder) == told
    assert [erasure.views for erasure in Erasure.objects.order_by("pk")] == [
        sum(page.attribution.visitor == visitor for page, *_ in story) for visitor in (first, last, other)
    ]


def test_a_number_that_nobody_has_is_told(sites: tuple[Site, Site]) -> None:
    site, _ = sites
    stored.visit(site, NOW - timedelta(days=3), "/")
    for number in ("0", "2"):
        with pytest.raises(WrongErasure, match=f"no visitor {number} on that day"):
            erasure_request.visitors_day(site, "me", AT_ONCE, number, (NOW - timedelta(days=3)).date())
    with pytest.raises(WrongErasure, match="between 2000 and 2099"):
        erasure_request.visitors_day(site, "me", AT_ONCE, "1", date(9999, 12, 31))


def test_what_was_imported_of_erased_days_and_pages_goes_too(
    sites: tuple[Site, Site], connection: psycopg.Connection, sealing: Sealing
) -> None:
    for site in sites:
        file = ImportedFile.objects.create(
            **{"site": site, "product": "umami", "name": "x.csv", "digest": site.key.encode()},
            **{"first": FIRST, "last": LAST, "rows": 9, "figures": 6},
        )
        told = [(FIRST, "", ""), (LAST, "", ""), *((LAST, "page", page) for page in ("/a.b", "/aXb"))]
        for day, dimension, name in [*told, (FIRST, "exit_page", "/a.b"), (FIRST, "country", "/a.b")]:
            zeros = dict.fromkeys(("visits", "views", "bounces", "visit_seconds", "events"), 0)
            ImportedFigure.objects.create(
                file=file, day=day, dimension=dimension, name=name, visitors=1, **zeros
            )
    site, other = sites

    def left(of: Site) -> set[tuple[date, str, str]]:
        figures = ImportedFigure.objects.filter(file__site=of).values_list("day", "dimension", "name")
        assert ImportedFile.objects.get(site=of).figures == len(figures)
        return set(figures)

    Erasing(sealing).work(connection, erasure_request.pages(site, "me", AT_ONCE, "/a.b"))
    assert left(site) == {(FIRST, "", ""), (LAST, "", ""), (LAST, "page", "/aXb"), (FIRST, "country", "/a.b")}
    Erasing(sealing).work(connection, erasure_request.days(site, "me", AT_ONCE, LAST, LAST))
    assert left(site) == {(FIRST, "", ""), (FIRST, "country", "/a.b")}
    assert len(left(other)) == 6


def site_tables(connection: psycopg.Connection) -> list[str]:
    """Every table with a column that names a site."""
    found = connection.execute(
        "SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " WHERE a.attname = 'site_id' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        " AND c.relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    return [name for (name,) in found.fetchall()]


def test_a_deleted_site_is_in_no_table_and_refused(
    sites: tuple[Site, Site], connection: psycopg.Connection, sealing: Sealing, django_user_model: Any
) -> None:
    erased, never = sites
    story = Story.at_random(1)
    for site in sites:
        story.store(site)
    prepare(connection, sealing, "sealed")
    user = django_user_model.objects.create(username="me")
    Member.objects.create(site=erased, user=user)
    only, both = (Token.objects.create(name=name, digest=b"") for name in ("only", "both"))
    only.sites.add(erased)
    both.sites.add(erased, never)
    spared = rows(never)
    page_views = PageView.objects.filter(site=erased).count()
    waiting = erasure_request.pages(erased, "me", timedelta(days=1), "/users/anna")
    erasure = erasure_request.whole_site(erased, "me", AT_ONCE)
    directory = Directory(connect)
    directory.start()
    try:
        assert directory.wait_ready(10)
        assert closed_to(directory.site(erased.key), "erased.example", "") is not None
        assert closed_to(directory.site(never.key), "never.example", "") is None
    finally:
        directory.stop()
    with pytest.raises(WrongErasure, match="already"):
        erasure_request.whole_site(erased, "me", AT_ONCE)
    Erasing(sealing).work(connection, erasure)
    for table in site_tables(connection):
        if table != "analytics_erasure":
            left = connection.execute(f"SELECT count(*) FROM {table} WHERE site_id = %s", [erased.pk])
            assert left.fetchone() == (0,), table
    assert not Site.objects.filter(pk=erased.pk).exists()
    assert rows(never) == spared
    assert list(Token.objects.values_list("name", flat=True)) == ["both"]
    erasure.refresh_from_db()
    assert (erasure.state, erasure.asked_by, erasure.views) == ("done", "me", page_views)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.pattern) == ("cancelled", "")

    # A spool that was adopted later.
    stored.visit(erased, NOW - timedelta(hours=1), "/late")
    late_rows.sweep(connection, NOW)
    assert not PageView.objects.filter(site_id=erased.pk).exists()
    assert rows(never) == spared


def test_what_is_still_said_of_erased_page_views_is_not_kept(
    sites: tuple[Site, Site], connection: psycopg.Connection, sealing: Sealing
) -> None:
    site, _ = sites
    seconds = NOW.timestamp() - START.timestamp() - 600
    page = begin(seconds, site=site.pk, path="/users/anna")
    other = begin(seconds + 5, site=site.pk, path="/", visitor=page.attribution.visitor)
    with connect() as writing:
        store = Store(writing)
        store.write(folded(page, other))
        erasure = erasure_request.pages(site, "me", AT_ONCE, "/users/anna")
        Erasing(sealing).work(connection, erasure)
        # Its page is still open: it says an event, comes back, and ends.
        again = begin(
            seconds + 20, site=site.pk, page=page.id, visitor=page.attribution.visitor, connection=2
        )
        store.write(folded(said(page, seconds + 10), again, said(other, seconds + 15)))
        store.write(
            folded(progress(again, seconds + 30, ended=True), progress(other, seconds + 40, ended=True))
        )
    assert [view.path for view in PageView.objects.all()] == ["/"]
    late_rows.sweep(connection, NOW)
    (event,) = Event.objects.all()
    visit = Visit.objects.get()
    assert (event.page_view_id, event.visit_id) == (other.id, other.id)
    assert (visit.pk, visit.views, visit.events, visit.entry_path) == (other.id, 1, 1, "/")
    assert visit.ended_at == datetime.fromtimestamp(START.timestamp() + seconds + 40, UTC)


def test_erasing_waits_for_nobody_for_long_and_holds_nobody_up(
    sites: tuple[Site, Site], connection: psycopg.Connection, sealing: Sealing
) -> None:
    erased, never = sites
    stored.visit(erased, NOW - timedelta(days=3), "/", "/a")
    erasure = erasure_request.days(erased, "me", AT_ONCE, FIRST, NOW.date())
    with connect() as busy:
        busy.execute("SELECT FROM tracker_pageview WHERE path = '/a' FOR UPDATE")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            Erasing(sealing).work(connection, erasure)
        assert PageView.objects.count() == 2
        with connect() as writing:
            Store(writing).write(folded(begin(site=never.pk), begin(site=erased.pk)))
    Erasing(sealing).work(connection, erasure)
    assert not PageView.objects.filter(site=erased, began_at__lt=NOW - timedelta(days=2)).exists()


def test_files_of_erased_days_leave_the_cache(
    sites: tuple[Site, Site], connection: psycopg.Connection, sealing: Sealing
) -> None:
    site, _ = sites
    for each in sites:
        stored.visit(each, NOW - timedelta(days=4), f"/{each.domain}")
    assert seal_all(connection, sealing, NOW) == (2, 0)
    for each in sites:
        answers(each, sealing.folder)
    files = list(sealing.folder.glob("*.parquet"))
    assert len(files) == 2
    copy = sealing.folder / f"open-{os.getpid()}-{site.pk}-{LAST}-1-views-0.parquet"
    copy.write_bytes(b"rows of an open day")
    for file in (*files, copy):
        os.utime(file, (0, 0))
    Erasing(sealing).work(connection, erasure_request.days(site, "me", AT_ONCE, FIRST, LAST))
    store = DayStore(FileCache(sealing.folder, 2**30), 2**27)
    store.tidy()
    store.close()
    (left,) = sealing.folder.glob("*.parquet")
    assert left.stem == HistoryDay.objects.get().digest.hex()


def test_a_site_that_keeps_less_loses_its_old_days_and_no_other(
    sites: tuple[Site, Site], connection: psycopg.Connection, sealing: Sealing
) -> None:
    strict, other = sites
    for site in sites:
        for age in (3, 5, 6, 70):
            stored.visit(site, NOW - timedelta(days=age), "/", visitor=age, events=1)
    Site.objects.filter(pk=strict.pk).update(raw_days=4, history_months=2)
    assert retention.weeks_kept(connection, 0) == 0
    assert retention.weeks_kept(connection, 35) == 35
    retention.expire(connection, NOW, 0)
    assert PageView.objects.count() == 8  # nothing goes before it is sealed
    seal_all(connection, sealing, NOW)
    spared, told = rows(other), answers(strict, sealing.folder)
    retention.expire(connection, NOW, 0)
    left = NOW - timedelta(days=3)
    assert [view.began_at for view in PageView.objects.filter(site=strict)] == [left]
    assert (Visit.objects.filter(site=strict).count(), Event.objects.filter(site=strict).count()) == (1, 1)
    assert rows(other) == spared
    assert answers(strict, sealing.folder) == told
    days = HistoryDay.objects.filter(site_id=strict.pk, kind="views").order_by("day")
    assert len(days) == 3
    # What comes late of a day whose rows are gone is added to it, and leaves the table again.
    stored.visit(strict, NOW - timedelta(days=5), "/late", visitor=9)
    Touched.objects.create(site_id=strict.pk, at=NOW - timedelta(days=5))
    seal_all(connection, sealing, NOW)
    assert [view.began_at for view in PageView.objects.filter(site=strict)] == [left]
    assert answers(strict, sealing.folder)[0][0][2] == told[0][0][2] + 1
    Site.objects.update(raw_days=4)
    assert retention.weeks_kept(connection, 0) == 4


def test_what_waits_can_be_kept(sites: tuple[Site, Site]) -> None:
    site, _ = sites
    erasure = erasure_request.whole_site(site, "me", timedelta(hours=1))
    assert (erasing.due(timezone.now()), Site.objects.get(pk=site.pk).enabled) == ([], False)
    assert not erasure_request.cancel(erasure.pk, site.pk + 1)
    assert erasure_request.cancel(erasure.pk, site.pk)
    assert Site.objects.get(pk=site.pk).enabled
    assert not erasure_request.cancel(erasure.pk, site.pk)
    erasure = erasure_request.pages(site, "me", timedelta(hours=1), "/users/anna")
    assert erasure_request.begin_now(erasure.pk, site.pk)
    assert erasing.due(timezone.now()) == [erasure]
    erasure_request.cancel(erasure.pk, site.pk)
    erasure.refresh_from_db()
    assert (erasure.state, erasure.pattern) == ("cancelled", "")


@pytest.mark.parametrize(
    ("ask", "problem"),
    [
        (lambda site: erasure_request.days(site, "me", AT_ONCE, LAST, FIRST), "before the first"),
        (lambda site: erasure_request.pages(site, "me", AT_ONCE, " "), "which pages"),
        (lambda site: erasure_request.pages(site, "me", AT_ONCE, "/\0"), "no path"),
        (lambda site: erasure_request.visitors_day(site, "me", AT_ONCE, "anna", FIRST), "hash"),
        (
            lambda site: erasure_request.visitors_day(site, "me", AT_ONCE, str(uuid.uuid4()), FIRST),
            "No page view",
        ),
    ],
)
def test_what_cannot_be_erased_is_told(
    sites: tuple[Site, Site], ask: Callable[[Site], Erasure], problem: str
) -> None:
    with pytest.raises(WrongErasure, match=problem):
        ask(sites[0])
    assert not Erasure.objects.exists()


def test_the_command_counts_asks_erases_lists_and_cancels(
    sites: tuple[Site, Site], connection: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    site, never = sites
    stored.visit(site, NOW - timedelta(days=3), "/", "/users/anna")
    call_command("erase", site.key, "--page", "/users/*", "--dry-run")
    assert "would be erased: 1." in capsys.readouterr().out
    assert (Erasure.objects.count(), PageView.objects.count()) == (0, 2)
    with pytest.raises(CommandError, match="--yes"):
        call_command("erase", site.key, "--page", "/users/*")
    call_command("erase", site.key, "--page", "/users/*", "--yes", "--now")
    assert "Erased: 1 page views, 0 visits, 0 events." in capsys.readouterr().out
    call_command("erase", never.key, "--site", "--yes", "--after", "1h")
    number = Erasure.objects.get(kind="site").pk
    assert f"--cancel {number}" in capsys.readouterr().out
    call_command("erase", "--list")
    text = capsys.readouterr().out
    assert "the site of never.example" in text
    assert "/users" not in text
    call_command("erase", "--cancel", str(number))
    assert Site.objects.get(pk=never.pk).enabled
    with pytest.raises(CommandError, match="only what waits"):
        call_command("erase", "--cancel", str(number))
    Erasure.objects.filter(pk=number).update(state="waiting", begins_at=NOW)
    call_command("erase", "--in-background")
    assert not Site.objects.filter(pk=never.pk).exists()
    assert HistoryDay.objects.count() <= 1
    for wrong in (("x",), (site.key,), (site.key, "--visitor", "1")):
        with pytest.raises(CommandError):
            call_command("erase", *wrong, "--yes")
