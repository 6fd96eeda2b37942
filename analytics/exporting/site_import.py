"""Exported rows back into a site: page views, visits and events as they were, each once, however often."""

import csv
import gzip
import json
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import psycopg
from psycopg import sql

from analytics.exporting.export_files import unguard
from analytics.exporting.row_kinds import RowKind, kind_of
from analytics.history.day_format import VIEWS
from analytics.history.duck import literal, open_duck
from analytics.history.due_days import raw_since
from tracker.contract.spans import LONGEST_PAGE_VIEW
from tracker.models import Site
from tracker.postgres import partitions
from tracker.rollups import minutes

PORTION = 5000
LONGEST_LINE = 2**20
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
# Nobody may end them: they belong to no edge.
OWNERLESS = {"edge": 0, "connection": 0}
STAGE = "CREATE TEMPORARY TABLE came (LIKE {table} INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
TAKE = "INSERT INTO {table} ({columns}) SELECT {columns} FROM came ON CONFLICT DO NOTHING"
TOUCH = """
INSERT INTO tracker_touched (site_id, at)
SELECT DISTINCT {site}, date_bin('15 minutes', {time}, 'epoch') FROM came
"""
ALONE = """
SELECT count(*) FROM history_day
WHERE site_id = %s AND kind = %s AND begins_at < %s AND begins_at <= %s AND ends_at > %s
"""


class WrongFile(Exception):
    """A file cannot be taken; the message says which, where, and why."""


@dataclass
class TakenRows:
    """What came of a file."""

    kind: str
    rows: int = 0
    new: int = 0
    first: datetime | None = None
    last: datetime | None = field(default=None)


def take(connection: psycopg.Connection, site: Site, path: Path, memory: int) -> TakenRows:
    """Take a file's rows into a site; all of it or nothing. The connection is in autocommit.

    Raises WrongFile, psycopg.Error, OSError, duckdb.Error.
    """
    columns, rows = _read(path, memory)
    found = kind_of(columns)
    if found is None:
        raise WrongFile(f"{path.name} is no export of Footfall's; it begins with: {', '.join(columns[:8])}")
    name, kind = found
    taken = TakenRows(name)
    with connection.transaction():
        connection.execute(sql.SQL(STAGE).format(table=sql.Identifier(kind.table)))
        while portion := [row for _, row in zip(range(PORTION), rows, strict=False)]:
            _portion(connection, site, kind, taken, portion)
        connection.execute("DROP TABLE came")
        if taken.first and taken.last:
            _refuse_twice(connection, site, taken.first, taken.last)
            partitions.ensure(connection.cursor(), datetime.now(UTC))
    if name == "views" and taken.first and taken.last:
        minutes.again(connection, site.pk, taken.first, taken.last + LONGEST_PAGE_VIEW, known=False)
    return taken


def _refuse_twice(connection: psycopg.Connection, site: Site, first: datetime, last: datetime) -> None:
    gone_before = raw_since(connection, site.pk)
    if gone_before is None:
        return
    row = connection.execute(ALONE, [site.pk, VIEWS, gone_before, last, first]).fetchone()
    if row and row[0]:
        raise WrongFile(
            f"The site has sealed days from {first.date()} to {last.date()} whose page views are gone from"
            " the tables: what is in them would be counted twice. Take the file into a new site."
        )


def _portion(
    connection: psycopg.Connection, site: Site, kind: RowKind, taken: TakenRows, rows: list[list[Any]]
) -> None:
    more = OWNERLESS if kind.table == "tracker_pageview" else {}
    columns = ["site_id", *kind.columns, *more]
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    connection.execute("DELETE FROM came")
    copy = sql.SQL("COPY came ({columns}) FROM STDIN").format(columns=names)
    with connection.cursor().copy(copy) as into:
        for row in rows:
            into.write_row([site.pk, *row, *more.values()])
    fill = sql.SQL(TAKE).format(table=sql.Identifier(kind.table), columns=names)
    taken.new += connection.execute(fill).rowcount
    taken.rows += len(rows)
    bounds = sql.SQL("SELECT min({time}), max({time}) FROM came").format(time=sql.Identifier(kind.time))
    first, last = connection.execute(bounds).fetchone() or (None, None)
    taken.first = min(filter(None, (taken.first, first)), default=None)
    taken.last = max(filter(None, (taken.last, last)), default=None)
    if kind.table != "tracker_visit":
        touch = sql.SQL(TOUCH).format(site=sql.Literal(site.pk), time=sql.Identifier(kind.time))
        connection.execute(touch)


