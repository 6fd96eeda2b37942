"""Backups under load, also while spools are stored: restored elsewhere, they are held against the ledger."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict

from analytics.backups import taking
from analytics.backups.archive import Archive
from bench import verify
from bench.faults.looks import ODD_VISITS
from bench.faults.postgres_kill import without_postgres
from bench.faults.stand import Stand, standing
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.ledger import Entry, EntryKind, Reader
from bench.targets import Ground
from scripts.stands.checkout import ROOT
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for

RUN = "backup"
AWAY_SECONDS = 5.0


class Made(NamedTuple):
    """A backup that was made, and how long that took."""

    name: str
    path: Path
    taken_at: datetime
    seconds: float
    spooled: int  # bytes of the spool in it


def backup(on: Ground, quick: bool) -> Iterator[Figure]:
    """Backups under load, and while spools drain: restored elsewhere, they have all that was acknowledged."""
    with standing(on) as stand:
        yield from backup_at(stand, quick)


def backup_at(stand: Stand, quick: bool) -> Iterator[Figure]:
    """Of a stand: as often as it may take."""
    pages, rounds, pause = (200, 1, 1.0) if quick else (2_000, 3, 10.0)
    with _folder() as folder:
        made: list[Made] = []
        with VisitorFleet(stand.plan(pages, tabs=2)) as fleet:
            fleet.wait_full()
            fleet.tell(f"turnover {pages / 30}")
            for number in range(rounds):
                time.sleep(pause)
                made.append(_by_command(stand, folder / f"calm-{number}.tar"))
                made.append(_while_draining(stand, folder / f"draining-{number}.tar"))
            time.sleep(pause)
            fleet.tell("stop")
            outcome = fleet.finish()
        yield Figure(RUN, "pages turned over", outcome.done, "", 1, note=str(outcome.errors or ""))
        entries = Reader(fleet.ledgers).rest()
        for each in made:
            began = time.monotonic()
            with _restored(stand, each.path) as product:
                ready = f"{each.name}: restored, and ready on another port, in"
                yield Figure(RUN, ready, time.monotonic() - began, "s")
                yield from _held_against(each, product, fleet.plans[0].run, entries)


def _by_command(stand: Stand, path: Path) -> Made:
    began = time.monotonic()
    stand.product.manage("backup", str(path))
    return _made("calm", path, time.monotonic() - began)


def _while_draining(stand: Stand, path: Path) -> Made:
    """At the moment Postgres is back, and edges begin to store what they spooled: too soon for a command."""
    with without_postgres(stand):
        time.sleep(AWAY_SECONDS)
    wait_for(lambda: _answers(stand.database_url), 30, "Postgres to be back")
    began = time.monotonic()
    where = conninfo_to_dict(stand.database_url)
    taking.take(path, where, stand.data / "spool", ("", False), lambda line: None)
    return _made("draining", path, time.monotonic() - began)


def _made(name: str, path: Path, seconds: float) -> Made:
    archive = Archive(path, lambda done, whole: None)
    with tempfile.TemporaryDirectory() as spool:
        archive.unpack_spool(Path(spool))
        spooled = sum(file.stat().st_size for file in Path(spool).iterdir())
    taken_at = archive.manifest.taken_at
    archive.close()
    return Made(name, path, taken_at, seconds, spooled)


def _answers(url: str) -> bool:
    with suppress(psycopg.OperationalError), psycopg.connect(url):
        return True
    return False


def _held_against(made: Made, product: Product, run: int, entries: list[Entry]) -> Iterator[Figure]:
    due = made.taken_at.timestamp()
    known = [
        entry
        for entry in entries
        if entry.kind is EntryKind.SAID or (entry.kind is EntryKind.ACKED and entry.at < due)
    ]
    kept = verify.stored((product.data / "database_url").read_text().strip(), run, known)
    odd = product.rows(ODD_VISITS)[0]["count"]
    name = made.name
    size = made.path.stat().st_size / 2**20
    yield Figure(RUN, f"{name}: made in", made.seconds, "s", note=f"{size:,.1f} MiB")
    if made.name == "draining":
        yield Figure(RUN, f"{name}: bytes of the spool in it", made.spooled, "", 1)
    note = f"of {kept.acked:,} acknowledged before {made.taken_at:%H:%M:%S}"
    for what in ("lost", "duplicated", "wrong", "invented"):
        count = getattr(kept, what)
        yield Figure(RUN, f"{name}: page views {what}", count, "", 0, at_most=True, note=note)
        note = ""
    yield Figure(RUN, f"{name}: visits that do not add up", odd, "", 0, at_most=True)


@contextmanager
def _restored(stand: Stand, path: Path) -> Iterator[Product]:
    """An instance that holds a backup, in a folder and on a port of its own."""
    data = path.with_suffix("")
    subprocess.run(
        [sys.executable, "manage.py", "restore", path, "--data", data],
        cwd=ROOT,
        env={**stand.product.environment, "FOOTFALL_DATA": str(data)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    product = Product(data)
    try:
        yield product
    finally:
        product.stop()


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that the account may pass which root drops Postgres to."""
    folder = Path(tempfile.mkdtemp(prefix="footfall-backups-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
