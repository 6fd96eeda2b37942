"""Fills an empty database with a backup, brings it up to this version, and lets it take another's place."""

import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import psycopg
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from analytics.backups import loading, spool_store
from analytics.backups.archive import Archive
from analytics.backups.databases import Databases
from analytics.backups.errors import BackupTrouble
from analytics.backups.progress_lines import ProgressLines
from analytics.backups.sql_dump import SqlDump
from analytics.backups.taking import MIGRATIONS
from analytics.up import first_start
from tracker.postgres.connect import connect

Say = Callable[[str], None]


class Filled(NamedTuple):
    """What was restored."""

    rows: Counter[str]
    spooled: spool_store.SpoolReport


def refuse_newer(migrations: list[str]) -> None:
    """Refuse what a newer Footfall made, whose tables this one does not know. Raises BackupTrouble."""
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    if unknown := sorted(set(migrations) - known):
        raise BackupTrouble(
            f"This backup was made by a newer Footfall (this one does not know {unknown[0]}): update this one"
            " first. Nothing was changed."
        )


def fill(source: Archive | SqlDump, say: Say) -> Filled:
    """Put a backup into the empty database that Django is connected to. Raises BackupTrouble."""
    told = source.manifest.rows if isinstance(source, Archive) else {}
    progress = ProgressLines(say, "Loading", "rows", sum(told.values()))
    try:
        with connect() as loader, source.dump() as lines:
            rows = loading.load(loader, lines, progress.at)
        with connect() as reader:
            say("Counting …")
            loading.check(reader, rows, told.items())
            refuse_newer([str(name) for (name,) in reader.execute(MIGRATIONS)])
        first_start.migrate(say)
        with connect() as analyst:
            analyst.autocommit = True
            # Until it has looked, Postgres would choose plans as for empty tables: for the spool, too.
            analyst.execute("ANALYZE")
        spooled = _store_spool(source)
    except psycopg.Error as error:
        raise BackupTrouble(
            f"The backup cannot be loaded, and nothing was changed: {loading.said(error)}."
        ) from None
    finally:
        connection.close()
    return Filled(rows, spooled)


def replace(databases: Databases, source: Archive | SqlDump, say: Say) -> tuple[Filled, str, str]:
    """Restore beside the database that serves, then let the new one serve.

    What was restored, under which name the one before is kept, and since when. Raises BackupTrouble, and then
    the one before serves as if nothing had been.
    """
    databases.make_new()
    serving = connection.settings_dict["NAME"]
    try:
        connection.close()
        connection.settings_dict["NAME"] = databases.new
        filled = fill(source, say)
        stamp = new_stamp()
        kept = databases.swap(stamp)
    except BaseException:
        connection.close()
        # A server that a full disk brought down cannot even drop it: the next restore does.
        with suppress(psycopg.Error):
            databases.drop_new()
        raise
    finally:
        connection.close()
        connection.settings_dict["NAME"] = serving
    return filled, kept, stamp


def new_stamp() -> str:
    """By which what is put aside now is known."""
    return f"{datetime.now(UTC):%Y%m%d_%H%M%S%f}"


def aside(spool: Path, stamp: str) -> Path:
    """Where the spool is kept that belongs to a database that is."""
    return spool.with_name(f"{spool.name}.before_{stamp}")


def _store_spool(source: Archive | SqlDump) -> spool_store.SpoolReport:
    with tempfile.TemporaryDirectory(prefix="footfall-spool-") as name:
        if isinstance(source, Archive):
            source.unpack_spool(Path(name))
        return spool_store.store(Path(name), connect)
