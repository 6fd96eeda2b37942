"""Other products' exports: read by their headers, kept apart, once, undone as one; damage and bombs."""

import gzip
import io
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from analytics.importing import export_files, imported_files
from analytics.importing.figures import WrongExportFile
from analytics.models import ImportedFigure, ImportedFile
from tests import stored
from tracker.models import Site

pytestmark = pytest.mark.django_db

FIRST, LAST = date(2025, 3, 1), date(2025, 3, 31)
T = "visitors,visits,visit_duration,bounces,pageviews"
PLAUSIBLE = {
    "imported_visitors_20250301_20250302.csv": "date,visitors,pageviews,bounces,visits,visit_duration\n"
    "2025-03-01,10,30,2,12,600\n"
    "2025-03-02,5,5,5,5,0\n",
    "imported_pages_20250301_20250302.csv": "date,hostname,page,visits,visitors,pageviews,"
    "total_scroll_depth\n"
    "2025-03-01,a.example,/,12,10,20,3\n2025-03-01,a.example,/ü,3,3,10,3\n",
    "imported_sources_20250301_20250302.csv": "date,source,referrer,utm_source,utm_medium,utm_campaign,"
    f"utm_content,utm_term,{T}\n2025-03-01,Google,google.com,news,,,,,4,4,1,1,8\n",
    "imported_locations_20250301_20250302.csv": f"date,country,region,city,{T}\n2025-03-01,DE,,0,4,4,1,1,8\n",
    "imported_custom_events_20250301_20250302.csv": "date,name,link_url,path,visitors,events\n"
    "2025-03-01,buy,,/,2,3\n",
    "readme.csv": "x\n",
}
GOATCOUNTER = (
    "2Path,Title,Event,UserAgent,Browser,System,Session,Bot,Referrer,Referrer scheme,Screen size,Location,"
    "FirstVisit,Date\n"
    '/a,"A, b",false,,Firefox 130,Linux,s1,0,https://news.example/x,h,,DE-BE,true,2025-03-01T10:00:00Z\n'
    "/b,B,false,,Firefox 130,Linux,s1,0,,,,DE-BE,false,2025-03-01T10:01:00Z\n"
    "click,C,true,,Firefox 130,Linux,s1,0,,,,DE-BE,false,2025-03-01T10:02:00Z\n"
    "/a,A,false,,Chrome 1,Windows 10,s2,3,,,,US,true,2025-03-01T10:03:00Z\n"
)
UMAMI = (
    "website_id,session_id,visit_id,event_id,hostname,browser,os,device,screen,language,country,url_path,"
    "url_query,referrer_domain,event_type,event_name,created_at\n"
    "w,p1,v1,e1,a,chrome,Linux,desktop,1,de,DE,/,utm_source=news,www.google.com,1,,2025-03-01 10:00:00\n"
    "w,p1,v1,e2,a,chrome,Linux,desktop,1,de,DE,/b,,,1,,2025-03-01 10:05:00\n"
    "w,p1,v1,e3,a,chrome,Linux,desktop,1,de,DE,/b,,,2,buy,2025-03-01 10:06:00\n"
    "w,p2,v2,e4,a,firefox,Linux,mobile,1,de,FR,/,,,1,,2025-03-01 11:00:00\n"
)
GA4 = (
    "# ----\n# Pages\n# Start date: 20250301\n# End date: 20250302\n# ----\n"
    'Page path and screen class,Date,Views,Active users\n/,20250301,"1,200",800\n'
    "/b,20250301,10,9\n/,20250302,5,5\n"
)


@pytest.fixture
def site() -> Site:
    return Site.objects.create(domain="a.example", hosts=["a.example"], timezone="Europe/Berlin")


