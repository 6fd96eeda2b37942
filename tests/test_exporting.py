"""Everything out, read by others' readers, and into another site, which then says the same numbers."""

import csv
import gzip
import io
import json
import os
import subprocess
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command
from django.test import AsyncClient

from analytics.access import tokens
from analytics.exporting import export_rows, site_import
from analytics.exporting.export_files import guard, unguard
from analytics.exporting.export_rows import Export
from analytics.exporting.row_kinds import KINDS
from analytics.history.sealing import Sealing, seal_all
from tests import stored
from tests.stories import NOW, Story, answers, rows
from tracker.models import Event, Minute, PageView, Site, Visit
from tracker.postgres.connect import connect

pytestmark = pytest.mark.django_db(transaction=True)

UGLY = '=cmd|"x"\r\nü,☃ \u202e\\N'


@pytest.fixture
def site() -> Site:
    return Site.objects.create(domain="a.example", hosts=["a.example"], timezone="Europe/Berlin")


@pytest.fixture
def other() -> Site:
    return Site.objects.create(domain="b.example", hosts=["b.example"], timezone="Europe/Berlin")


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    with connect() as connection:
        connection.autocommit = True
        yield connection


def files(site: Site, folder: Path, form: str, *more: str) -> list[str]:
    made = []
    for kind in KINDS:
        made.append(str(folder / f"{kind}.{form}"))
        call_command("export", site.key, kind, "--format", form, "--out", made[-1], *more)
    return made


@pytest.mark.parametrize("form", ["ndjson", "csv", "parquet"])
def test_what_goes_out_comes_in_again(
    site: Site, other: Site, connection: psycopg.Connection, tmp_path: Path, form: str
) -> None:
    Story.at_random(5).store(site)
    stored.visit(site, NOW - timedelta(days=4), UGLY, "'" + UGLY, "'plain", "", referrer=UGLY, events=2)
    Event.objects.update(properties={"plan": UGLY, "n": [1, None]}, value=2.5)
    PageView.objects.filter(path="'plain").update(ended_at=None)
    made = files(site, tmp_path, form, *(["--gzip"] if form != "parquet" else []))
    call_command("importsite", other.key, *made)
    assert rows(other)["PageView"] != []
    ownerless = {"edge": 0, "connection": 0}
    theirs = rows(other)
    for mine, their in zip(rows(site)["PageView"], theirs["PageView"], strict=True):
        assert their == {**mine, **ownerless}
    assert theirs["Visit"] == rows(site)["Visit"]
    assert theirs["Event"] == rows(site)["Event"]
    sealing = Sealing(tmp_path / "history", 2**27)
    assert seal_all(connection, sealing, NOW)[1] == 0
    assert answers(other, sealing.folder) == answers(site, sealing.folder)
    if form == "ndjson":
        # The same file again changes nothing, and where it would count twice it is refused.
        before = {name: len(found) for name, found in rows(other).items()}
        call_command("importsite", other.key, *made)
        assert {name: len(found) for name, found in rows(other).items()} == before
        connection.execute("INSERT INTO tracker_watermark (job, at) VALUES ('raw', %s)", [NOW])
        with pytest.raises(CommandError, match="counted twice"):
            call_command("importsite", other.key, *made)


def test_days_whose_page_views_are_gone_come_out_of_their_files(
    site: Site, other: Site, connection: psycopg.Connection, tmp_path: Path
) -> None:
    Story.at_random(6).store(site)
    sealing = Sealing(tmp_path / "history", 2**27)
    seal_all(connection, sealing, NOW)
    told, number = answers(site, sealing.folder), PageView.objects.count()
    servers = Counter(PageView.objects.values_list("server", flat=True))
    assert len(servers) == 3
    for table in (PageView, Visit, Event, Minute):
        table.objects.all().delete()
    connection.execute(
        "INSERT INTO tracker_watermark (job, at) VALUES ('raw', %s)", [NOW - timedelta(days=1)]
    )
    made = files(site, tmp_path, "ndjson")
    connection.execute("DELETE FROM tracker_watermark")
    call_command("importsite", other.key, *made)
    assert PageView.objects.count() == number
    assert Counter(PageView.objects.values_list("server", flat=True)) == servers
    seal_all(connection, sealing, NOW)
    assert answers(other, sealing.folder) == told


@pytest.mark.parametrize("form", ["ndjson", "csv", "parquet"])
def test_what_earlier_releases_exported_comes_in(site: Site, other: Site, tmp_path: Path, form: str) -> None:
    stored.visit(site, NOW - timedelta(days=4), "/", UGLY, server="web-1")
    views, visits, _ = files(site, tmp_path, form)
    # They had no column for servers, which is the last one.
    if form == "ndjson":
        lines = [json.loads(line) for line in Path(views).read_text().splitlines()]
        assert [line.pop("server") for line in lines] == ["web-1"] * 2
        Path(views).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    elif form == "csv":
        with Path(views).open(encoding="utf-8-sig", newline="") as file:
            table = list(csv.reader(file))
        assert [row.pop() for row in table] == ["server", "web-1", "web-1"]
        with Path(views).open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows(table)
    else:
        earlier = tmp_path / "earlier.parquet"
        duckdb.execute(f"COPY (SELECT * EXCLUDE (server) FROM '{views}') TO '{earlier}' (FORMAT parquet)")
        views = str(earlier)
    call_command("importsite", other.key, views, visits)
    mine, theirs = rows(site)["PageView"], rows(other)["PageView"]
    assert theirs == [{**row, "server": "", "edge": 0, "connection": 0} for row in mine]


