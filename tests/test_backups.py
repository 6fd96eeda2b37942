"""Backups of a running product, and their way back: whole or not at all, and each page view once."""

import hashlib
import json
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import tarfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

import msgspec
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from analytics.backups import kept_settings, pg_dump, place, taking
from analytics.backups.archive import DUMP, MANIFEST, SETTINGS, Archive
from analytics.backups.archive_writer import ArchiveWriter
from analytics.backups.errors import BackupTrouble
from analytics.backups.held_spool import HeldSpool
from analytics.backups.left_out import LEFT_OUT
from analytics.backups.manifest import FORMAT, read
from analytics.backups.progress_lines import ProgressLines
from analytics.configuration.table import NAMED
from analytics.up.data_folder import DataFolder
from analytics.up.postgres import Postgres
from scripts.stands import clusters
from scripts.stands.checkout import ROOT
from scripts.stands.folders import temporary_folder
from scripts.stands.logins import log_in
from scripts.stands.page_messages import page
from scripts.stands.product import Product, running
from scripts.stands.waiting import wait_for
from tests.documents import environment_names
from tests.page_views import begin
from tests.visitor_sockets import opened
from tracker.storing.entries import Entry, PageEntry
from tracker.storing.spool import Spool

FIRST_RELEASE = ROOT / "tests" / "first_release.sql"
INHERITED = ("PATH", "HOME", "DJANGO_SETTINGS_MODULE")
EDGE = 77
VIEWS = "SELECT id::text AS id FROM tracker_pageview"


class BackedUp(NamedTuple):
    """A product that goes on running, a backup of it, and what was acknowledged before that."""

    product: Product
    key: str
    file: Path
    acknowledged: list[str]


# A second factor whose first code was never said.
BEGUN_FACTOR = """
INSERT INTO otp_totp_totpdevice (user_id, name, confirmed, key, step, t0, digits, tolerance, drift, last_t,
                                 throttling_failure_count)
SELECT id, 'app', false, 's1.', 30, 0, 6, 1, 0, -1, 0 FROM auth_user RETURNING id
"""


def command(
    data: Path, *words: str | Path, limit: int = 0, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """A `manage.py` command that is about one data folder; `limit`: bytes that its files may take."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "manage.py", *words, "--data", data],
        cwd=ROOT,
        env={**inherited, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))) if limit else None,
    )


def said(data: Path, *words: str | Path, **environment: str) -> str:
    """What a command says that does what it is asked to."""
    process = command(data, *words, environment=environment)
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    return out


def refused(data: Path, *words: str | Path, limit: int = 0, **environment: str) -> str:
    """The sentence of a command that does not."""
    process = command(data, *words, limit=limit, environment=environment)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Traceback" not in error
    return error.removeprefix("CommandError: ").strip()


def parameters(url: str) -> dict[str, Any]:
    return dict(conninfo_to_dict(url))


def url_of(product: Product) -> str:
    return (product.data / "database_url").read_text().strip()


def manifest(file: Path) -> dict[str, Any]:
    with tarfile.open(file) as tar:
        member = tar.extractfile(MANIFEST)
        assert member
        return dict(json.load(member))


def spooled(site: int, *pages: uuid.UUID) -> list[Entry]:
    """Page views that an edge began, as it writes them into its spool."""
    return [PageEntry.of_begin(begin(site=site, page=each, edge=EDGE), lambda kept: None) for each in pages]


@contextmanager
def spool_of_a_living_edge(folder: Path) -> Iterator[Spool]:
    """A spool whose files nobody else takes over."""
    spool = Spool(folder, EDGE, 1 << 20)
    try:
        yield spool
    finally:
        spool.close()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Open to pass: the account that root drops Postgres to could not reach what lies in pytest's own."""
    with temporary_folder("footfall-backups-") as path:
        path.chmod(0o711)
        yield path


@pytest.fixture(scope="module")
def backed_up(folder: Path) -> Iterator[BackedUp]:
    """Page views in Postgres, in the spool, and in both; then a backup, and one page view more."""
    stored, both, waiting, late = (uuid.uuid4() for _ in range(4))
    with running() as product, ExitStack() as pages:
        key = product.add_site("example.com")
        site = product.rows("SELECT id FROM tracker_site WHERE key = %s", key)[0]["id"]
        for each in (stored, both):
            pages.enter_context(opened(product, key, page("/", each)))
        spool = pages.enter_context(spool_of_a_living_edge(product.data / "spool"))
        spool.append(spooled(site, both, waiting))
        log_in(product.port, "admin", product.password)
        assert product.rows(BEGUN_FACTOR)
        file = folder / "footfall.tar"
        assert f"{file} is whole" in said(product.data, "backup", file)
        pages.enter_context(opened(product, key, page("/", late)))
        yield BackedUp(product, key, file, [str(each) for each in (stored, both, waiting)])


def test_it_is_a_tar_that_others_read_and_only_its_owner_may(backed_up: BackedUp, tmp_path: Path) -> None:
    assert stat.S_IMODE(backed_up.file.stat().st_mode) == 0o600
    assert [path.name for path in backed_up.file.parent.iterdir() if path.suffix == ".part"] == []
    subprocess.run(["tar", "-xf", backed_up.file, "-C", tmp_path], check=True)
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=tmp_path, check=True)
    told = manifest(backed_up.file)
    assert told["rows"]["tracker_pageview"] == 2
    assert not told["rows"].keys() & set(LEFT_OUT)
    assert "tracker.0001_initial" in told["migrations"]


