"""The sealed days of a site, as Postgres keeps them: which there are, and their files."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import psycopg

from analytics.history.day_files import DayFile, Numbers
from analytics.history.day_format import FORMAT, VIEWS
from analytics.history.local_days import LocalDay

LIST = """
SELECT day, kind, part, format, rows, zone, begins_at, ends_at, digest, sealed_at FROM history_day
WHERE site_id = %s AND day >= %s AND day <= %s ORDER BY day, kind, part
"""
FETCH = (
    "SELECT file FROM history_day WHERE site_id = %s AND day = %s AND kind = %s AND part = %s AND digest = %s"
)
FORGET = "DELETE FROM history_day WHERE site_id = %s AND day = %s"
KEEP = """
INSERT INTO history_day
    (site_id, day, kind, part, format, rows, zone, begins_at, ends_at, digest, file, sealed_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp())
"""


class Damaged(Exception):
    """A sealed day's file is not the one that was sealed; the message says which."""


@dataclass(frozen=True)
class SealedFile:
    """A file of a sealed day, which lies in Postgres."""

    site_id: int
    day: date
    kind: str
    part: int
    format: int
    rows: int
    zone: str
    begins: datetime
    ends: datetime
    digest: bytes
    sealed_at: datetime


def sealed_files(connection: psycopg.Connection, site_id: int, first: date, last: date) -> list[SealedFile]:
    """What is sealed of a site's days from `first` to `last`, in the order of days. Raises psycopg.Error."""
    rows = connection.execute(LIST, [site_id, first, last]).fetchall()
    return [SealedFile(site_id, *row) for row in rows]


def fetch(connection: psycopg.Connection, sealed: SealedFile) -> bytes | None:
    """A file's content; None where the day was sealed anew meanwhile. Raises psycopg.Error, Damaged."""
    names = [sealed.site_id, sealed.day, sealed.kind, sealed.part, sealed.digest]
    row = connection.execute(FETCH, names, binary=True).fetchone()
    if row is None:
        return None
    content = bytes(row[0])
    if hashlib.sha256(content).digest() != sealed.digest:
        raise Damaged(f"the file of {sealed.kind} of {sealed.day} is not what was sealed")
    return content


def replace(connection: psycopg.Connection, site_id: int, day: LocalDay, files: Sequence[DayFile]) -> None:
    """Keep these files as the day, instead of what was kept of it; in the caller's transaction."""
    connection.execute(FORGET, [site_id, day.day])
    append(connection, site_id, day, files)


def append(connection: psycopg.Connection, site_id: int, day: LocalDay, files: Sequence[DayFile]) -> None:
    """Keep these files as further parts of the day; in the caller's transaction."""
    for file in files:
        content = Path(file.path).read_bytes()
        connection.execute(
            KEEP,
            [
                *(site_id, day.day, file.kind, file.part, FORMAT, file.rows, day.zone, day.begins, day.ends),
                *(hashlib.sha256(content).digest(), psycopg.Binary(content)),
            ],
        )


def numbers_of(files: Sequence[SealedFile]) -> Numbers:
    """Numbers that no row of these files has: as many as there are rows, at most, each visitor has one."""
    views = sum(file.rows for file in files if file.kind == VIEWS)
    parts = max((file.part + 1 for file in files), default=0)
    return Numbers(views, views, views, parts)
