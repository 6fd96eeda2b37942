"""The way of entries into Postgres: temporary tables of the writer's connection, filled by COPY.

Rows are put together here rather than by psycopg's adapters, which cost three times as much CPU.
"""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime

import psycopg

from tracker.entries import LONGEST_SECONDS, EventEntry, PageEntry
from tracker.records import Begin

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

# Indexed, because the writer joins by nested loops only (see tracker.store).
TABLES = f"""
CREATE TEMPORARY TABLE staged_page (
    site_id integer, id uuid, edge bigint, connection integer,
    begun_at timestamptz, sign_at timestamptz, ended_at timestamptz,
    engaged_ms bigint, depth bigint, visitor uuid, width integer,
    {" text, ".join(TEXTS)} text,
    known_at timestamptz, visit_id uuid, visit_began_at timestamptz,
    PRIMARY KEY (site_id, id)
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE staged_event (
    site_id integer, id uuid, page_view_id uuid, at timestamptz, value double precision,
    name text, properties jsonb,
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

COPY_PAGES = f"""
COPY staged_page (site_id, id, edge, connection, begun_at, sign_at, ended_at, engaged_ms, depth,
                  visitor, width, {", ".join(TEXTS)}) FROM STDIN
"""
COPY_EVENTS = "COPY staged_event (site_id, id, page_view_id, at, value, name, properties) FROM STDIN"

NULL = r"\N"
NO_BEGIN = "\t".join([NULL] * (2 + len(TEXTS)))
SPECIAL = re.compile(r"[\\\t\n\r]")
ESCAPES = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}


def stage_pages(cursor: psycopg.Cursor, entries: Iterable[PageEntry]) -> None:
    """Copy page views into `staged_page`. Raises UnicodeEncodeError, ValueError, psycopg.Error."""
    ordered = sorted(entries, key=lambda entry: (entry.site_id, entry.id.int))
    _copy(cursor, COPY_PAGES, map(_page_line, ordered))


def stage_events(cursor: psycopg.Cursor, entries: Iterable[EventEntry]) -> None:
    """Copy events into `staged_event`. Raises UnicodeEncodeError, ValueError, psycopg.Error."""
    ordered = sorted(entries, key=lambda entry: (entry.said.site_id, entry.said.id.int))
    _copy(cursor, COPY_EVENTS, map(_event_line, ordered))


def _copy(cursor: psycopg.Cursor, statement: str, lines: Iterable[str]) -> None:
    data = "".join(lines).encode()
    with cursor.copy(statement) as copy:
        copy.write(data)


def _page_line(entry: PageEntry) -> str:
    begin, ended_at = entry.begin, entry.ended_at
    if begin is None:
        begun, rest = NULL, NO_BEGIN
    else:
        begun, rest = _time(begin.began_at), _begin_columns(begin)
        if ended_at is not None:
            ended_at = min(max(ended_at, begin.began_at), begin.began_at + LONGEST_SECONDS)
    return (
        f"{entry.site_id}\t{entry.id.hex}\t{entry.owner.edge}\t{entry.owner.connection}\t{begun}\t"
        f"{_time(entry.sign_at)}\t{_time(ended_at)}\t"
        f"{entry.engaged_ms}\t{entry.depth}\t{rest}\n"
    )


def _begin_columns(begin: Begin) -> str:
    origin = begin.origin
    texts = [begin.path, begin.query, begin.title, *(getattr(origin, name) for name in ORIGIN_TEXTS)]
    return f"{origin.visitor.hex}\t{origin.width}\t{_texts(texts)}"


def _event_line(entry: EventEntry) -> str:
    said = entry.said
    properties = json.dumps(said.properties, ensure_ascii=False)
    return (
        f"{said.site_id}\t{said.id.hex}\t{said.page_view_id.hex}\t{_time(said.at)}\t"
        f"{NULL if said.value is None else repr(float(said.value))}\t{_texts([said.name, properties])}\n"
    )


def _texts(texts: list[str]) -> str:
    if SPECIAL.search("".join(texts)):
        texts = [SPECIAL.sub(lambda found: ESCAPES[found[0]], text) for text in texts]
    return "\t".join(texts)


def _time(at: float | None) -> str:
    return NULL if at is None else datetime.fromtimestamp(at, UTC).isoformat()
