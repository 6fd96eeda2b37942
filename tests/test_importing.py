"""Other products' exports: read by their headers, kept apart, once, undone as one; damage and bombs."""

import gzip
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from analytics.importing import export_files, imported_files, products
from analytics.importing.figures import TOTAL, WrongExportFile
from analytics.importing.imported_days import days_of
from analytics.importing.imported_sums import NamedFigures
from analytics.models import ImportedFigure, ImportedFile
from tests import stored
from tests.foreign_exports import CONTENT, GA4, PLAUSIBLE, UMAMI, T, zipped
from tracker.models import Site

pytestmark = pytest.mark.django_db

FIRST, LAST = date(2025, 3, 1), date(2025, 3, 31)


@pytest.fixture
def site() -> Site:
    return Site.objects.create(domain="a.example", hosts=["a.example"], timezone="Europe/Berlin")


def by_day(site: Site) -> dict[date, dict[str, int]]:
    return {day: sums for day, _, sums in NamedFigures(days_of(site, FIRST, LAST), TOTAL).by_day()}


def by_name(site: Site, dimension: str) -> dict[str, dict[str, int]]:
    return dict(NamedFigures(days_of(site, FIRST, LAST), dimension).most(100))


TOTALS = {
    # visitors, visits, views, bounces, events
    "plausible": (15, 17, 35, 7, 0),
    "goatcounter": (1, 1, 2, 0, 1),
    "umami": (2, 2, 3, 1, 1),
    "ga4": (0, 0, 1215, 0, 0),
}
PAGES = {
    "plausible": [("/", 20), ("/%C3%BC", 10)],
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
    days = by_day(site).values()
    names = ("visitors", "visits", "views", "bounces", "events")
    assert tuple(sum(day[name] for day in days) for name in names) == TOTALS[product]
    pages = by_name(site, "page")
    assert sorted((name, sums["views"]) for name, sums in pages.items()) == PAGES[product]
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
        told = by_name(site, dimension)
        assert {(name, sums["visits"]) for name, sums in told.items()} == expected, dimension


def test_own_days_win_and_of_two_products_the_first(site: Site, tmp_path: Path) -> None:
    for product in ("plausible", "umami"):
        path = tmp_path / product
        path.write_bytes(CONTENT[product])
        imported_files.take(site, path, product, "me")
    days = {day: sums["views"] for day, sums in by_day(site).items()}
    assert days == {date(2025, 3, 1): 30, date(2025, 3, 2): 5}
    # Late in the evening, UTC, that is the next day in Berlin.
    stored.visit(site, datetime(2025, 2, 28, 23, 30, tzinfo=UTC), "/")
    days = {day: sums["views"] for day, sums in by_day(site).items()}
    assert days == {date(2025, 3, 2): 5}
    other = Site.objects.create(domain="b.example", hosts=[])
    assert by_day(other) == {}


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("imported_visitors_1_2.csv", b"date," + b"0" * 3_000_000)


def lying(path: Path) -> None:
    """A zip whose list says less than what unpacks."""
    bomb(path)
    content = path.read_bytes()
    path.write_bytes(content.replace((3_000_005).to_bytes(4, "little"), (10).to_bytes(4, "little")))


def many(visitors: int, times: int) -> bytes:
    """Rows of Umami's, of so many visitors."""
    head, row, *_ = UMAMI.splitlines(keepends=True)
    rows = "".join(row.replace("p1", f"p{number}") for number in range(visitors))
    return (head + rows * times).encode()


@pytest.mark.parametrize(
    ("product", "make", "problem"),
    [
        ("plausible", bomb, "unpacks to more"),
        ("plausible", lying, "damaged|unpacks|no CSV"),
        ("umami", lambda path: path.write_bytes(gzip.compress(many(1, 30_000))), "unpacks to more"),
        (
            "plausible",
            lambda path: path.write_bytes(zipped({"imported_visitors.csv": "date," + "0," * 600_000})),
            "a line of more than 1 MB",
        ),
        ("umami", lambda path: path.write_text(UMAMI.replace("w,p1", "w" * 200_000 + ",p1")), "no CSV"),
        ("umami", lambda path: path.write_bytes(many(100, 1)), "too much"),
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
    monkeypatch.setattr(products, "MOST_SEEN", 200)
    path = tmp_path / "file"
    make(path)
    with pytest.raises(WrongExportFile, match=problem):
        imported_files.take(site, path, product, "me")
    assert not ImportedFile.objects.exists()


def test_names_in_a_zip_lead_nowhere(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "one" / "two"
    folder.mkdir(parents=True)
    path = folder / "export"
    visitors = PLAUSIBLE["imported_visitors_20250301_20250302.csv"]
    path.write_bytes(zipped({"../../imported_visitors_1_2.csv": visitors, "../imported_x.csv": "x\n"}))
    imported_files.take(site, path, "plausible", "me")
    assert sum(day["views"] for day in by_day(site).values()) == 35
    # Nothing is unpacked to a file, whatever it is called.
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]


def test_names_have_the_form_that_footfalls_own_have(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "export"
    devices = f"date,device,{T}\n2025-03-01,Mobile,1,1,1,1,1\n2025-03-01,Laptop,2,2,2,2,2\n"
    devices += "2025-03-01,Desktop,4,4,4,4,4\n"
    sources = PLAUSIBLE["imported_sources_20250301_20250302.csv"].replace(
        "Google,google.com", "Direct / None,"
    )
    made = {
        **PLAUSIBLE,
        "imported_devices_1_2.csv": devices,
        "imported_sources_20250301_20250302.csv": sources,
    }
    path.write_bytes(zipped(made))
    imported_files.take(site, path, "plausible", "me")
    told = {name: sums["visits"] for name, sums in by_name(site, "device").items()}
    assert told == {"mobile": 1, "desktop": 6}
    assert by_name(site, "referrer").keys() == {""}
    assert "/%C3%BC" in by_name(site, "page")
