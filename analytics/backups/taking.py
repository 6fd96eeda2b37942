"""Makes a backup, while Footfall runs or not: a snapshot of the database, and the spool of that moment."""

import gzip
import io
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

import psycopg

from analytics.backups import pg_dump
from analytics.backups.archive import DUMP, MANIFEST, SETTINGS, SPOOL
from analytics.backups.archive_writer import ArchiveWriter, clear_halves
from analytics.backups.dump_text import END_OF_ROWS, sections
from analytics.backups.errors import BackupTrouble
from analytics.backups.held_spool import HeldSpool
from analytics.backups.left_out import LEFT_OUT
from analytics.backups.manifest import Manifest, own_version
from analytics.backups.progress_lines import ProgressLines

PACKING = 1
# Files of the spool come and go when Postgres does; one of these moments is between two of them.
TRIES = 50
OPTIONS = (
    "--format=plain",
    "--encoding=UTF8",
    "--no-owner",
    "--no-privileges",
    # Rows go through the partitioned table: so they are counted by it.
    "--load-via-partition-root",
    "--lock-wait-timeout=60s",
    *(f"--exclude-table-data={table}" for table in LEFT_OUT),
)
MIGRATIONS = "SELECT app || '.' || name FROM django_migrations ORDER BY 1"


class Snapshot(NamedTuple):
    """A moment of the database, for as long as its transaction is open."""

    name: str
    taken_at: datetime
    migrations: list[str]


def take(
    target: Path,
    parameters: Mapping[str, Any],
    spool: Path,
    settings: tuple[str, bool],
    say: Callable[[str], None],
) -> Manifest:
    """Write a backup of the database with these parameters of libpq, and of the spool in this folder.

    `settings`: the lines of `kept_settings`, and whether secrets are among them. What was at `target` is
    replaced, once the new one is whole. Raises BackupTrouble, and then leaves nothing.
    """
    try:
        with psycopg.connect(**parameters) as connection, _frozen(connection, spool) as (snapshot, held):
            server = connection.info.server_version
            program = pg_dump.fitting(server // 10000)
            for half in clear_halves(target.parent):
                say(f"Removed {half}: half a backup, left by one that was killed.")
            writer = ArchiveWriter(target)
            try:
                _copy_spool(writer, held)
                rows = _dump(writer, program, parameters, snapshot, say)
                made = Manifest(
                    footfall=own_version(),
                    taken_at=snapshot.taken_at,
                    postgres=f"{server // 10000}.{server % 10000}",
                    pg_dump=program.version,
                    migrations=snapshot.migrations,
                    rows=dict(sorted(rows.items())),
                    left_out=sorted(LEFT_OUT),
                    secrets=settings[1],
                )
                at = snapshot.taken_at.timestamp()
                writer.add(SETTINGS, at, settings[0].encode())
                writer.add(MANIFEST, at, made.text())
                writer.finish(at)
            finally:
                writer.drop()
    except psycopg.Error as error:
        raise BackupTrouble(f"The database cannot be read: {str(error).strip().splitlines()[0]}") from None
    except OSError as error:
        raise BackupTrouble(
            f"{target} cannot be written: {error.strerror or error}. Nothing is left of it."
        ) from None
    return made


@contextmanager
def _frozen(connection: psycopg.Connection, spool: Path) -> Iterator[tuple[Snapshot, HeldSpool]]:
    """A snapshot, and the spool's files of the same moment. Raises BackupTrouble, OSError, psycopg.Error."""
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    for _ in range(TRIES):
        held = HeldSpool(spool)
        try:
            snapshot = _snapshot(connection)
            if held.unchanged:
                yield snapshot, held
                return
        finally:
            held.let_go()
        connection.rollback()
    raise BackupTrouble(f"Files come and go in {spool} all the time: Postgres is not well. Try again later.")


def _snapshot(connection: psycopg.Connection) -> Snapshot:
    # It has nothing to say while pg_dump works, for hours perhaps.
    connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    # `now()` is the transaction's beginning, before the snapshot: what was acknowledged by then is in it.
    found = connection.execute("SELECT pg_export_snapshot(), now()").fetchone()
    if found is None:
        raise BackupTrouble("Postgres gives no snapshot.")
    try:
        migrations = [str(name) for (name,) in connection.execute(MIGRATIONS)]
    except psycopg.errors.UndefinedTable:
        raise BackupTrouble("There is nothing to back up: the database has no tables of Footfall.") from None
    return Snapshot(found[0], found[1], migrations)


def _copy_spool(writer: ArchiveWriter, held: HeldSpool) -> None:
    for file in held.files:
        with writer.member(SPOOL + file.name, file.written_at) as member:
            for piece in file.pieces():
                member.write(piece)


def _dump(
    writer: ArchiveWriter,
    program: pg_dump.DumpProgram,
    parameters: Mapping[str, Any],
    snapshot: Snapshot,
    say: Callable[[str], None],
) -> Counter[str]:
    """Write the dump; how many rows of each table are in it. Raises BackupTrouble and OSError."""
    command = [
        str(program.path),
        *OPTIONS,
        f"--snapshot={snapshot.name}",
        f"--dbname=service={pg_dump.SERVICE}",
    ]
    with (
        pg_dump.environment(parameters) as environment,
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            bufsize=1 << 20,
        ) as dumping,
    ):
        if dumping.stdout is None:
            raise BackupTrouble("pg_dump says nothing.")
        try:
            with writer.member(DUMP, snapshot.taken_at.timestamp()) as member:
                rows = _pack(dumping.stdout, member, writer, say)
        except BaseException:
            # Nobody reads on, and it must not wait for that.
            dumping.kill()
            raise
        if dumping.wait():
            complaints.seek(0)
            said = complaints.read().decode(errors="replace").strip().splitlines() or ["it does not say why"]
            raise BackupTrouble(f"pg_dump failed: {said[-1].removeprefix('pg_dump: ')}")
    return rows


def _pack(
    lines: IO[bytes], member: io.RawIOBase, writer: ArchiveWriter, say: Callable[[str], None]
) -> Counter[str]:
    rows: Counter[str] = Counter()
    progress = ProgressLines(say, "Dumping", "rows")
    packed = gzip.GzipFile("", "wb", PACKING, member, mtime=0)
    with io.BufferedWriter(packed, 1 << 20) as out:
        for section in sections(lines):
            out.writelines(section.statements)
            if section.table:
                out.write(section.copy)
                for row in section.rows:
                    out.write(row)
                    rows[section.table] += 1
                    if not rows[section.table] % 10_000:
                        progress.at(rows.total(), f", {writer.size >> 20:,} MiB")
                out.write(END_OF_ROWS)
    return rows
