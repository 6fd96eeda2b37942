"""Records as a session would emit them, short to write in tests; times are seconds after `START`."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import dict_row

from tracker.contract.records import Attribution, Begin, EventRecord, Owner, Progress
from tracker.storing.entries import PAGE_VIEW, Entry, EventEntry, PageEntry

# A Tuesday noon of the week the tests run in, so that its partition exists.
_NOW = datetime.now(UTC)
START = (_NOW - timedelta(days=_NOW.weekday() - 1)).replace(hour=12, minute=0, second=0, microsecond=0)
SECOND, MINUTE, HOUR = 1.0, 60.0, 3600.0


def at(seconds: float) -> datetime:
    """A moment as Postgres gives it back."""
    return START + timedelta(seconds=seconds)


def begin(
    seconds: float = 0,
    *,
    site: int = 1,
    page: UUID | None = None,
    visitor: UUID | None = None,
    edge: int = 1,
    connection: int = 1,
    path: str = "/",
    title: str = "Title",
    engaged_ms: int = 0,
    server: str = "",
) -> Begin:
    return Begin(
        site_id=site,
        id=page or uuid4(),
        owner=Owner(edge, connection),
        began_at=START.timestamp() + seconds,
        path=path,
        attribution=Attribution(
            visitor or uuid4(), referrer="Google", browser="Chrome", country="DE", width=1440
        ),
        title=title,
        engaged_ms=engaged_ms,
        server=server,
    )


def progress(
    of: Begin,
    seconds: float,
    *,
    ended: bool = False,
    engaged_ms: int = 0,
    depth: int = 0,
    owner: Owner | None = None,
    title: str | None = None,
) -> Progress:
    return Progress(
        site_id=of.site_id,
        id=of.id,
        owner=owner or of.owner,
        at=START.timestamp() + seconds,
        engaged_ms=engaged_ms,
        depth=depth,
        ended=ended,
        title=title,
    )


def said(
    of: Begin, seconds: float, name: str = "signup", key: UUID | None = None, **properties: Any
) -> EventRecord:
    return EventRecord(
        site_id=of.site_id,
        id=key or uuid4(),
        page_view_id=of.id,
        at=START.timestamp() + seconds,
        name=name,
        properties=properties,
    )


Record = Begin | Progress | EventRecord


def ignore(stored: bool) -> None:
    """Nobody waits."""


def folded(*records: Record) -> list[Entry]:
    """One batch of what the buffer makes of these records."""
    entries: dict[Any, Entry] = {}
    for record in records:
        if isinstance(record, EventRecord):
            entry: Entry = EventEntry(record, [ignore])
            entries.setdefault(entry.key, entry)
            continue
        found = entries.get((PAGE_VIEW, record.site_id, record.id.int))
        if isinstance(found, PageEntry):
            if isinstance(record, Begin):
                found.claim(record, ignore)
            else:
                found.progress(record)
        else:
            entry = (
                PageEntry.of_begin(record, ignore)
                if isinstance(record, Begin)
                else PageEntry.of_progress(record)
            )
            entries[entry.key] = entry
    return list(entries.values())


def rows(connection: psycopg.Connection, table: str, site: int = 1) -> list[dict[str, Any]]:
    """All of a site's rows of one of the growing tables, in the order of time."""
    when = "at" if table == "tracker_event" else "began_at"
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            psycopg.sql.SQL("SELECT * FROM {} WHERE site_id = %s ORDER BY {}, id").format(
                psycopg.sql.Identifier(table), psycopg.sql.Identifier(when)
            ),
            [site],
        ).fetchall()
    connection.commit()
    return found
