"""New page views and visits as rows of COPY, in binary."""

from collections.abc import Iterable, Sequence
from operator import attrgetter

import psycopg

from tracker.visits import NewPage
from tracker.wire import moment

# What the columns are on the wire: ids their 16 bytes, times the number that Postgres counts.
ID, MOMENT = "bytea", "int8"
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
PAGE_COLUMNS = {
    "site_id": "int4",
    "id": ID,
    "visit_id": ID,
    "edge": "int8",
    "connection": "int4",
    "began_at": MOMENT,
    "claimed_at": MOMENT,
    "ended_at": MOMENT,
    "engaged_ms": "int4",
    "depth": "int2",
    "path": "text",
    "query": "text",
    "title": "text",
    "visitor": ID,
    "width": "int4",
    **dict.fromkeys(ORIGIN_TEXTS, "text"),
}
VISIT_COLUMNS = {
    "site_id": "int4",
    "id": ID,
    "began_at": MOMENT,
    "ended_at": MOMENT,
    "views": "int4",
    "events": "int4",
    "engaged_ms": "int8",
    "entry_path": "text",
    "exit_path": "text",
    "visitor": ID,
    "width": "int4",
    **dict.fromkeys(ORIGIN_TEXTS, "text"),
}

Row = tuple[object, ...]

_origin_texts = attrgetter(*ORIGIN_TEXTS)


def copy_pages(cursor: psycopg.Cursor, pages: Iterable[NewPage]) -> None:
    """Store page views. Raises UnicodeEncodeError, ValueError, psycopg.Error."""
    _copy(cursor, "tracker_pageview", PAGE_COLUMNS, map(_page, pages))


def copy_visits(cursor: psycopg.Cursor, visits: Iterable[Sequence[NewPage]]) -> None:
    """Store visits that begin, each given by its page views in their order. Raises as `copy_pages`."""
    _copy(cursor, "tracker_visit", VISIT_COLUMNS, map(_visit, visits))


def _copy(cursor: psycopg.Cursor, table: str, columns: dict[str, str], rows: Iterable[Row]) -> None:
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(list(columns.values()))
        for row in rows:
            copy.write_row(row)


def _page(page: NewPage) -> Row:
    entry, begin, origin = page.entry, page.begin, page.begin.origin
    claimed = None if entry.claimed_at is None else moment(entry.claimed_at)
    return (
        entry.site_id,
        page.id,
        page.visit.id,
        entry.owner.edge,
        entry.owner.connection,
        page.began,
        None if claimed == page.began else claimed,
        page.ended,
        page.engaged_ms,
        max(0, min(entry.depth, 100)),
        begin.path,
        begin.query,
        begin.title,
        origin.visitor.bytes,
        origin.width,
        *_origin_texts(origin),
    )


def _visit(pages: Sequence[NewPage]) -> Row:
    first, last = pages[0], pages[-1]
    origin = first.begin.origin
    return (
        first.entry.site_id,
        first.id,
        first.began,
        max(page.last for page in pages),
        len(pages),
        0,
        sum(page.engaged_ms for page in pages),
        first.begin.path,
        last.begin.path,
        origin.visitor.bytes,
        origin.width,
        *_origin_texts(origin),
    )
