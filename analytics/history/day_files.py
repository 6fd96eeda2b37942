"""A day's page views and events as column files: the one form in which the past is asked.

Rows lie in the order of visitor, visit and time, with small numbers for visitors, visits and page views, and
what the visit and the visitor's day say stands in each row: so most questions count flags and sort nothing.
Visitors lie in the order of device, country and browser.
The visit's attribution is that of its first page view, for all its page views. Open days take the same form.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psycopg
from psycopg import sql

from analytics.history.day_format import EVENTS, VIEWS
from analytics.history.day_rows import EVENTS_AFTER, EVENTS_BEFORE
from analytics.history.duck import literal, open_duck
from analytics.history.local_days import LocalDay, micros

# A file of a million rows is some 20 MB: fetched, stored and held in memory in one piece.
PART_ROWS = 1_000_000
ORDER = {VIEWS: "view", EVENTS: "event"}
# Numbers as differences, and packed: 29.5 B a page view where version 1 took 33.9 in the same time.
LASTING = "PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 6"
PASSING = "PARQUET_VERSION v2, COMPRESSION lz4_raw"
# How much of the attribution stands for the visit.
ATTRIBUTION = (
    *("referrer", "referrer_url", "channel", "browser", "system", "device", "country", "language"),
    *("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"),
)
RAW_VIEWS = {
    "id": "UUID",
    "visit_id": "UUID",
    "visitor": "UUID",
    "began_at": "TIMESTAMP",
    "ended_at": "TIMESTAMP",
    "engaged_ms": "BIGINT",
    "depth": "SMALLINT",
    "width": "INTEGER",
    "path": "VARCHAR",
    "query": "VARCHAR",
    "title": "VARCHAR",
    **dict.fromkeys(ATTRIBUTION, "VARCHAR"),
    "server": "VARCHAR",
}
RAW_EVENTS = {
    "id": "UUID",
    "page_view_id": "UUID",
    "at": "TIMESTAMP",
    "name": "VARCHAR",
    "properties": "VARCHAR",
    "value": "DOUBLE",
}

# Times as UTC without a zone: so neither side needs to know any.
MOMENTS = {"began_at", "ended_at", "at"}
COPY = """
COPY (SELECT {columns} FROM {table} WHERE site_id = {site} AND {when} >= {since} AND {when} < {before})
TO STDOUT (FORMAT csv, FORCE_QUOTE ({texts}))
"""
# Visitors who are alike lie together: a filter by any of these passes over the others' rows unread.
CLUSTERED = ", ".join(f"arg_min({name}, n)" for name in ("device", "country", "browser"))
# What is sorted, or numbered, is narrow: whole rows on their way through a window take three times as long.
ROWS = f"""
CREATE TABLE numbered AS SELECT id, row_number() OVER (ORDER BY began_at, id) AS n FROM raw_views;

CREATE TABLE visit AS
WITH said AS (SELECT e.page_view_id, count(*) AS events FROM raw_events e GROUP BY ALL),
grouped AS (
    SELECT r.visit_id, min(o.n) AS n, max(o.n) AS last, epoch_us(min(r.began_at)) AS visit_began,
           epoch_us(max(coalesce(r.ended_at, r.began_at + to_milliseconds(r.engaged_ms)))) AS visit_ended,
           count(*) AS visit_views, sum(r.engaged_ms)::BIGINT AS visit_engaged_ms,
           coalesce(sum(s.events), 0)::INTEGER AS visit_events
    FROM raw_views r JOIN numbered o USING (id) LEFT JOIN said s ON s.page_view_id = r.id
    GROUP BY r.visit_id
), named AS (
    SELECT g.*, f.visitor, f.path AS entry_page, f.width, {", ".join(f"f.{name}" for name in ATTRIBUTION)}
    FROM grouped g JOIN numbered o USING (n) JOIN raw_views f ON f.id = o.id
), people AS (
    SELECT visitor, row_number() OVER (ORDER BY {CLUSTERED}, min(n)) AS visitor_number
    FROM named GROUP BY visitor
), placed AS (
    SELECT g.visit_id, p.visitor_number, row_number() OVER (ORDER BY p.visitor_number, g.n) AS visit_number
    FROM named g JOIN people p USING (visitor)
)
SELECT g.*, l.path AS exit_page, p.visitor_number, p.visit_number
FROM named g JOIN placed p USING (visit_id) JOIN numbered o ON o.n = g.last JOIN raw_views l ON l.id = o.id;

