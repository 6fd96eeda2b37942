"""`manage.py importlog`: logs into Postgres, once, with visits, beside what the site counted itself."""

import gzip
import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command

from analytics.access_logs.log_files import LogFile, LogPlace
from analytics.access_logs.log_formats import reader_of
from analytics.access_logs.log_import import LogChoice, LogImport, LogTally
from analytics.access_logs.log_points import LogPoints
from analytics.access_logs.page_rules import LeftOut
from analytics.history.due_days import due_days
from analytics.management.commands import importlog
from analytics.models import LogSalt, ReadLog
from analytics.upkeep import jobs
from scripts.stands.agents import CHROME, FIREFOX
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests import stored
from tests.api_clients import ApiClient
from tracker.contract.zones import zone_of
from tracker.models import PageView, Site, Touched, Visit
from tracker.postgres.connect import connect
from tracker.visitors import identity

DAY = datetime(2026, 9, 1, 10, tzinfo=UTC)


def line(
    minute: float,
    path: str = "/",
    address: str = "192.0.2.1",
    agent: str = FIREFOX,
    status: int = 200,
    referrer: str = "-",
    begin: datetime = DAY,
) -> str:
    at = (begin + timedelta(minutes=minute)).strftime("%d/%b/%Y:%H:%M:%S +0000")
    return f'{address} - - [{at}] "GET {path} HTTP/1.1" {status} 512 "{referrer}" "{agent}"\n'


LINES = [
    line(0, "/?utm_source=News", referrer="https://www.google.com/"),
    line(0, "/app.js"),
    line(5, "/%C3%BC"),
    line(6, "/old", status=301),
    line(7, "/none", status=404),
    line(8, "/", agent="Googlebot/2.1 (+http://www.google.com/bot.html)"),
    line(8, "/healthz"),
    line(9, "/", address="2001:db8::7", agent=CHROME),
    "what is this?\x1b[31m\n",
    line(50, "/late"),
]


@pytest.fixture
def site() -> Site:
    return Site.objects.create(domain="a.example", hosts=["a.example"])