def test_what_could_tell_who_somebody_was_is_not_in_it(backed_up: BackedUp, tmp_path: Path) -> None:
    salts = backed_up.product.rows("SELECT encode(salt, 'hex') AS salt FROM tracker_salt")
    sessions = backed_up.product.rows("SELECT session_key AS salt FROM django_session")
    assert salts
    assert sessions
    subprocess.run(["tar", "-xf", backed_up.file, "-C", tmp_path], check=True)
    dump = subprocess.run(["gzip", "-dc", tmp_path / DUMP], capture_output=True, check=True).stdout.decode()
    assert backed_up.key in dump
    assert [row["salt"] for row in (*salts, *sessions) if row["salt"] in dump] == []
    key = DataFolder(backed_up.product.data).secret_key()
    assert key
    assert key not in (tmp_path / SETTINGS).read_text()


def test_restored_on_another_folder_and_port_it_has_each_page_view_once(
    backed_up: BackedUp, folder: Path
) -> None:
    data = folder / "elsewhere"  # where nothing is yet
    shown = said(data, "restore", backed_up.file)
    assert "page views: 2" in shown
    assert "from the spool: 2 entries" in shown
    assert "Second factors are sealed under the SECRET_KEY of before" in shown
    # Nothing was there before: nothing is kept, and nobody was asked.
    assert "kept" not in shown
    restored = Product(data, DJANGO_SETTINGS_MODULE="scripts.stands.quick_settings")
    try:
        assert restored.port != backed_up.product.port
        assert sorted(row["id"] for row in restored.rows(VIEWS)) == sorted(backed_up.acknowledged)
        assert "admin /" not in "\n".join(restored.lines)
        log_in(restored.port, "admin", backed_up.product.password)
        again, new = uuid.UUID(backed_up.acknowledged[0]), uuid.uuid4()
        with (
            opened(restored, backed_up.key, page("/", again, e=1000, d=10)),
            opened(restored, backed_up.key, page("/", new)),
        ):
            ids = [row["id"] for row in restored.rows(VIEWS)]
        assert sorted(ids) == sorted([*backed_up.acknowledged, str(new)])
        # Sequences go on, and whoever counts hears of it.
        assert restored.add_site("second.example")
        assert restored.stop() == 0
    finally:
        if restored.process.poll() is None:
            restored.stop(signal.SIGKILL)


@pytest.fixture(scope="module")
def first(folder: Path) -> Path:
    """The data folder of an instance that holds what the first release held, and does not run."""
    data = new_instance(folder / "first")
    shown = said(data, "restore", FIRST_RELEASE)
    for line in ("sites: 1", "page views: 12", "visits: 3", "events: 3", "staff: 1"):
        assert line in shown
    return data


def new_instance(data: Path) -> Path:
    """A data folder with tables, and nobody in them: nothing is asked and nothing is kept."""
    clusters.copy_to(data)
    return data


def asked(data: Path, query: LiteralString) -> Any:
    """The first value that an instance answers which does not run."""
    server = Postgres(DataFolder(data), say=lambda line: None)
    try:
        server.start()
        with psycopg.connect(server.url) as connection:
            row = connection.execute(query).fetchone()
            return row and row[0]
    finally:
        server.stop()


def sites(data: Path) -> int:
    return int(asked(data, "SELECT count(*) FROM tracker_site"))


def test_a_dump_of_the_first_release_is_brought_forward(first: Path) -> None:
    """It was made as it was documented then, by `pg_dump` alone, and holds salts and a session."""
    said(first, "backup", first / "now.tar")
    told = manifest(first / "now.tar")
    assert told["rows"]["tracker_pageview"] == 12
    assert {"tracker.0003_claimed_at", "analytics.0002_login_tries"} <= set(told["migrations"])
    left = "SELECT (SELECT count(*) FROM tracker_salt) + (SELECT count(*) FROM django_session)"
    assert asked(first, left) == 0
    title = "SELECT path || title FROM tracker_pageview WHERE depth = 30 LIMIT 1"
    assert asked(first, title) == "/page-3\tüber\\A title\nin two lines"


def test_whoever_is_asked_may_say_no(backed_up: BackedUp, first: Path) -> None:
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "manage.py", "restore", backed_up.file, "--data", first],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.write(ours, b"n\n")
        out, error = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert f"This replaces the instance in {first}, which has 1 site and 1 staff" in out
    assert error == "CommandError: Nothing was changed.\n"


def test_whoever_cannot_be_asked_must_have_said_so(backed_up: BackedUp, first: Path) -> None:
    assert "Nobody is here to be asked: say --yes" in refused(first, "restore", backed_up.file)