CREATE TABLE placed AS
SELECT r.id, v.visit_id, v.visitor_number, v.visit_number, r.path,
       row_number() OVER (ORDER BY v.visit_number, r.began_at, r.id) AS view_number
FROM raw_views r JOIN visit v USING (visit_id);
"""

WRITE_VIEWS = f"""
WITH said AS (
    SELECT page_view_id, count(*) AS events, sum(value) AS event_value FROM raw_events GROUP BY ALL
), flagged AS (
    SELECT id, visitor_number, visit_number, view_number,
           visitor_number IS DISTINCT FROM lag(visitor_number) OVER in_order AS first,
           visit_number IS DISTINCT FROM lag(visit_number) OVER in_order AS entry,
           row_number() OVER (PARTITION BY visitor_number, path ORDER BY view_number) = 1 AS first_on_page,
           row_number() OVER (PARTITION BY visit_number, path ORDER BY view_number) = 1 AS entry_on_page
    FROM placed WINDOW in_order AS (ORDER BY view_number)
)
SELECT {{day}}::DATE AS day, (p.visitor_number + {{visitors}})::UINTEGER AS visitor,
       (p.visit_number + {{visits}})::UINTEGER AS visit, (p.view_number + {{views}})::UINTEGER AS view,
       p.first, p.entry, p.first_on_page, p.entry_on_page,
       epoch_us(r.began_at) AS began, epoch_us(r.ended_at) AS ended, {{offset}}::INTEGER AS utc_offset,
       r.engaged_ms::INTEGER AS engaged_ms, r.depth::SMALLINT AS depth,
       coalesce(s.events, 0)::INTEGER AS events, coalesce(s.event_value, 0) AS event_value,
       v.visit_began, v.visit_ended, v.visit_views::INTEGER AS visit_views, v.visit_events,
       v.visit_engaged_ms, r.path AS page, r.query, r.title, v.entry_page, v.exit_page, v.width,
       {", ".join(f"v.{name}" for name in ATTRIBUTION)}, r.server
FROM flagged p JOIN raw_views r USING (id) JOIN visit v USING (visit_id)
     LEFT JOIN said s ON s.page_view_id = p.id
"""
WRITE_EVENTS = """
SELECT {day}::DATE AS day, (r.visitor_number + {visitors})::UINTEGER AS visitor,
       (r.visit_number + {visits})::UINTEGER AS visit, (r.view_number + {views})::UINTEGER AS view,
       row_number() OVER (ORDER BY r.view_number, e.at, e.id) AS event, epoch_us(e.at) AS moment,
       e.name, e.properties, e.value
