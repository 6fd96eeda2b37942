"""Page views of logs into Postgres: each once, with their visits, and never live."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import psycopg

from analytics.access_logs.log_files import LogPlace
from analytics.access_logs.past_days import LOGGED_CONNECTION, LOGGED_EDGE
from analytics.access_logs.visit_spans import LoggedView, VisitSpan, place
from tracker.contract.records import Attribution
from tracker.contract.spans import LONGEST_PAGE_VIEW, VISIT_GAP
from tracker.postgres import partitions

# Any number that no other lock has.
LOCK: Final = 0x6C6F67
TAKE_LOCK = "SELECT pg_try_advisory_lock(%s, %s)"
FREE_LOCK = "SELECT pg_advisory_unlock(%s, %s)"
KNOWN = """
SELECT p.id FROM unnest(%s::uuid[], %s::timestamptz[]) s (id, began_at)
JOIN tracker_pageview p ON p.site_id = %s AND p.began_at = s.began_at AND p.id = s.id
WHERE p.began_at BETWEEN %s AND %s
"""
# Locked in the order of all who store.
VISITS = """
SELECT id, visitor, began_at, ended_at FROM tracker_visit
WHERE site_id = %s AND began_at > %s AND began_at < %s AND ended_at > %s AND visitor = ANY(%s)
ORDER BY site_id, id FOR NO KEY UPDATE
"""
GROW = """
UPDATE tracker_visit v
SET views = v.views + g.views, ended_at = greatest(v.ended_at, g.last_at),
    exit_path = CASE WHEN g.last_at >= v.ended_at THEN g.path ELSE v.exit_path END
FROM unnest(%s::uuid[], %s::timestamptz[], %s::integer[], %s::timestamptz[], %s::text[])
     AS g (id, began_at, views, last_at, path)
WHERE v.site_id = %s AND v.began_at = g.began_at AND v.id = g.id
"""
TOUCH = """
INSERT INTO tracker_touched (site_id, at)
SELECT DISTINCT %s::integer, date_bin('15 minutes', at, 'epoch') FROM unnest(%s::timestamptz[]) at
"""
MARK = """
INSERT INTO analytics_read_log (site_id, head, tail, "offset", lines, read_at)
VALUES (%s, %s, %s, %s, %s, now())
ON CONFLICT (site_id, head) DO UPDATE
SET tail = excluded.tail, "offset" = excluded."offset", lines = excluded.lines, read_at = excluded.read_at
"""
MARKED = 'SELECT "offset", lines, tail FROM analytics_read_log WHERE site_id = %s AND head = %s'
ATTRIBUTION: Final = tuple(name for name in Attribution.__struct_fields__ if name != "visitor")
SHARED: Final = f"visitor, {', '.join(ATTRIBUTION)}"
COPY_VIEWS = (
    "COPY tracker_pageview (site_id, edge, connection, began_at, ended_at, id, visit_id, engaged_ms, depth,"
    f" path, query, title, server, {SHARED}) FROM STDIN"
)
COPY_VISITS = (
    "COPY tracker_visit (site_id, id, began_at, ended_at, views, events, engaged_ms, entry_path, exit_path,"
    f" {SHARED}) FROM STDIN"
)


class LogStore:
    """What is stored of one site's logs, over a connection in autocommit."""

    def __init__(self, connection: psycopg.Connection, site_id: int) -> None:
        self._connection, self._site_id = connection, site_id

    def alone(self) -> bool:
        """Whether nobody else takes logs of the site meanwhile. Raises psycopg.Error."""
        row = self._connection.execute(TAKE_LOCK, [LOCK, self._site_id]).fetchone()
        return bool(row and row[0])

    def release(self) -> None:
        """Let others take logs of the site. Raises psycopg.Error."""
        self._connection.execute(FREE_LOCK, [LOCK, self._site_id])

    def place_of(self, head: bytes) -> LogPlace | None:
        """How far the log that begins so was read. Raises psycopg.Error."""
        row = self._connection.execute(MARKED, [self._site_id, head]).fetchone()
        return LogPlace(row[0], row[1], bytes(row[2])) if row else None

    def take(self, views: Sequence[LoggedView], head: bytes | None, at: LogPlace) -> list[LoggedView]:
        """Store page views, and how far the log is read, at once; the new ones. Raises psycopg.Error."""
        with self._connection.transaction():
            new = self._new(views) if views else []
            if new:
                self._store(new)
            if head:
                self._connection.execute(MARK, [self._site_id, head, at.tail, at.offset, at.lines])
        if new:
            with self._connection.transaction():
                partitions.ensure(self._connection.cursor(), datetime.now(UTC))
        return new

    def _new(self, views: Sequence[LoggedView]) -> list[LoggedView]:
        """Those that are not stored, each once."""
        by_id = {view.begin.id: view for view in views}
        began = [view.began for view in by_id.values()]
        asked = [list(by_id), began, self._site_id, min(began), max(began)]
        for (known,) in self._connection.execute(KNOWN, asked):
            del by_id[known]
        return list(by_id.values())

    def _store(self, views: list[LoggedView]) -> None:
        first, last = min(view.began for view in views), max(view.began for view in views)
        visitors = list({view.begin.attribution.visitor for view in views})
        asked = [self._site_id, first - LONGEST_PAGE_VIEW, last + VISIT_GAP, first - VISIT_GAP, visitors]
        spans = [VisitSpan(*row) for row in self._connection.execute(VISITS, asked)]
        stored = {span.id: span for span in spans}
        placed = place(views, spans)
        with self._connection.cursor().copy(COPY_VIEWS) as into:
            for view in views:
                into.write_row(self._view_row(view))
        with self._connection.cursor().copy(COPY_VISITS) as into:
            for own, pages in placed.items():
                if own not in stored:
                    into.write_row(self._visit_row(pages))
        grown = [(stored[own], pages) for own, pages in placed.items() if own in stored]
        if grown:
            columns = [
                [visit.id for visit, _ in grown],
                [visit.began for visit, _ in grown],
                [len(pages) for _, pages in grown],
                [pages[-1].began for _, pages in grown],
                [pages[-1].begin.path for _, pages in grown],
            ]
            self._connection.execute(GROW, [*columns, self._site_id])
        self._connection.execute(TOUCH, [self._site_id, [view.began for view in views]])

    def _view_row(self, view: LoggedView) -> list[Any]:
        begin = view.begin
        return [
            *(self._site_id, LOGGED_EDGE, LOGGED_CONNECTION, view.began, view.began, begin.id, view.visit),
            *(0, 0, begin.path, begin.query, begin.title, begin.server, *_shared(begin.attribution)),
        ]

    def _visit_row(self, pages: list[LoggedView]) -> list[Any]:
        first, last = pages[0], pages[-1]
        return [
            *(self._site_id, first.begin.id, first.began, last.began, len(pages), 0, 0),
            *(first.begin.path, last.begin.path, *_shared(first.begin.attribution)),
        ]


def _shared(attribution: Attribution) -> list[Any]:
    return [attribution.visitor, *(getattr(attribution, name) for name in ATTRIBUTION)]
