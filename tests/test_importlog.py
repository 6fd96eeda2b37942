"""`manage.py importlog`: logs into Postgres, once, with visits, beside what the site counted itself."""

import gzip
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from analytics.history.due_days import due_days
from analytics.models import ReadLog
from scripts.stands.agents import CHROME, FIREFOX
from scripts.stands.product import Product
from tests import stored
from tests.api_clients import ApiClient
from tracker.models import PageView, Site, Touched, Visit
from tracker.postgres.connect import connect

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
    api = ApiClient(footfall, footfall.manage("addtoken").splitlines()[-1])
    assert api.json(f"sites/{key}/live")["tabs"] == 0
    told = api.json(f"sites/{key}/stats?from=2026-09-01&to=2026-09-01")
    assert (told["totals"]["views"], told["totals"]["visits"]) == (4, 3)