def zipped(files: dict[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return made.getvalue()


CONTENT = {
    "plausible": zipped(PLAUSIBLE),
    "goatcounter": gzip.compress(GOATCOUNTER.encode()),
    "umami": UMAMI.encode(),
    "ga4": GA4.encode(),
}
TOTALS = {
    # visitors, visits, views, bounces, events
    "plausible": (15, 17, 35, 7, 0),
    "goatcounter": (1, 1, 2, 0, 1),
    "umami": (2, 2, 3, 1, 1),
    "ga4": (0, 0, 1215, 0, 0),
}
PAGES = {
    "plausible": [("/", 20), ("/ü", 10)],
    "goatcounter": [("/a", 1), ("/b", 1)],
    "umami": [("/", 2), ("/b", 1)],
    "ga4": [("/", 1205), ("/b", 10)],
}


@pytest.mark.parametrize("product", CONTENT)
def test_a_file_is_taken_once_and_undone_as_one(
    site: Site, tmp_path: Path, product: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "export"
    path.write_bytes(CONTENT[product])
    call_command("importhistory", site.key, product, str(path), "--dry-run")
    assert f"{TOTALS[product][2]:,} page views" in capsys.readouterr().out
    assert not ImportedFile.objects.exists()
    call_command("importhistory", site.key, product, str(path))
    days = list(imported_files.told(site, FIRST, LAST))
    names = ("visitors", "visits", "views", "bounces", "events")
    assert tuple(sum(day[name] for day in days) for name in names) == TOTALS[product]
    pages = imported_files.told(site, FIRST, LAST, "page")
    assert sorted((page["name"], page["views"]) for page in pages) == PAGES[product]
    with pytest.raises(CommandError, match="in already"):
        call_command("importhistory", site.key, product, str(path))
    file = ImportedFile.objects.get()
    call_command("importhistory", site.key, "list")
    assert f"{file.pk}: export" in capsys.readouterr().out
    call_command("importhistory", site.key, "undo", str(file.pk))
    assert not ImportedFigure.objects.exists()
    with pytest.raises(CommandError, match="no such import"):
        call_command("importhistory", site.key, "undo", str(file.pk))


def test_entries_exits_and_sources_are_put_together(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_bytes(CONTENT["umami"])
    imported_files.take(site, path, "umami", "me")
    for dimension, expected in {
        "entry_page": {("/", 2)},
        "exit_page": {("/b", 1), ("/", 1)},
        "referrer": {("google.com", 1), ("", 1)},
        "utm_source": {("news", 1)},
        "country": {("DE", 1), ("FR", 1)},
    }.items():
        told = imported_files.told(site, FIRST, LAST, dimension)
        assert {(row["name"], row["visits"]) for row in told} == expected, dimension


def test_own_days_win_and_of_two_products_the_first(site: Site, tmp_path: Path) -> None:
    for product in ("plausible", "umami"):
        path = tmp_path / product
        path.write_bytes(CONTENT[product])
        imported_files.take(site, path, product, "me")
    days = {row["day"]: row["views"] for row in imported_files.told(site, FIRST, LAST)}
    assert days == {date(2025, 3, 1): 30, date(2025, 3, 2): 5}
    # Late in the evening, UTC, that is the next day in Berlin.
    stored.visit(site, datetime(2025, 2, 28, 23, 30, tzinfo=UTC), "/")
    days = {row["day"]: row["views"] for row in imported_files.told(site, FIRST, LAST)}
    assert days == {date(2025, 3, 2): 5}
    other = Site.objects.create(domain="b.example", hosts=[])
    assert not imported_files.told(other, FIRST, LAST)


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("imported_visitors_1_2.csv", b"date," + b"0" * 3_000_000)


def lying(path: Path) -> None:
    """A zip whose list says less than what unpacks."""
    bomb(path)
    content = path.read_bytes()
    path.write_bytes(content.replace((3_000_005).to_bytes(4, "little"), (10).to_bytes(4, "little")))


@pytest.mark.parametrize(
    ("product", "make", "problem"),
    [
        ("plausible", bomb, "unpacks to more"),
        ("plausible", lying, "damaged|unpacks|no CSV"),
        ("plausible", lambda path: path.write_bytes(CONTENT["plausible"][:-40]), "damaged"),
        ("plausible", lambda path: path.write_bytes(zipped({"a.csv": "x\n"})), "no figures"),
        (
            "plausible",
            lambda path: path.write_bytes(zipped({"imported_visitors.csv": "date,x\n"})),
            "no column",
        ),
        ("goatcounter", lambda path: path.write_bytes(CONTENT["goatcounter"][:-20]), "damaged"),
        ("goatcounter", lambda path: path.write_text(UMAMI), "no column"),
        ("umami", lambda path: path.write_bytes(b"\xff\xfe\x00\x01"), "no CSV in UTF-8"),
        ("umami", lambda path: path.write_text(UMAMI + "1,2\n"), "row 6 has 2 cells"),
        ("umami", lambda path: path.write_text(UMAMI.replace("2025-03-01 11", "never 11")), "is no day"),
        ("ga4", lambda path: path.write_text(GA4.replace("1,200", "many")), "is no number"),
        ("ga4", lambda path: path.write_text("Page path,Views\n/,3\n"), "add the dimension Date"),
        ("ga4", lambda path: path.write_text("Page path,x\n/,3\n"), "none of the columns"),
        ("ga4", lambda path: path.write_text(""), "none of the columns"),
    ],
)
def test_what_is_no_export_is_told_and_nothing_taken(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    product: str,
    make: Callable[[Path], object],
    problem: str,
) -> None:
    monkeypatch.setattr(export_files, "MOST_BYTES", 2_000_000)
    path = tmp_path / "file"
    make(path)
    with pytest.raises(WrongExportFile, match=problem):
        imported_files.take(site, path, product, "me")
    assert not ImportedFile.objects.exists()
