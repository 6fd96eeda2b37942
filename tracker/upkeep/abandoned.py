"""Page views that nobody ends: those of edges that died without goodbye, and those that are a day old.

They are ended as an edge ends them, by `tracker.storing.store` and in the name of the connection that owns
them, so that whoever claims one meanwhile keeps it.
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from tracker.contract.records import Owner, Progress
from tracker.contract.spans import LONGEST_PAGE_VIEW
from tracker.postgres.connect import connect
from tracker.storing.entries import PageEntry
from tracker.storing.store import Store

DEAD_AFTER = timedelta(seconds=60)
# What the very first look for day-old page views covers; later ones go on where the last one ended.
FIRST_LOOK = timedelta(days=8)
PORTION = 1000

DEAD = "SELECT id, beat_at FROM tracker_edge WHERE seen_at < clock_timestamp() - %s"
STILL_DEAD = "SELECT FROM tracker_edge WHERE id = %s AND seen_at < clock_timestamp() - %s FOR UPDATE"
FORGET = "DELETE FROM tracker_edge WHERE id = %s AND seen_at < clock_timestamp() - %s"
OPEN = """
SELECT site_id, id, edge, connection, began_at, engaged_ms, depth FROM tracker_pageview WHERE ended_at IS NULL
"""
OPEN_OF_EDGE = OPEN + "AND edge = %s AND began_at > %s"
OPEN_BETWEEN = OPEN + "AND began_at >= %s AND began_at < %s"
LOOKED = "SELECT at FROM tracker_watermark WHERE job = 'day-old'"
LOOK = """
INSERT INTO tracker_watermark (job, at) VALUES ('day-old', %s)
ON CONFLICT (job) DO UPDATE SET at = excluded.at
"""


class UnendedPageView(NamedTuple):
    """A page view that is stored as open."""

    site_id: int
    id: UUID
    edge: int
    connection: int
    began_at: datetime
    engaged_ms: int
    depth: int

    def ended(self, at: datetime) -> PageEntry:
        """Its end at `at`, or later if it was engaged for longer: an edge beats only every few seconds."""
        engaged_until = self.began_at + timedelta(milliseconds=self.engaged_ms)
        return PageEntry.of_progress(
            Progress(
                site_id=self.site_id,
                id=self.id,
                owner=Owner(self.edge, self.connection),
                at=max(at, engaged_until).timestamp(),
                engaged_ms=self.engaged_ms,
                depth=self.depth,
                ended=True,
            )
        )


def end_of_dead_edges(connection: psycopg.Connection) -> None:
    """End the page views of edges whose last beat is 60 s old, dated to that beat."""
    for edge, beat_at in connection.execute(DEAD, [DEAD_AFTER]).fetchall():
        pages = _open(connection, OPEN_OF_EDGE, [edge, beat_at - LONGEST_PAGE_VIEW])
        if not _end(pages, {page.id: beat_at for page in pages}, edge):
            continue  # it lives after all
        connection.execute(FORGET, [edge, DEAD_AFTER])


def end_of_the_day(connection: psycopg.Connection, now: datetime) -> None:
    """End the page views that have been open for 24 hours, at their 24th."""
    looked = connection.execute(LOOKED).fetchone()
    since, before = (looked[0] if looked else now - FIRST_LOOK), now - LONGEST_PAGE_VIEW
    if since < before:
        pages = _open(connection, OPEN_BETWEEN, [since, before])
        _end(pages, {page.id: page.began_at + LONGEST_PAGE_VIEW for page in pages})
    # Back, too, where a clock was ahead.
    connection.execute(LOOK, [before])


def _open(connection: psycopg.Connection, query: str, params: list[object]) -> list[UnendedPageView]:
    with connection.cursor(row_factory=class_row(UnendedPageView)) as cursor:
        return cursor.execute(query, params).fetchall()


def _end(pages: list[UnendedPageView], at: dict[UUID, datetime], dead_edge: int | None = None) -> bool:
    """End page views in portions; False if their edge turned out to be alive.

    An edge beats before it writes, and the lock on its row makes that beat wait for the portion: so
    either it is seen to live, or its own, later ends are what counts.
    """
    if not pages:
        return True
    with connect() as connection:
        store = Store(connection)
        for start in range(0, len(pages), PORTION):
            with connection.transaction():
                if dead_edge is not None:
                    locked = connection.execute(STILL_DEAD, [dead_edge, DEAD_AFTER])
                    if not locked.rowcount:
                        return False
                store.write(page.ended(at[page.id]) for page in pages[start : start + PORTION])
    return True