def _read(path: Path, memory: int) -> tuple[list[str], Iterator[list[Any]]]:
    """A file's columns, and its rows as texts or values."""
    with path.open("rb") as file:
        begin = file.read(4)
    if begin == PARQUET:
        return _parquet(path, memory)
    lines = _lines(path, begin[:2] == GZIP)
    head = next(lines, "")
    if head.startswith("{"):
        return list(_object(path, 1, head)), _objects(path, head, lines)
    return _csv(path, head, lines)


def _lines(path: Path, packed: bool) -> Iterator[str]:
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8-sig", newline="")
            if packed
            else path.open(encoding="utf-8-sig", newline="")
        ) as file:
            while line := file.readline(LONGEST_LINE):
                if len(line) == LONGEST_LINE:
                    raise WrongFile(f"{path.name} has a line of more than a million characters.")
                yield line
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise WrongFile(
            f"{path.name} is damaged ({type(error).__name__}): nothing of it was taken."
        ) from None


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(line)
    except msgspec.DecodeError:
        found = None
    if not isinstance(found, dict):
        raise WrongFile(f"{path.name}: line {number} is no JSON object; nothing of it was taken.")
    return found


def _objects(path: Path, head: str, lines: Iterator[str]) -> Iterator[list[Any]]:
    names = list(_object(path, 1, head))
    yield from ([_value(row[name]) for name in names] for row in [_object(path, 1, head)])
    for number, line in enumerate(lines, 2):
        row = _object(path, number, line)
        if list(row) != names:
            raise WrongFile(f"{path.name}: line {number} has other fields than the first.")
        yield [_value(row[name]) for name in names]


def _value(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value


def _csv(path: Path, head: str, lines: Iterator[str]) -> tuple[list[str], Iterator[list[Any]]]:
    columns = next(csv.reader([head]), [])
    types = list(_types(columns).values())

    def rows() -> Iterator[list[Any]]:
        for row in csv.reader(lines):
            if len(row) != len(types):
                raise WrongFile(f"{path.name} is damaged: a row has {len(row)} cells, not {len(types)}.")
            yield [
                unguard(cell) if each in ("text", "jsonb") else (cell or None)
                for cell, each in zip(row, types, strict=True)
            ]

    return columns, rows()


def _parquet(path: Path, memory: int) -> tuple[list[str], Iterator[list[Any]]]:
    with tempfile.TemporaryDirectory() as spill:
        duck = open_duck([path.resolve().parent], Path(spill), memory, 1)
        try:
            found = duck.execute(f"SELECT * FROM read_parquet({literal(path.resolve())}) LIMIT 0")
        except duckdb.Error:
            duck.close()
            raise WrongFile(f"{path.name} is no Parquet file that can be read.") from None
    columns = [each[0] for each in found.description or ()]
    moments = [name for name, each in _types(columns).items() if each == "timestamptz"]
    # As numbers: DuckDB hands out moments with a zone only where pytz is.
    shown = ", ".join(
        f'epoch_us("{name}") AS "{name}"' if name in moments else f'"{name}"' for name in columns
    )

    def rows() -> Iterator[list[Any]]:
        try:
            found = duck.execute(f"SELECT {shown} FROM read_parquet({literal(path.resolve())})")
            while portion := found.fetchmany(PORTION):
                for row in portion:
                    yield [
                        _moment(value) if name in moments else value
                        for name, value in zip(columns, row, strict=True)
                    ]
        finally:
            duck.close()

    return columns, rows()


def _types(columns: list[str]) -> Mapping[str, str]:
    """What the columns of an export hold; nothing where it is none."""
    found = kind_of(columns)
    return found[1].columns if found else {}


def _moment(number: int | None) -> datetime | None:
    return None if number is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=number)