def test_others_readers_read_it(site: Site, tmp_path: Path) -> None:
    stored.visit(site, NOW - timedelta(days=4), "/", UGLY, events=1)
    views, _, events = files(site, tmp_path, "csv", "--gzip")
    unzipped = subprocess.run(["gunzip", "-c", "-S", ".csv", views], capture_output=True, check=True).stdout
    read = list(csv.DictReader(io.StringIO(unzipped.decode("utf-8-sig"), newline="")))
    assert [row["path"] for row in read] == ["/", "'" + UGLY]
    assert read[0]["began_at"].endswith("+00:00")
    (event,) = csv.DictReader(io.StringIO(gzip.decompress(Path(events).read_bytes()).decode("utf-8-sig")))
    assert json.loads(event["properties"]) == {"plan": "pro"}
    folder = tmp_path / "parquet"
    folder.mkdir()
    views, visits, _ = files(site, folder, "parquet")
    found = duckdb.execute(f"SELECT path, epoch_us(began_at) FROM '{views}' ORDER BY began_at").fetchall()
    moments = list(PageView.objects.order_by("began_at").values_list("began_at", flat=True))
    assert [path for path, _ in found] == ["/", UGLY]
    assert [datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at) for _, at in found] == moments
    assert duckdb.execute(f"SELECT views FROM '{visits}'").fetchall() == [(2,)]
    with pytest.raises(CommandError, match="there already"):
        files(site, tmp_path, "csv")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1", "'=1"),
        (" +1", "' +1"),
        ("'=1", "''=1"),
        ("'a", "'a"),
        ("\tx", "'\tx"),
        ("a=1", "a=1"),
        ("", ""),
    ],
)
def test_cells_that_a_spreadsheet_would_run_are_quoted_and_come_back(text: str, shown: str) -> None:
    assert guard(text) == shown
    assert unguard(shown) == text


def test_an_export_is_of_one_moment_and_goes_on_after_a_row(
    site: Site, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_rows, "PORTION", 2)
    stored.visit(site, NOW - timedelta(hours=2), *"abcdef")
    portions = export_rows.rows(connection, Export(site, "views"))
    first = next(portions)
    stored.visit(site, NOW - timedelta(hours=1), "later", visitor=2)
    PageView.objects.filter(path="f").delete()
    path = list(KINDS["views"].columns).index("path")
    assert [row[path] for row in first + [row for portion in portions for row in portion]] == list("abcdef")
    rest = export_rows.rows(connection, Export(site, "views", after=(first[-1][1], first[-1][0])))
    assert [row[path] for portion in rest for row in portion] == [*"cde", "later"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no export of Footfall"),
        (b"a,b\n1,2\n", "no export of Footfall"),
        (b"{]", "no JSON object"),
        (b"\x1f\x8bdamaged", "damaged"),
        (b"PAR1damaged", "no Parquet file"),
        (b"\xff\xfe\x00", "damaged"),
        (b"{" + b"a" * 2**20, "a million characters"),
        (",".join(KINDS["views"].columns).encode() + b"\n1,2\n", "2 cells"),
        (",".join(KINDS["events"].columns).encode() + b"\n1,2,3,4,5,6,7\n", "a value is none"),
    ],
)
def test_a_file_that_is_none_is_told_and_nothing_taken(
    site: Site, tmp_path: Path, content: bytes, problem: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=problem):
        call_command("importsite", site.key, str(path))
    assert not PageView.objects.exists()


def test_a_damaged_end_takes_nothing(site: Site, other: Site, tmp_path: Path, connection: Any) -> None:
    stored.visit(site, NOW - timedelta(hours=2), *"abcdef")
    (views, *_) = files(site, tmp_path, "ndjson", "--gzip")
    half = tmp_path / "half"
    half.write_bytes(Path(views).read_bytes()[:-30])
    with pytest.raises(site_import.WrongFile, match="damaged"):
        site_import.take(connection, other, half, 2**27)
    assert not PageView.objects.filter(site=other).exists()


@async_to_sync
async def ask(token: str, address: str, **headers: str) -> tuple[int, Any, bytes]:
    response: Any = await AsyncClient().get(address, headers={"Authorization": f"Bearer {token}", **headers})
    if response.streaming:
        blocks = [block async for block in response.streaming_content]
        return response.status_code, response.headers, b"".join(blocks)
    return response.status_code, response.headers, response.content


@pytest.mark.waits
def test_the_api_streams_what_may_be_seen(
    site: Site, other: Site, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    monkeypatch.setenv("DATABASE_URL", f"{address}/{connection.info.dbname}")
    token = tokens.issue([site])
    stored.visit(site, NOW - timedelta(days=4), "/", "/b", events=1)
    base = f"/api/v1/sites/{site.key}/export"
    status, headers, content = ask(token, f"{base}/views?compress=gzip")
    lines = gzip.decompress(content).splitlines()
    assert (status, headers["Content-Type"], len(lines)) == (200, "application/gzip", 2)
    assert headers["Content-Disposition"] == 'attachment; filename="a.example-views.ndjson.gz"'
    last = json.loads(lines[0])
    status, headers, content = ask(
        token, f"{base}/views?format=csv&after={last['began_at']},{last['id']}", **{"Accept-Encoding": "gzip"}
    )
    assert headers["Content-Encoding"] == "gzip"
    assert len(gzip.decompress(content).splitlines()) == 2
    for query, field in (
        ("format=xml", "format"),
        ("from=1.1.2026", "from"),
        ("from=2026-02-01&to=2026-01-01", "to"),
        (f"after=x,{uuid.uuid4()}", "after"),
    ):
        status, _, content = ask(token, f"{base}/views?{query}")
        assert (status, json.loads(content)["error"]["field"]) == (400, field)
    assert ask(token, f"{base}/salts")[0] == 404
    assert ask(token, f"/api/v1/sites/{other.key}/export/views")[0] == 404
