"""A rolling update: an earlier commit's processes and this one's at once, on one Postgres and one Redis."""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import psycopg

from bench import verify
from bench.faults.looks import Looks, page_views
from bench.faults.stand import Stand, standing
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.targets import Ground, valkey_beside
from bench.watch import Api
from scripts.stands import clusters
from scripts.stands.checkout import ROOT
from scripts.stands.folders import temporary_folder
from scripts.stands.logins import log_in
from scripts.stands.product import QUICK_SETTINGS, Product

RUN = "rolling"
# A commit or tag; unless it is said, the last release, or else the last commit before the newest migration.
FROM = "FOOTFALL_ROLLING_FROM"
MIGRATIONS = ("analytics/migrations", "tracker/migrations")
INSTALLED = (".venv", "node_modules")
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
# How long a page stays away at most that was dropped.
RETURN_SECONDS = 32.0


def rolling(on: Ground, quick: bool) -> Iterator[Figure]:
    """Two machines go on to this code, one after the other, under load: both serve together meanwhile."""
    pages, patience = (100, 2.0) if quick else (1_000, RETURN_SECONDS - 2.0)
    settled, watched = patience + 2.0, 3.0 if quick else 20.0
    with ExitStack() as stack:
        before, name = stack.enter_context(_earlier())
        shared = {
            "DATABASE_URL": on.database(),
            "REDIS_URL": valkey_beside(on, stack)[1],
            "SECRET_KEY": secrets.token_urlsafe(50),
        }
        first = stack.enter_context(
            standing(
                on,
                1,
                checkout=before,
                DATABASE_URL=shared["DATABASE_URL"],
                REDIS_URL=shared["REDIS_URL"],
                SECRET_KEY=shared["SECRET_KEY"],
            )
        )
        second = stack.enter_context(_machine(before, shared))
        ports = (first.port, second.port)
        fleet = stack.enter_context(VisitorFleet(first.plan(pages, tabs=2, ports=ports, patience=patience)))
        fleet.wait_full()
        fleet.tell(f"turnover {pages / 50}")
        began = time.monotonic()
        second = stack.enter_context(_updated(second, shared))
        yield Figure(RUN, "second machine updated in", time.monotonic() - began, "s", note=f"from {name}")
        time.sleep(settled)
        yield from _together("both at once", first, second, fleet, pages, watched)
        yield from _staff(first, second)
        first.update()
        time.sleep(settled)
        yield from _together("both updated", first, second, fleet, pages, watched)
        fleet.tell("stop")
        outcome = fleet.finish()
        yield Figure(RUN, "pages turned over", outcome.done, "", 1, note=str(outcome.errors))
        with psycopg.connect(first.database_url) as connection:
            row = connection.execute(DEADLOCKS).fetchone()
        assert row
        yield Figure(RUN, "deadlocks", row[0], "", 0, True)
        yield from page_views(RUN, first, fleet, quick)


def _together(
    when: str, first: Stand, second: Product, fleet: VisitorFleet, pages: int, seconds: float
) -> Iterator[Figure]:
    """What boards and APIs of both machines say, and whether every page has come back."""
    with closing(Api(second.port, first.key, first.token)) as api, Looks(first, fleet) as looks:
        other = verify.LiveCheck(fleet.ledgers, api.live)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            looks.watch(1.0)
            other.watch(1.0)
        other.settled()
        checks = {"first API": looks.by_api, "first board": looks.by_board, "second API": other}
        for label, check in checks.items():
            yield Figure(RUN, f"{when}: worst drift, {label}", check.drift, "", 0, True)
        away = pages - looks.by_api.sights[-1].most
        yield Figure(RUN, f"{when}: pages not back", max(0, away), "", 0, True)


def _staff(first: Stand, second: Product) -> Iterator[Figure]:
    """What staff do at both, on tables that know more than the older code does."""
    done = 0
    for port in (first.port, second.port):
        with suppress(AssertionError):
            log_in(port, "admin", first.password)
            done += 1
    yield Figure(RUN, "logins, at the older code and at the newer", done, "", 2)
    added = [product.manage("addsite", f"{name}.example") for name, product in _named(first, second)]
    yield Figure(RUN, "sites added, by both", len(added), "", 2)


def _named(first: Stand, second: Product) -> Iterator[tuple[str, Product]]:
    yield "older", first.product
    yield "newer", second


@contextmanager
def _machine(checkout: Path, shared: dict[str, str]) -> Iterator[Product]:
    """A machine beside the first: a product of its own, with an edge."""
    with temporary_folder("footfall-machine-") as data:
        clusters.copy_to(data)
        product = _started(data, checkout, shared)
        try:
            yield product
        finally:
            _end(product)


@contextmanager
def _updated(product: Product, shared: dict[str, str]) -> Iterator[Product]:
    """The same machine with this code."""
    product.stop()
    again = _started(product.data, ROOT, shared, "--port", str(product.port))
    try:
        yield again
    finally:
        _end(again)


def _started(data: Path, checkout: Path, shared: dict[str, str], *options: str) -> Product:
    settings = {"DJANGO_SETTINGS_MODULE": QUICK_SETTINGS, **shared}
    return Product(data, "--edges", "1", *options, checkout=checkout, **settings)


def _end(product: Product) -> None:
    if product.process.poll() is None:
        product.stop()


@contextmanager
def _earlier() -> Iterator[tuple[Path, str]]:
    """An earlier commit's code, which runs on the libraries of this one; and its name."""
    name = os.environ.get(FROM) or _git("tag", "--merged", "HEAD", "--sort=-creatordate").partition("\n")[0]
    if not name:
        newest = _git("log", "-1", "--diff-filter=A", "--format=%h", "--", *MIGRATIONS)
        name = f"{newest.strip()}~1"
    with temporary_folder("footfall-earlier-") as folder:
        # Processes that leave root read it, too.
        folder.chmod(0o755)
        archive = folder / "code.tar"
        _git("archive", f"--output={archive}", name)
        shutil.unpack_archive(archive, folder)
        for each in INSTALLED:
            if (ROOT / each).exists():
                (folder / each).symlink_to(ROOT / each)
        yield folder, name


def _git(*words: str) -> str:
    git = shutil.which("git") or "git"
    return subprocess.run([git, *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout
