"""The rows of an export, as of one moment, in the order of time; memory holds a portion of them.

Of days whose page views are gone from the tables, rows come out of the sealed day: with ids made of their
numbers in it, the same each time, and the source and the device of their visit.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import psycopg
from psycopg import sql

from analytics.exporting.row_kinds import ATTRIBUTION, KINDS, RowKind
from analytics.history import day_tables, sealed_days
from analytics.history.day_format import EVENTS, VIEWS
from analytics.history.duck import literal, open_duck
from analytics.history.due_days import raw_since
from analytics.history.file_cache import make_folder
from analytics.history.local_days import LocalDay
from analytics.history.sealed_days import SealedFile
from tracker.models import Site

PORTION = 2000
RAW = """
SELECT {columns} FROM {table}
WHERE site_id = {site} AND {time} >= {since} AND {time} < {before} AND ({time}, id) > ({after}, {after_id})
ORDER BY {time}, id
"""
BEFORE_ALL = (datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))
_ID = "md5({site} || day::VARCHAR || '{kind}' || {number}::VARCHAR)::UUID"
_ATTRIBUTION = ", ".join(ATTRIBUTION)
# As Postgres orders them: by time, then by id.
SEALED = {
    "views": f"""
        SELECT {{view}} AS id, make_timestamp(began) AS began_at, make_timestamp(ended) AS ended_at,
               {{visit}} AS visit_id, {{visitor}} AS visitor, page, query, title, engaged_ms, depth,
               {_ATTRIBUTION}, server
        FROM {{views}}""",
    "visits": f"""
        SELECT {{visit}} AS id, make_timestamp(visit_began) AS began_at,
               make_timestamp(visit_ended) AS ended_at, {{visitor}} AS visitor, entry_page, exit_page,
               visit_views, visit_events, visit_engaged_ms,
               {_ATTRIBUTION}
        FROM {{views}} WHERE entry""",
    "events": """
        SELECT {event} AS id, make_timestamp(moment) AS "at", {view} AS page_view_id,
               {visit} AS visit_id, name, properties, value
        FROM {events}""",
}


@dataclass(frozen=True)
class Export:
    """What is asked for: a kind of rows of a site, of some days, after a row that was had before."""

    site: Site
    kind: str
    first: date = date(1, 1, 2)
    last: date = date(9999, 12, 30)
    after: tuple[datetime, UUID] = BEFORE_ALL
    folder: Path = field(default_factory=lambda: Path(tempfile.gettempdir()))
    memory: int = 2**27  # bytes that DuckDB may take

    @property
    def what(self) -> RowKind:
        """Its table and columns."""
        return KINDS[self.kind]

    @property
    def since(self) -> datetime:
        """The first moment of its first day, in UTC."""
        return LocalDay(self.first, self.site.timezone).begins

    @property
    def before(self) -> datetime:
        """The first moment after its last day, in UTC."""
        return LocalDay(self.last, self.site.timezone).ends


Row = tuple[Any, ...]


def rows(connection: psycopg.Connection, export: Export) -> Iterator[list[Row]]:
    """Portions of rows, of one snapshot. The connection is in autocommit.

    Raises psycopg.Error, duckdb.Error, OSError, sealed_days.Damaged.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        gone_before = raw_since(connection, export.site.pk)
        if gone_before is not None:
            yield from _sealed(connection, export, gone_before)
        yield from _raw(connection, export)


def _raw(connection: psycopg.Connection, export: Export) -> Iterator[list[Row]]:
    kind = export.what
    statement = sql.SQL(RAW).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, kind.columns)),
        table=sql.Identifier(kind.table),
        time=sql.Identifier(kind.time),
        site=sql.Literal(export.site.pk),
        since=sql.Literal(export.since),
        before=sql.Literal(export.before),
        after=sql.Literal(export.after[0]),
        after_id=sql.Literal(export.after[1]),
    )
    with connection.cursor("export") as cursor:
        cursor.execute(statement)
        while found := cursor.fetchmany(PORTION):
            yield found


def _sealed(connection: psycopg.Connection, export: Export, gone_before: datetime) -> Iterator[list[Row]]:
    by_day: dict[date, list[SealedFile]] = {}
    for file in sealed_days.sealed_files(connection, export.site.pk, export.first, export.last):
        if file.begins < gone_before and file.ends > export.after[0]:
            by_day.setdefault(file.day, []).append(file)
    for files in by_day.values():
        with _work(export.folder) as work:
            paths: dict[str, list[Path]] = {VIEWS: [], EVENTS: []}
            for file in files:
                content = sealed_days.fetch(connection, file)
                if content is not None:
                    path = work / f"{file.kind}-{file.part}.parquet"
                    path.write_bytes(content)
                    paths[file.kind].append(path)
            if paths[EVENTS if export.kind == "events" else VIEWS]:
                yield from _of_files(export, paths, work)


def _of_files(export: Export, paths: dict[str, list[Path]], work: Path) -> Iterator[list[Row]]:
    site = literal(export.site.key)
    ids = {
        name: _ID.format(site=site, kind=name, number=name) for name in ("visitor", "visit", "view", "event")
    }
    tables = {"views": day_tables.views(paths[VIEWS]), "events": day_tables.files(paths[EVENTS])}
    asked = SEALED[export.kind].format(**ids, **tables)
    time = f'"{export.what.time}"'
    with open_duck([work], work, export.memory, 1) as duck:
        found = duck.execute(
            f"SELECT * FROM ({asked}) WHERE ({time}, id) > ($1, $2) ORDER BY {time}, id",
            [export.after[0].astimezone(UTC).replace(tzinfo=None), export.after[1]],
        )
        while portion := found.fetchmany(PORTION):
            yield [_as_stored(row, list(export.what.columns.values())) for row in portion]


def _as_stored(row: Row, types: list[str]) -> Row:
    return tuple(
        value.replace(tzinfo=UTC)
        if isinstance(value, datetime)
        else json.loads(value)
        if kind == "jsonb"
        else value
        for value, kind in zip(row, types, strict=True)
    )


@contextmanager
def _work(folder: Path) -> Iterator[Path]:
    make_folder(folder)
    work = Path(tempfile.mkdtemp(prefix="exporting-", dir=folder))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


Failed = (psycopg.Error, duckdb.Error, OSError, sealed_days.Damaged)
"""What reading an export may fail with."""