def run(site: Site, *arguments: str | Path) -> str:
    out = io.StringIO()
    call_command("importlog", *map(str, arguments), site=site.key, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@contextmanager
def following(site: Site, path: Path) -> Iterator[io.StringIO]:
    """A log that is followed in a thread, and what that says."""
    said = io.StringIO()
    command = importlog.Command(stdout=io.StringIO(), stderr=said)
    stopping = threading.Event()

    def follow() -> None:
        command.follow(site, LogChoice("a.example", follows=True), [path], None, stopping)

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield said
    finally:
        stopping.set()
        thread.join(20)
    assert not thread.is_alive()


def log(folder: Path, *lines: str, name: str = "access.log") -> Path:
    path = folder / name
    text = "".join(lines).encode()
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


@pytest.mark.django_db(transaction=True)
class TestImportLog:
    def test_page_views_and_visits_come_once(self, site: Site, tmp_path: Path) -> None:
        path = log(tmp_path, *LINES)
        said = run(site, path)
        assert "10 lines: 4 page views, 2026-09-01 to 2026-09-01; 4 taken." in said
        assert "Left out: 1 bots" in said
        assert "Not of this format: access.log, line 9\n" in said
        views = list(PageView.objects.order_by("began_at"))
        assert [view.path for view in views] == ["/", "/%C3%BC", "/", "/late"]
        assert all(view.ended_at == view.began_at for view in views)
        first, other, late = Visit.objects.order_by("began_at")
        assert (first.views, first.entry_path, first.exit_path, first.utm_source) == (
            2,
            "/",
            "/%C3%BC",
            "news",
        )
        assert (first.ended_at - first.began_at, first.id) == (timedelta(minutes=5), views[0].id)
        assert (other.browser, late.views) == ("Chrome", 1)
        assert first.visitor == late.visitor != other.visitor
        assert Touched.objects.filter(site_id=site.pk).exists()
        with connect() as connection:
            assert [due.day.day for due in due_days(connection, datetime.now(UTC), site.pk)] == [DAY.date()]
        # Again, rotated and packed, and from the begin: nothing more.
        assert "0 lines (10 more were read before): 0 page views; 0 taken." in run(site, path)
        packed = log(tmp_path, *LINES, name="access.log.1.gz")
        assert "0 lines (10 more" in run(site, packed)
        assert "4 page views, 2026-09-01 to 2026-09-01; 0 taken, 4 were there" in run(site, packed, "--again")
        assert (PageView.objects.count(), Visit.objects.count()) == (4, 3)

    def test_page_views_are_of_the_server_that_wrote_them(self, site: Site, tmp_path: Path) -> None:
        run(site, log(tmp_path, line(0, "/told")), "--server", "web-1")
        form = '$hostname $remote_addr [$time_local] "$request" $status "$http_user_agent"'
        said = 'web-2 192.0.2.1 [01/Sep/2026:12:00:00 +0000] "GET /own HTTP/1.1" 200 "' + FIREFOX + '"\n'
        run(site, log(tmp_path, said, name="b.log"), "--format", form, "--server", "web-1")
        run(site, log(tmp_path, line(9, "/none"), name="c.log"))
        views = dict(PageView.objects.values_list("path", "server"))
        assert views == {"/told": "web-1", "/own": "web-2", "/none": ""}

    def test_a_log_that_grows_goes_on_and_so_do_its_visits(self, site: Site, tmp_path: Path) -> None:
        today = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
        site.timezone = "Etc/GMT+12" if today.hour < 12 else "UTC"
        site.save()
        with connect() as connection:
            connection.execute(
                "INSERT INTO tracker_salt (site_id, day, salt)"
                " SELECT %s, d::date, 'salt'"
                " FROM generate_series(now() - interval '2 days', now(), '1 day') d",
                [site.pk],
            )
            connection.commit()
        lines = [line(minute, f"/{minute}", begin=today) for minute in (0, 20, 40, 80)]
        path = log(tmp_path, *lines[:2])
        run(site, path)
        log(tmp_path, *lines)
        assert "2 lines (2 more were read before): 2 page views" in run(site, path)
        visits = list(Visit.objects.order_by("began_at"))
        assert [(visit.views, visit.entry_path, visit.exit_path) for visit in visits] == [
            *((3, "/0", "/40"), (1, "/80", "/80")),
        ]
        assert len({visit.visitor for visit in visits}) == 1
        assert ReadLog.objects.get().lines == 4

    def test_days_that_the_site_counted_itself_win(self, site: Site, tmp_path: Path) -> None:
        stored.visit(site, DAY + timedelta(days=1), "/own")
        path = log(tmp_path, line(0), line(24 * 60), line(-24 * 60 * 365 * 300 + 5), line(24 * 60 * 365 * 20))
        said = run(site, path)
        assert "Left out: 1 days that the site counted itself" in said
        assert "Left out: 1 times still to come" in said
        assert PageView.objects.count() == 2
        assert "1 taken" in run(site, path, "--again", "--also-counted")

    def test_a_dry_run_shows_and_takes_nothing(self, site: Site, tmp_path: Path) -> None:
        said = run(site, log(tmp_path, *LINES), "--dry-run")
        assert "4 page views, 2026-09-01 to 2026-09-01; nothing was taken." in said
        assert "    GET /app.js 200\n" in said
        assert "line 9: what is this?\\x1b[31m" in said
        assert "2026-09-01: 4 page views" in said
        assert not PageView.objects.exists()
        assert not ReadLog.objects.exists()

    def test_what_is_wrong_gets_a_sentence(self, site: Site, tmp_path: Path) -> None:
        path = log(tmp_path, "a\n")
        for arguments, sentence in (
            ([path, "--format", "combned"], "is no format"),
            ([path], "has none of the known formats"),
            ([tmp_path / "none"], "cannot be read: No such file"),
            ([tmp_path], "cannot be read: Is a directory"),
            (["-"], "Say the --format"),
            (["-", "--follow", "--format", "common"], "name the log itself"),
            ([path, "--follow", "--dry-run"], "Say --follow or --dry-run"),
            ([path, "--only-unseen", "--also-counted"], "not both"),
            ([tmp_path / "none", "--follow"], "cannot be read: No such file"),
            ([path, "--host", "b.example"], "b.example is no host of this site"),
        ):
            with pytest.raises(CommandError, match=sentence):
                run(site, *arguments)
        with pytest.raises(CommandError, match="no site with this key"):
            call_command("importlog", str(path), site="nosuch")
        with connect() as connection:
            connection.execute("SELECT pg_advisory_lock(%s, %s)", [0x6C6F67, site.pk])
            with pytest.raises(CommandError, match="Another importlog"):
                run(site, path)

    def test_two_runs_of_an_old_day_tell_the_same_visitors(
        self, site: Site, tmp_path: Path, settings: Any
    ) -> None:
        one, other = (
            log(tmp_path, line(0, "/a"), name="a.log"),
            log(tmp_path, line(5, "/b"), name="b.log"),
        )
        run(site, one)
        run(site, other)
        assert Visit.objects.get().views == 2
        (kept,) = LogSalt.objects.all()
        assert kept.day == DAY.date()
        with connect() as connection:
            connection.autocommit = True
            jobs.log_salts(connection, datetime.now(UTC) + timedelta(hours=47))
            assert LogSalt.objects.exists()
            jobs.log_salts(connection, datetime.now(UTC) + timedelta(hours=49))
        assert not LogSalt.objects.exists()
        # Where none is to be kept, each run tells visitors of its own.
        settings.FOOTFALL_LOG_SALT_HOURS = 0
        for name in ("c.log", "d.log"):
            run(site, log(tmp_path, line(500, f"/{name}"), name=name))
        assert Visit.objects.count() == 3
        assert not LogSalt.objects.exists()
        # A dry run leaves nothing behind.
        settings.FOOTFALL_LOG_SALT_HOURS = 48
        run(site, log(tmp_path, line(600, "/e"), name="e.log"), "--dry-run")
        assert not LogSalt.objects.exists()

    def test_only_what_no_socket_saw_is_taken(self, site: Site, tmp_path: Path) -> None:
        today = datetime.now(UTC).replace(microsecond=0)
        site.timezone = "Etc/GMT+12" if today.hour < 12 else "UTC"
        site.save()
        begin = today - timedelta(hours=1)
        day = identity.site_day(begin.timestamp(), zone_of(site.timezone))
        with connect() as connection:
            connection.execute(
                "INSERT INTO tracker_salt (site_id, day, salt) VALUES (%s, %s, 'salt')", [site.pk, day]
            )
            connection.commit()
        whose = identity.visitor_id(b"salt", site.pk, "192.0.2.1", FIREFOX)
        # A page that a socket saw, twenty seconds after it was asked for.
        stored.visit(site, begin + timedelta(seconds=20), "/seen", visitor=whose.int)
        path = log(
            tmp_path,
            line(0, "/seen", begin=begin),
            line(-3, "/seen", begin=begin),  # too long before
            line(1, "/seen", begin=begin),  # after it
            line(0, "/other", begin=begin),
            line(0, "/seen", address="192.0.2.2", begin=begin),
            line(0, "/late", begin=today),  # not to be judged yet
        )
        assert "Left out: 6 days that the site counted itself" in run(site, path, "--dry-run")
        said = run(site, path, "--only-unseen")
        assert "5 lines: 4 page views" in said
        assert "Left out: 1 page views that the site counted itself" in said
        paths = PageView.objects.filter(edge=0, connection=1).order_by("began_at", "path")
        assert [view.path for view in paths] == ["/seen", "/other", "/seen", "/seen"]
        assert "0 lines (5 more" in run(site, path, "--only-unseen")
        # Without the day's salt nobody can tell.
        with connect() as connection:
            connection.execute("DELETE FROM tracker_salt")
            connection.commit()
        assert "Left out: 6 days that" in run(site, path, "--only-unseen", "--again")

    def test_lines_are_taken_as_they_are_written(self, site: Site, tmp_path: Path) -> None:
        path = log(tmp_path, line(0, "/0"))
        with following(site, path) as said:
            wait_for(lambda: PageView.objects.count() == 1, what="what stood there")
            with path.open("a") as file:
                file.write(line(1, "/1") + line(2, "/2")[:40])
            wait_for(lambda: PageView.objects.count() == 2, what="a line more")
            with path.open("a") as file:
                file.write(line(2, "/2")[40:])
            path.rename(tmp_path / "access.log.1")
            log(tmp_path, line(3, "/3"))
            wait_for(lambda: PageView.objects.count() == 4, what="both sides of a rotation")
            # Another one has its turn meanwhile.
            assert "1 taken" in run(site, log(tmp_path, line(4, "/4"), name="old.log"))
            log(tmp_path, line(5, "/5"))
            wait_for(lambda: PageView.objects.count() == 6, what="a log that was emptied")
        assert [view.path for view in PageView.objects.order_by("began_at")] == [f"/{n}" for n in range(6)]
        assert Visit.objects.get().views == 6
        assert "0 lines (1 more were read before)" in run(site, path)
        assert "--only-unseen" not in said.getvalue()
        # Where the site has the snippet, nothing of today would come of it: that is told at once.
        stored.visit(site, datetime.now(UTC), "/own")
        with following(site, path) as said:
            wait_for(lambda: "itself: those of logs are left out. --only-unseen" in said.getvalue())

    def test_a_line_that_comes_again_as_storing_failed_counts_once(self, site: Site, tmp_path: Path) -> None:
        path = log(tmp_path, *LINES)
        tally, points, counted = LogTally(), LogPoints(site.key), dict[bytes, LogPlace]()

        def take() -> None:
            with connect() as connection, path.open("rb") as file:
                connection.autocommit = True
                logs = LogImport(
                    connection, site, LogChoice("a.example", follows=True), tally, points, counted
                )
                with LogFile(path, file, b"key", file) as followed:
                    logs.take(followed, reader_of("combined"), False, lambda lines: None)

        def rename(old: str, new: str) -> None:
            with connect() as connection:
                connection.execute(f"ALTER TABLE {old} RENAME TO {new}".encode())

        rename("tracker_pageview", "tracker_away")
        try:
            for _ in range(3):
                with pytest.raises(psycopg.Error):
                    take()
        finally:
            rename("tracker_away", "tracker_pageview")
        with path.open("a") as file:
            file.write(line(51, "/more"))
        take()
        take()
        assert (tally.lines, tally.views, tally.new, tally.left_out[LeftOut.BOT]) == (11, 5, 5, 1)
        assert sum(float(point.value) for point in points.take() if point.name == "access.requests") == 10
        # Emptied, and begun alike: these are others.
        log(tmp_path, LINES[0], line(60, "/other"))
        take()
        assert tally.lines == 13

    def test_what_came_before_damage_is_kept(self, site: Site, tmp_path: Path) -> None:
        path = log(tmp_path, *(line(n / 60, f"/{n}") for n in range(5000)), name="a.log.gz")
        path.write_bytes(path.read_bytes()[:-3000])
        with pytest.raises(CommandError, match="damaged"):
            run(site, path)
        assert 1000 < PageView.objects.count() < 5000


def test_a_log_of_the_whole_product_is_told_by_the_api_and_never_live(
    footfall: Product, tmp_path: Path
) -> None:
    key = footfall.add_site("logged.example")
    path = log(tmp_path, *LINES)
    assert "4 taken" in footfall.manage("importlog", str(path), "--site", key)
    api = ApiClient(footfall, footfall.add_token())
    assert api.json(f"sites/{key}/live")["tabs"] == 0
    told = api.json(f"sites/{key}/stats?from=2026-09-01&to=2026-09-01")
    assert (told["totals"]["views"], told["totals"]["visits"]) == (4, 3)


@pytest.mark.waits
def test_what_is_written_is_on_the_board_and_beside_the_people(footfall: Product, tmp_path: Path) -> None:
    key = footfall.add_site("followed.example")
    api = ApiClient(footfall, footfall.add_token())
    begin = datetime.now(UTC)
    path = log(tmp_path, line(0, "/written", begin=begin), line(0, "/app.js", status=500, begin=begin))
    with (
        api.stream(f"sites/{key}/live/stream") as happened,
        api.stream(f"signals/stream?name=access.*&tag=site:{key}") as signals,
    ):
        assert next(happened).data["tabs"] == 0
        process = subprocess.Popen(
            [sys.executable, "manage.py", "importlog", str(path), "--site", key, "--follow"],
            cwd=footfall.checkout,
            env=footfall.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            view = next(event for event in happened if event.name == "view")
            assert (view.data["page"], view.data["browser"]) == ("/written", "Firefox")
            assert view.data["logged"] is True
            assert next(event for event in happened if event.name == "snapshot").data["tabs"] == 0
            told = (event.data for event in signals if event.name == "signal")
            statuses = {next(told)["tags"]["status"] for _ in range(2)}
            assert statuses == {"200", "500"}
            with path.open("a") as file:
                file.write(line(1 / 60, "/next", begin=begin))
            view = next(event for event in happened if event.name == "view")
            assert (view.data["page"], view.data["before"]) == ("/next", "/written")
        finally:
            process.terminate()
            said, _ = process.communicate(timeout=20)
    assert (process.returncode, "3 lines: 2 page views" in said) == (0, True)