def test_a_backup_of_a_newer_release_is_refused(backed_up: BackedUp, first: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer.tar"
    rewritten(
        backed_up.file, newer, migrations=[*manifest(backed_up.file)["migrations"], "tracker.0999_later"]
    )
    assert refused(first, "restore", newer) == (
        "This backup was made by a newer Footfall (this one does not know tracker.0999_later): update this"
        " one first. Nothing was changed."
    )
    rewritten(backed_up.file, newer, format=FORMAT + 1)
    assert "made by a newer Footfall (its format is 2" in refused(first, "restore", newer)


def test_a_backup_that_cannot_be_loaded_replaces_nothing(
    backed_up: BackedUp, first: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short.tar"
    rewritten(backed_up.file, short, rows={**manifest(backed_up.file)["rows"], "tracker_pageview": 5})
    words = refused(first, "restore", short, "--yes")
    assert words == "tracker_pageview has 2 rows in the dump, and 5 by the manifest."
    broken = tmp_path / "broken.sql"
    broken.write_text(FIRST_RELEASE.read_text().replace("\t1440\t", "\twide\t", 1))
    words = refused(first, "restore", broken, "--yes")
    assert words.startswith("The backup cannot be loaded, and nothing was changed: invalid input syntax for")
    assert "tracker_pageview" in words
    assert asked(first, "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database") == (
        "footfall postgres template0 template1"
    )
    assert sites(first) == 1


def test_a_restore_is_undone_and_done_again_and_what_it_kept_is_deleted(
    backed_up: BackedUp, first: Path
) -> None:
    spool = first / "spool"
    spool.mkdir()
    (spool / f"{EDGE:016x}.spool").write_bytes(b"of the first")
    salted = (
        "INSERT INTO tracker_salt (site_id, day, salt) SELECT id, now(), '' FROM tracker_site RETURNING 1"
    )
    assert asked(first, salted) == 1
    shown = said(first, "restore", backed_up.file, "--yes")
    assert f"FOOTFALL_DATA={first} {sys.executable} {ROOT}/manage.py restore --undo" in shown
    assert sites(first) == 2
    assert not spool.exists()
    said(first, "restore", "--undo")
    assert sites(first) == 1
    # No job looks at what is aside: its salts could be as old as it gets.
    assert asked(first, "SELECT count(*) FROM tracker_salt") == 0
    assert [path.read_bytes() for path in spool.iterdir()] == [b"of the first"]
    said(first, "restore", "--undo")
    assert sites(first) == 2
    assert "Deleted" in said(first, "restore", "--forget", "--yes")
    assert sites(first) == 2
    assert [path.name for path in first.iterdir() if "before" in path.name] == []
    assert refused(first, "restore", "--undo") == "Nothing is kept aside: there is no restore to undo."


def test_a_backup_is_verified_in_a_folder_that_is_gone_afterwards(backed_up: BackedUp, folder: Path) -> None:
    own = folder / "tmp"
    own.mkdir(mode=0o711)
    shown = said(folder / "none", "backup", "--verify", backed_up.file, TMPDIR=str(own))
    assert f"{backed_up.file} is good" in shown
    assert "from the spool: 2 entries" in shown
    assert list(own.iterdir()) == []
    assert not (folder / "none").exists()


def test_it_is_not_restored_while_an_instance_runs_there(backed_up: BackedUp) -> None:
    data = backed_up.product.data
    assert refused(data, "restore", backed_up.file, "--yes") == (
        f"Another Footfall runs on the data folder {data}: stop it, or choose another --data."
    )
    assert backed_up.product.ready()


def test_a_database_of_somebody_elses_server_is_backed_up_and_restored(
    backed_up: BackedUp, folder: Path
) -> None:
    server = os.environ["DATABASE_URL"]
    name = f"backups_{uuid.uuid4().hex[:8]}"
    url = f"{server.rpartition('/')[0]}/{name}"
    data = folder / "outside"
    with psycopg.connect(server, autocommit=True) as owner:
        owner.execute(f'CREATE DATABASE "{name}"'.encode())
        try:
            shown = said(data, "restore", backed_up.file, DATABASE_URL=url)
            assert f"Restored into the database {name} of DATABASE_URL, at " in shown
            said(data, "backup", folder / "outside.tar", DATABASE_URL=url)
            assert manifest(folder / "outside.tar")["rows"]["tracker_pageview"] == 3
            with psycopg.connect(url):
                words = refused(data, "restore", backed_up.file, "--yes", DATABASE_URL=url)
            assert words.startswith(f"1 connections use the database {name}: stop")
        finally:
            owner.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.mark.parametrize("size", [0, 1, 511, 512, 3000, -513, -1024, -1537, -3000])
def test_a_cut_file_is_told_as_such(backed_up: BackedUp, tmp_path: Path, size: int) -> None:
    cut = tmp_path / "cut.tar"
    # Two empty blocks stand at the end, and are no loss.
    cut.write_bytes(backed_up.file.read_bytes()[: size - 1024 if size < 0 else size])
    with pytest.raises(BackupTrouble, match="is cut or damaged"):
        place.opened(cut)


def test_a_damaged_file_is_told_as_such_wherever_it_is(backed_up: BackedUp, tmp_path: Path) -> None:
    whole = backed_up.file.read_bytes()
    with tarfile.open(backed_up.file) as tar:
        spans = [(member.offset_data, member.size) for member in tar if member.size]
    hurt = tmp_path / "hurt.tar"
    for start, size in spans:
        for at in {start, start + size // 2, start + size - 2}:
            hurt.write_bytes(whole[:at] + bytes((whole[at] ^ 0x10,)) + whole[at + 1 :])
            with pytest.raises(BackupTrouble, match="is cut or damaged"):
                place.opened(hurt)


def test_a_damaged_file_changes_nothing(backed_up: BackedUp, folder: Path, tmp_path: Path) -> None:
    hurt = tmp_path / "hurt.tar"
    hurt.write_bytes(backed_up.file.read_bytes()[:-3000])
    assert "is cut or damaged" in refused(folder / "untouched", "restore", hurt)
    assert not (folder / "untouched").exists()


def test_what_does_not_run_and_has_no_database_cannot_be_backed_up(tmp_path: Path) -> None:
    words = refused(tmp_path / "none", "backup", tmp_path / "made.tar")
    assert words == f"There is no Footfall in {tmp_path}/none: name its data folder with --data."
    # As after kill -9 of one that was given a database.
    DataFolder(tmp_path).write("database_url", "postgres://gone@localhost/gone")
    words = refused(tmp_path, "backup", tmp_path / "made.tar")
    assert words == (
        f"Footfall in {tmp_path} does not run, and has no database of its own: set DATABASE_URL."
    )
    assert {path.name for path in tmp_path.iterdir()} == {"database_url", "lock"}


def test_what_no_backup_is_gets_a_sentence(tmp_path: Path) -> None:
    for name, content, words in (
        ("text", b"hello", "is cut or damaged"),
        ("custom", b"PGDMP" + bytes(100), "pg_restore --file=DUMP.sql"),
        ("all", b"--\n-- PostgreSQL database cluster dump\n--\n", "is of pg_dumpall"),
        ("half.sql", FIRST_RELEASE.read_bytes()[:50_000], "its end is missing"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BackupTrouble, match=re.escape(words)):
            place.opened(tmp_path / name)
    with pytest.raises(BackupTrouble, match="No such file"):
        place.opened(tmp_path / "none")


def rewritten(source: Path, target: Path, **told: Any) -> None:
    """A copy of a backup whose manifest says something else."""
    writer = ArchiveWriter(target)
    with tarfile.open(source) as tar:
        for member in tar:
            file = tar.extractfile(member)
            assert file
            content = file.read()
            if member.name == MANIFEST:
                content = json.dumps({**json.loads(content), **told}).encode()
            if member.name != "SHA256SUMS":
                writer.add(member.name, member.mtime, content)
    writer.finish(0)


@pytest.mark.parametrize("limit", [1024, 8192])
def test_a_disk_that_takes_no_more_leaves_nothing_half_made(
    backed_up: BackedUp, tmp_path: Path, limit: int
) -> None:
    words = refused(backed_up.product.data, "backup", tmp_path / "full.tar", limit=limit)
    assert words == f"{tmp_path}/full.tar cannot be written: File too large. Nothing is left of it."
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_kept_unless_told_otherwise(backed_up: BackedUp, tmp_path: Path) -> None:
    (tmp_path / "old.tar").write_text("dear")
    words = refused(backed_up.product.data, "backup", tmp_path / "old.tar")
    assert words == f"{tmp_path}/old.tar is there already: choose another name, or say --replace."
    assert (tmp_path / "old.tar").read_text() == "dear"


def test_a_folder_gets_a_file_named_after_the_moment_with_secrets_if_asked(
    backed_up: BackedUp, folder: Path, tmp_path: Path
) -> None:
    said(backed_up.product.data, "backup", tmp_path, "--secrets", FOOTFALL_NAMES="5000")
    (file,) = tmp_path.iterdir()
    assert re.fullmatch(r"footfall-\d{8}-\d{6}\.tar", file.name)
    key = DataFolder(backed_up.product.data).secret_key()
    archive = Archive(file, lambda done, whole: None)
    assert archive.settings() == {"FOOTFALL_NAMES": "5000", "SECRET_KEY": key}
    archive.close()
    data = new_instance(folder / "secrets")
    (data / "secret_key").unlink(missing_ok=True)
    said(data, "restore", file)
    assert DataFolder(data).secret_key() == key
    assert (data / "restored_settings.env").read_text() == "FOOTFALL_NAMES=5000\n"


def test_every_setting_is_either_open_or_secret_or_of_its_place() -> None:
    assert set(NAMED) == environment_names() - {"PATH", "HOME"}
    assert kept_settings.lines("kept", False, {"SECRET_KEY": "given", "FOOTFALL_NAMES": "7"}) == (
        "FOOTFALL_NAMES=7\n"
    )


def test_a_backup_that_is_stopped_leaves_nothing_and_told_nobody_the_password(
    backed_up: BackedUp, tmp_path: Path
) -> None:
    product = backed_up.product
    password = DataFolder(product.data).read("postgres_password") or ""
    with psycopg.connect(url_of(product)) as held:
        held.execute("LOCK TABLE analytics_token IN ACCESS EXCLUSIVE MODE")
        process = command(product.data, "backup", tmp_path / "stopped.tar")
        dumping = wait_for(lambda: children(process.pid, "--snapshot="), 30, "pg_dump")
        for pid in dumping:
            for name in ("cmdline", "environ"):
                assert password not in Path(f"/proc/{pid}/{name}").read_text()
        process.terminate()
        _, error = process.communicate(timeout=30)
        assert error == "CommandError: Stopped; nothing is left of it.\n"
        held.rollback()
    assert list(tmp_path.iterdir()) == []
    assert [pid for pid in dumping if Path(f"/proc/{pid}").exists()] == []


def test_half_of_a_killed_backup_goes_with_the_next_and_none_that_is_being_made(
    backed_up: BackedUp, tmp_path: Path
) -> None:
    product = backed_up.product
    going_on = ArchiveWriter(tmp_path / "other.tar")
    foreign = tmp_path / "film.part"
    foreign.write_text("not ours")
    there = set(tmp_path.iterdir())
    with psycopg.connect(url_of(product)) as held:
        held.execute("LOCK TABLE analytics_token IN ACCESS EXCLUSIVE MODE")
        process = command(product.data, "backup", tmp_path / "killed.tar")
        dumping = wait_for(lambda: children(process.pid, "--snapshot="), 30, "pg_dump")
        for pid in (process.pid, *dumping):
            os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=30)
        held.rollback()
    (half,) = set(tmp_path.iterdir()) - there
    told = said(product.data, "backup", tmp_path / "whole.tar")
    assert f"Removed {half}" in told
    assert told.count("Removed") == 1
    assert set(tmp_path.iterdir()) == {*there, tmp_path / "whole.tar"}
    going_on.drop()


def children(parent: int, word: str) -> list[int]:
    """The processes that one started with this in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            ours = f"PPid:\t{parent}\n" in (path / "status").read_text()
            if ours and word in (path / "cmdline").read_text():
                found.append(int(path.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def test_a_server_that_is_newer_than_every_pg_dump_is_told() -> None:
    assert pg_dump.fitting(15).major >= 15
    with pytest.raises(BackupTrouble, match=r"needs a pg_dump of that version or newer; there is .*pg_dump"):
        pg_dump.fitting(99)


def test_the_spool_is_that_of_the_snapshot_though_it_is_written_and_drained(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    with spool_of_a_living_edge(folder) as spool:
        spool.append(spooled(1, uuid.uuid4()))
        (name,) = [path.name for path in folder.iterdir()]
        held = HeldSpool(folder)
        spool.append(spooled(1, uuid.uuid4()))
        written = (folder / name).read_bytes()
        before = held.unchanged
        while spool.first():
            spool.drop_first()
        assert list(folder.iterdir()) == []
        assert b"".join(held.files[0].pieces()) == written
        # A file that came and went in between might have been missed: the moment is not this one.
        assert (before, held.unchanged) == (True, False)
        held.let_go()


def test_a_backup_waits_for_a_moment_between_files_that_come_and_go(
    backed_up: BackedUp, tmp_path: Path
) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    restless = threading.Thread(target=come_and_go, args=[folder, 0.5])
    restless.start()
    made = taking.take(
        tmp_path / "made.tar", parameters(url_of(backed_up.product)), folder, ("", False), lambda line: None
    )
    restless.join()
    assert made.rows["tracker_site"] == 2
    with tarfile.open(tmp_path / "made.tar") as tar:
        # Of one moment: the file that comes and goes, none, or the one that came last; never two.
        names = [name for name in tar.getnames() if name.startswith("spool/")]
        assert names in ([f"spool/{RESTLESS}"], [], [f"spool/{LAST}"])


LAST = f"{EDGE:016x}.spool"
RESTLESS = f"{EDGE:016x}-1.spool"


def come_and_go(folder: Path, seconds: float) -> None:
    """Files of the spool, made and removed all the time; the last one stays."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        (folder / RESTLESS).touch()
        (folder / RESTLESS).unlink()
    (folder / LAST).touch()


def test_checksums_are_those_of_what_is_written(tmp_path: Path) -> None:
    writer = ArchiveWriter(tmp_path / "made.tar")
    pieces: Sequence[bytes] = [b"a" * 700, b"", b"b" * 512]
    with writer.member(DUMP, 0) as file:
        for piece in pieces:
            file.write(piece)
    assert not (tmp_path / "made.tar").exists()
    writer.finish(0)
    with tarfile.open(tmp_path / "made.tar") as tar:
        sums = tar.extractfile("SHA256SUMS")
        assert sums
        assert sums.read().decode() == f"{hashlib.sha256(b''.join(pieces)).hexdigest()}  {DUMP}\n"


def test_long_work_says_how_far_it_is() -> None:
    lines: list[str] = []
    progress = ProgressLines(lines.append, "Loading", "rows", 4000, every=0)
    progress.at(1000)
    ProgressLines(lines.append, "Dumping", "rows", every=0).at(2000, ", 3 MiB")
    ProgressLines(lines.append, "Dumping", "rows").at(3000)
    assert lines == ["  Loading: 1,000 rows (25 %) …", "  Dumping: 2,000 rows, 3 MiB …"]


def test_a_manifest_without_sense_is_told() -> None:
    for text in (b"{", b"{}", msgspec.json.encode({"format": 1})):
        with pytest.raises(BackupTrouble, match="makes no sense"):
            read(text)
