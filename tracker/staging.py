"""The way of entries into Postgres: temporary tables of the writer's connection, filled by COPY.

In binary: 1,000 page views take 7 ms where the text format takes 17, and lines put together by hand 22.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from operator import attrgetter

import psycopg
from psycopg.types.json import Jsonb

from tracker.entries import LONGEST_SECONDS, EventEntry, PageEntry

ORIGIN_TEXTS = (
    "referrer",
    "referrer_url",
    "channel",
    "browser",
    "system",
    "device",
    "country",
    "language",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
)
TEXTS = ("path", "query", "title", *ORIGIN_TEXTS)

PAGE_COLUMNS = {
    "site_id": "int4",
    "id": "uuid",
    "edge": "int8",
    "connection": "int4",
    "begun_at": "timestamptz",
    "claimed_at": "timestamptz",
    "sign_at": "timestamptz",
    "ended_at": "timestamptz",
    "engaged_ms": "int8",
    "depth": "int8",
    "visitor": "uuid",
    "width": "int4",
    **dict.fromkeys(TEXTS, "text"),
}
EVENT_COLUMNS = {
    "site_id": "int4",
    "id": "uuid",
    "page_view_id": "uuid",
    "at": "timestamptz",
    "value": "float8",
    "name": "text",
    "properties": "jsonb",
}

# Indexed, because the writer joins by nested loops only (see tracker.store).
TABLES = f"""
CREATE TEMPORARY TABLE staged_page (
    {", ".join(f"{name} {kind}" for name, kind in PAGE_COLUMNS.items())},
    known_at timestamptz, visit_id uuid, visit_began_at timestamptz,
    PRIMARY KEY (site_id, id)
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE staged_event (
    {", ".join(f"{name} {kind}" for name, kind in EVENT_COLUMNS.items())},
    PRIMARY KEY (site_id, id)
) ON COMMIT DELETE ROWS;
-- What this batch changes about visits that exist.
CREATE TEMPORARY TABLE staged_sign (
    site_id integer, visitor uuid, visit_id uuid, visit_began_at timestamptz,
    last_at timestamptz, ended_at timestamptz, engaged_ms bigint, events integer
) ON COMMIT DELETE ROWS;
CREATE INDEX ON staged_sign (site_id, visitor);
-- The open visits of this batch's visitors, locked.
CREATE TEMPORARY TABLE staged_visit (
    site_id integer, visitor uuid, visit_id uuid, visit_began_at timestamptz, last_at timestamptz,
    PRIMARY KEY (site_id, visitor)
) ON COMMIT DELETE ROWS;
"""

Row = tuple[object, ...]

_NO_BEGIN: Row = (None,) * (2 + len(TEXTS))
_said = attrgetter("path", "query", "title")
_origin_texts = attrgetter(*ORIGIN_TEXTS)


def stage_pages(cursor: psycopg.Cursor, entries: Iterable[PageEntry]) -> None:
    """Copy page views into `staged_page`. Raises UnicodeEncodeError, ValueError, psycopg.Error."""
    ordered = sorted(entries, key=lambda entry: (entry.site_id, entry.id.int))
    _copy(cursor, "staged_page", PAGE_COLUMNS, map(_page, ordered))


def stage_events(cursor: psycopg.Cursor, entries: Iterable[EventEntry]) -> None:
    """Copy events into `staged_event`. Raises UnicodeEncodeError, ValueError, psycopg.Error."""
    ordered = sorted(entries, key=lambda entry: (entry.said.site_id, entry.said.id.int))
    _copy(cursor, "staged_event", EVENT_COLUMNS, map(_event, ordered))


def _copy(cursor: psycopg.Cursor, table: str, columns: dict[str, str], rows: Iterable[Row]) -> None:
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(list(columns.values()))
        for row in rows:
            copy.write_row(row)


def _page(entry: PageEntry) -> Row:
    begin, ended_at = entry.begin, entry.ended_at
    if begin is None:
        begun, rest = None, _NO_BEGIN
    else:
        begun, origin = begin.began_at, begin.origin
        rest = (origin.visitor, origin.width, *_said(begin), *_origin_texts(origin))
        if ended_at is not None:
            ended_at = min(max(ended_at, begun), begun + LONGEST_SECONDS)
    return (
        entry.site_id,
        entry.id,
        entry.owner.edge,
        entry.owner.connection,
        _time(begun),
        _time(begun if entry.claimed_at is None else entry.claimed_at),
        _time(entry.sign_at),
        _time(ended_at),
        entry.engaged_ms,
        entry.depth,
        *rest,
    )


def _event(entry: EventEntry) -> Row:
    said = entry.said
    return (
        said.site_id,
        said.id,
        said.page_view_id,
        _time(said.at),
        said.value,
        said.name,
        Jsonb(said.properties),
    )


def _time(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)