FROM raw_events e JOIN placed r ON r.id = e.page_view_id
"""


@dataclass(frozen=True)
class DayFile:
    """A file that was made of a day."""

    kind: str
    part: int
    rows: int
    path: Path


@dataclass(frozen=True)
class Numbers:
    """The highest numbers that earlier parts of a day have given away."""

    visitors: int = 0
    visits: int = 0
    views: int = 0
    parts: int = 0


NONE_YET = Numbers()


def read_raw(connection: psycopg.Connection, site_id: int, day: LocalDay, folder: Path) -> None:
    """Copy a day's page views, and what may be its events, out of Postgres into two CSV files.

    Streams; runs inside the caller's transaction. Raises psycopg.Error, OSError.
    """
    spans = {
        VIEWS: ("tracker_pageview", "began_at", RAW_VIEWS, day.begins, day.ends),
        EVENTS: ("tracker_event", "at", RAW_EVENTS, day.begins - EVENTS_BEFORE, day.ends + EVENTS_AFTER),
    }
    for kind, (table, when, columns, since, before) in spans.items():
        statement = sql.SQL(COPY).format(
            columns=sql.SQL(", ").join(map(_raw_column, columns)),
            table=sql.Identifier(table),
            site=sql.Literal(site_id),
            when=sql.Identifier(when),
            since=sql.Literal(since.isoformat()),
            before=sql.Literal(before.isoformat()),
            texts=sql.SQL(", ").join(
                sql.Identifier(name) for name, type_name in columns.items() if type_name == "VARCHAR"
            ),
        )
        with (folder / f"{kind}.csv").open("wb") as file, connection.cursor().copy(statement) as rows:
            for block in rows:
                file.write(block)


def _raw_column(name: str) -> sql.Composable:
    if name in MOMENTS:
        return sql.SQL("{} AT TIME ZONE 'UTC' AS {}").format(sql.Identifier(name), sql.Identifier(name))
    return sql.Identifier(name)


def make_files(
    folder: Path,
    day: LocalDay,
    memory: int,
    threads: int = 1,
    after: Numbers = NONE_YET,
    lasting: bool = True,
) -> list[DayFile]:
    """Make a day's column files of what `read_raw` left in `folder`; none where there was no page view.

    `lasting`: packed as well as is worth while, else quickly. Raises duckdb.Error.
    """
    with open_duck([folder], folder, memory, threads) as duck:
        for kind, columns in ((VIEWS, RAW_VIEWS), (EVENTS, RAW_EVENTS)):
            duck.execute(f"CREATE TABLE raw_{kind} AS SELECT * FROM {_csv(folder / f'{kind}.csv', columns)}")
            (folder / f"{kind}.csv").unlink()
        return write_files(duck, folder, day, after, lasting)


def write_files(
    duck: duckdb.DuckDBPyConnection,
    folder: Path,
    day: LocalDay,
    after: Numbers = NONE_YET,
    lasting: bool = True,
) -> list[DayFile]:
    """Write a day's column files of the tables `raw_views` and `raw_events`, as `make_files` does.

    Raises duckdb.Error.
    """
    duck.execute("DELETE FROM raw_events WHERE page_view_id NOT IN (SELECT id FROM raw_views)")
    duck.execute(ROWS)
    values = {
        "day": literal(day.day),
        "offset": _offset(day),
        "visitors": after.visitors,
        "visits": after.visits,
        "views": after.views,
    }
    written = LASTING if lasting else PASSING
    return [
        *_write(duck, folder, VIEWS, WRITE_VIEWS.format(**values), written, after.views, after.parts),
        *_write(duck, folder, EVENTS, WRITE_EVENTS.format(**values), written, 0, after.parts),
    ]


def _csv(path: Path, columns: dict[str, str]) -> str:
    types = ", ".join(f"{literal(name)}: {literal(type_name)}" for name, type_name in columns.items())
    return (
        f"read_csv({literal(path)}, columns = {{{types}}}, auto_detect = false, header = false, delim = ',',"
        " quote = '\"', escape = '\"', new_line = '\\n', nullstr = '', allow_quoted_nulls = false,"
        " max_line_size = 16777216)"
    )


def _offset(day: LocalDay) -> str:
    (_, first), *later = day.offsets
    cases = "".join(
        f" WHEN epoch_us(r.began_at) >= {micros(since)} THEN {seconds}" for since, seconds in reversed(later)
    )
    return f"CASE{cases} ELSE {first} END" if cases else str(first)


def _write(
    duck: duckdb.DuckDBPyConnection,
    folder: Path,
    kind: str,
    rows: str,
    written: str,
    numbers: int,
    first_part: int,
) -> Iterator[DayFile]:
    """`numbers`: the highest number of earlier parts."""
    (count,) = duck.execute(f"SELECT count(*) FROM raw_{kind}").fetchone() or (0,)
    order = ORDER[kind]
    for number, start in enumerate(range(0, count, PART_ROWS)):
        part = f"SELECT * FROM ({rows})"
        if count > PART_ROWS:
            part += f" WHERE {order} > {numbers + start} AND {order} <= {numbers + start + PART_ROWS}"
        path = folder / f"{kind}-{first_part + number}.parquet"
        duck.execute(f"COPY ({part} ORDER BY {order}) TO {literal(path)} (FORMAT parquet, {written})")
        yield DayFile(kind, first_part + number, min(PART_ROWS, count - start), path)
