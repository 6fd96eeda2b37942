"""Stores one batch of entries in one transaction: COPY for what is new, a handful of statements for the rest.

Writing is idempotent: a batch written twice (the connection was lost during COMMIT) changes nothing the
second time. Which is why a batch may be tried again after any failure, whole or in parts.
"""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import psycopg
from msgspec.structs import replace

from tracker.contract.records import Placed, VisitSource
from tracker.contract.spans import TOUCHES_AFTER
from tracker.postgres.binary import date_of, integer, integers, moment
from tracker.postgres.libpq import Direct
from tracker.postgres.partitions import WEEK, midnight, week_of
from tracker.rollups import minutes
from tracker.storing import copy_rows, parameters
from tracker.storing import statements as sql
from tracker.storing.entries import EVENT, Entry, EventEntry, Key, PageEntry
from tracker.storing.parameters import Named
from tracker.storing.visit_sources import VisitSources, read_source
from tracker.storing.visits import (
    GAP,
    LONGEST,
    MICROSECOND,
    Growth,
    NewPage,
    StoredVisit,
    VisitName,
    VisitorPages,
    by_visit,
    growth,
    latest,
    place,
    visitors,
)

# Small batches against large tables: nested loops over indexes are right however the tables grow, and
# plans made while a partition was empty stay right when it is not. Compiling would cost more than it saves.
PLANNER = """
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off; SET jit = off;
SET plan_cache_mode = force_generic_plan;
"""

TOUCHES = TOUCHES_AFTER // MICROSECOND


class Store:
    """The write side of one connection; not for use by two threads."""

    def __init__(self, connection: psycopg.Connection) -> None:
        """Prepare the connection (autocommit off). Raises psycopg.Error."""
        self._connection = connection
        self._direct = Direct(connection)
        self._sources = VisitSources()
        self.placed: list[Placed] = []  # the page views of the last batch that began, or were claimed
        connection.execute(PLANNER)
        connection.commit()

    def write(self, entries: Iterable[Entry]) -> set[Key]:
        """Store a batch (each page view and event at most once in it) and commit.

        Returns the keys of events whose page view nobody knows; they are not stored. Raises psycopg.Error,
        struct.error, OverflowError or ValueError with nothing stored, but for a connection lost during
        COMMIT, when the batch is stored or not.
        """
        pages: list[Named] = []
        events: list[EventEntry] = []
        for entry in entries:
            if isinstance(entry, PageEntry):
                pages.append((entry.site_id, entry.id.bytes, entry))
            else:
                events.append(entry)
        pages.sort()
        with self._direct.transaction():
            batch = _Batch(self._direct, self._sources)
            if pages:
                batch.pages(pages)
            orphans = batch.events(events) if events else set()
            batch.settle()
            batch.touch(pages, events)
            if pages:
                # Last of all locks: it may have to wait for jobs.
                minutes.stored(self._connection.cursor(), _earliest(pages), datetime.now(UTC))
        self._sources.forget()
        self.placed = batch.placed
        return orphans


class _Batch:
    """What is on its way, and what is found out about it."""

    def __init__(self, direct: Direct, sources: VisitSources) -> None:
        self.placed: list[Placed] = []
        self._direct = direct
        self._sources = sources
        self._known: list[Named] = []
        self._began: list[int] = []  # the first and the last begin of what is known
        self._oldest_new: int | None = None
        self._growth: list[Growth] = []

    def pages(self, entries: Sequence[Named]) -> None:
        """Store the page views that are new; keep the known ones for `settle`."""
        new = self._tell_apart(entries)
        self._place_claims()
        if not new:
            return
        self._oldest_new = min(page.began for page in new)
        people = visitors(new)
        self._place(people)
        self._source(people)
        self._direct.run(sql.REMEMBER, parameters.memories(new))
        self._direct.copy(copy_rows.COPY_PAGES, copy_rows.page_views(new))
        begun, others = by_visit(page for each in people for page in each.pages)
        if begun:
            self._direct.copy(copy_rows.COPY_VISITS, copy_rows.visits(begun))
        self._growth += map(growth, others)

    def events(self, entries: Sequence[EventEntry]) -> set[Key]:
        """Store events; returns the keys of those whose page view nobody knows."""
        given = parameters.events(entries)
        # First, since an event must never be neither: its page view may be committed between two looks.
        rows = self._direct.run(sql.ORPHANS, given)
        orphans = {(EVENT, integer(site), int.from_bytes(event)) for site, event in rows}
        if orphans:
            given = parameters.events([entry for entry in entries if entry.key not in orphans])
        self._growth += [
            Growth(integer(site), VisitName(visit, integer(began)), events=integer(count))
            for site, visit, began, count in self._direct.run(sql.STORE_EVENTS, given)
        ]
        return orphans

    def settle(self) -> None:
        """Settle the page views that are known, and let visits grow."""
        began = self._began + [each.visit.began for each in self._growth]
        if began:
            given = parameters.signs(self._known) | parameters.growth(self._growth)
            self._direct.run(_within(sql.SETTLE, began), given)

    def touch(self, pages: Sequence[Named], events: Sequence[EventEntry]) -> None:
        """Say of which past days something was stored, so that they are sealed again."""
        oldest = [*self._began, *(each.visit.began for each in self._growth)]
        if self._oldest_new is not None:
            oldest.append(self._oldest_new)
        if oldest and min(oldest) < moment(time.time()) - TOUCHES:
            self._direct.run(sql.TOUCH, parameters.touched(pages, events))

    def _tell_apart(self, entries: Sequence[Named]) -> list[NewPage]:
        ((first, last, numbers),) = self._direct.run(sql.KNOW, parameters.ids(entries))
        claims = set(integers(numbers))
        self._began = [integer(first), integer(last)] if first else []
        new = []
        for number, named in enumerate(entries, 1):
            _, page_id, entry = named
            if entry.begin and number not in claims:
                new.append(NewPage.of(page_id, entry, entry.begin))
            elif first:
                self._known.append(named)
        return new

    def _source(self, people: Sequence[VisitorPages]) -> None:
        """Give new page views the sources of their visits: those of the visits' first page views."""
        pages = [page for each in people for page in each.pages]
        begun = [page for page in pages if page.id == page.visit.id]
        if len(begun) < len(pages):
            named = {page.id for page in begun}
            going_on = [page for page in pages if page.visit.id not in named]
            self._sources.learn([(page.entry.site_id, page.visit) for page in going_on], self._ask_sources)
            # Those that begin visits first, since others of the batch may follow them.
            begun += [page for page in pages if page.id != page.visit.id]
        self.placed += map(self._sources.place, begun)

    def _place_claims(self) -> None:
        """Find the visits of page views that are claimed: their edge may not know where these came from."""
        claimed = [named for named in self._known if named[2].begin]
        if not claimed:
            return
        rows = self._direct.run(sql.VISITS, parameters.ids(claimed))
        visits = [
            (integer(site), int.from_bytes(page), VisitName(visit, integer(began)))
            for site, page, visit, began in rows
        ]
        self._sources.learn([(site, visit) for site, _, visit in visits], self._ask_sources)
        for site, page, visit in visits:
            if source := self._sources.of(visit.id):
                self.placed.append(Placed(site, page, source, begins=False))

    def _ask_sources(self, visits: list[tuple[int, VisitName]]) -> list[tuple[bytes, VisitSource]]:
        statement = _within(sql.SOURCES, [visit.began for _, visit in visits])
        rows = self._direct.run(statement, parameters.names(visits))
        return [(visit, read_source(texts)) for visit, *texts in rows]

    def _place(self, waiting: list[VisitorPages]) -> None:
        """Say which visits new page views belong to; what that rests on is locked until the end."""
        moved = []
        for visitor in self._with_reach(self._with_open_visit(waiting)):
            if visitor.stored or len(visitor.pages) > 1:
                place(visitor)
                now = latest(visitor)
                if now.visit != (visitor.stored.visit if visitor.stored else visitor.pages[0].visit):
                    moved.append((visitor.site_id, visitor.id, now))
        if moved:
            self._direct.run(sql.KEEP_OPEN, parameters.open_visits(moved))

    def _with_open_visit(self, waiting: list[VisitorPages]) -> list[VisitorPages]:
        made = [
            (each.site_id, each.id, StoredVisit(each.pages[0].visit, each.pages[0].seen_until))
            for each in waiting
        ]
        there = {
            (integer(site), visitor): StoredVisit(VisitName(visit, integer(began)), integer(last))
            for site, visitor, visit, began, last in self._direct.run(sql.OPEN, parameters.open_visits(made))
        }
        if not there:
            return waiting
        return [replace(each, stored=there.get((each.site_id, each.id))) for each in waiting]

    def _with_reach(self, waiting: list[VisitorPages]) -> list[VisitorPages]:
        late = [(each.site_id, each.stored.visit) for each in waiting if each.stored and each.back_late]
        if not late:
            return waiting
        begun = [page.began for each in waiting for page in each.pages]
        statement = _within(sql.REACH, [*self._began, min(begun) - LONGEST - GAP, max(begun)])
        rows = self._direct.run(statement, parameters.signs(self._known) | parameters.visits(late))
        reach = {(integer(site), visit): integer(until) for site, visit, until in rows}
        return [_reaching(each, reach) for each in waiting]


def _reaching(visitor: VisitorPages, reach: dict[tuple[int, bytes], int]) -> VisitorPages:
    stored = visitor.stored
    until = reach.get((visitor.site_id, stored.visit.id)) if stored else None
    if stored is None or until is None:
        return visitor
    return replace(visitor, stored=replace(stored, until=max(stored.until, until)))


def _earliest(pages: Sequence[Named]) -> datetime:
    moments = [entry.begin.began_at if entry.begin else entry.sign_at for _, _, entry in pages]
    return datetime.fromtimestamp(min(moments), UTC)


def _within(statement: str, began: Sequence[int]) -> str:
    since, before = midnight(week_of(date_of(min(began)))), midnight(week_of(date_of(max(began))) + WEEK)
    return sql.between(statement, since.isoformat(), before.isoformat())
