"""What statements are given: columns of entries and visits, as arrays under the names that the SQL uses."""

from collections.abc import Sequence

import msgspec

from tracker.postgres import binary
from tracker.postgres.binary import moment
from tracker.postgres.libpq import Columns
from tracker.storing.entries import EventEntry, PageEntry
from tracker.storing.visits import Growth, NewPage, StoredVisit, VisitName, ended_within

Named = tuple[int, bytes, PageEntry]  # by site and id


def ids(named: Sequence[Named]) -> Columns:
    """Which page views these are, and which of them begin."""
    return {
        "sites": binary.int4s([site for site, _, _ in named]),
        "ids": binary.uuids([page for _, page, _ in named]),
        "begins": binary.bools([entry.begin is not None for _, _, entry in named]),
    }


def signs(named: Sequence[Named]) -> Columns:
    """What entries say of page views that are known."""
    entries = [entry for _, _, entry in named]
    begun = [None if entry.begin is None else moment(entry.begin.began_at) for entry in entries]
    return {
        "sites": binary.int4s([site for site, _, _ in named]),
        "ids": binary.uuids([page for _, page, _ in named]),
        "edges": binary.int8s([entry.owner.edge for entry in entries]),
        "connections": binary.int4s([entry.owner.connection for entry in entries]),
        "begun": binary.times(begun),
        "claimed": binary.times(map(_claimed, entries, begun)),
        "signs": binary.times([moment(entry.sign_at) for entry in entries]),
        "ended": binary.times(map(_ended, entries, begun)),
        "engaged": binary.int8s([entry.engaged_ms for entry in entries]),
        "depths": binary.int8s([entry.depth for entry in entries]),
        "titles": binary.texts([entry.title or None for entry in entries]),
    }


def visits(names: Sequence[tuple[int, VisitName]]) -> Columns:
    """Which visits these are, by site."""
    return {
        "visit_sites": binary.int4s([site for site, _ in names]),
        "visits": binary.uuids([visit.id for _, visit in names]),
    }


def names(visits: Sequence[tuple[int, VisitName]]) -> Columns:
    """Visits by their keys."""
    return {
        "sites": binary.int4s([site for site, _ in visits]),
        "ids": binary.uuids([visit.id for _, visit in visits]),
        "began": binary.times([visit.began for _, visit in visits]),
    }


def open_visits(visits: Sequence[tuple[int, bytes, StoredVisit]]) -> Columns:
    """Open visits, by site and visitor."""
    return {
        "sites": binary.int4s([site for site, _, _ in visits]),
        "visitors": binary.uuids([visitor for _, visitor, _ in visits]),
        "ids": binary.uuids([open_visit.visit.id for _, _, open_visit in visits]),
        "began": binary.times([open_visit.visit.began for _, _, open_visit in visits]),
        "last": binary.times([open_visit.until for _, _, open_visit in visits]),
    }


def memories(pages: Sequence[NewPage]) -> Columns:
    """What is kept of new page views for two days, to know them again."""
    return {
        "sites": binary.int4s([page.entry.site_id for page in pages]),
        "ids": binary.uuids([page.id for page in pages]),
        "began": binary.times([page.began for page in pages]),
        "visits": binary.uuids([page.visit.id for page in pages]),
        "visits_began": binary.times([page.visit.began for page in pages]),
    }


def touched(pages: Sequence[Named], events: Sequence[EventEntry]) -> Columns:
    """All page views that a batch is about."""
    named = [(site, page) for site, page, _ in pages]
    named += [(one.record.site_id, one.record.page_view_id.bytes) for one in events]
    return {
        "sites": binary.int4s([site for site, _ in named]),
        "ids": binary.uuids([page for _, page in named]),
    }


def growth(grown: Sequence[Growth]) -> Columns:
    """How much visits grow."""
    return {
        "grown_sites": binary.int4s([each.site_id for each in grown]),
        "grown_visits": binary.uuids([each.visit.id for each in grown]),
        "grown_began": binary.times([each.visit.began for each in grown]),
        "grown_last": binary.times([each.last for each in grown]),
        "grown_engaged": binary.int8s([each.engaged_ms for each in grown]),
        "grown_events": binary.int4s([each.events for each in grown]),
        "grown_views": binary.int4s([each.views for each in grown]),
        "grown_page_began": binary.times([each.page_began for each in grown]),
        "grown_paths": binary.texts([each.path for each in grown]),
    }


def events(entries: Sequence[EventEntry]) -> Columns:
    """Events, with the page views that sent them."""
    records = [entry.record for entry in entries]
    return {
        "sites": binary.int4s([one.site_id for one in records]),
        "ids": binary.uuids([one.id.bytes for one in records]),
        "pages": binary.uuids([one.page_view_id.bytes for one in records]),
        "at": binary.times([moment(one.at) for one in records]),
        "values": binary.float8s([one.value for one in records]),
        "names": binary.texts([one.name for one in records]),
        "properties": binary.jsonbs([msgspec.json.encode(one.properties) for one in records]),
    }


def _claimed(entry: PageEntry, begun: int | None) -> int | None:
    return begun if entry.claimed_at is None else moment(entry.claimed_at)


def _ended(entry: PageEntry, begun: int | None) -> int | None:
    if entry.ended_at is None:
        return None
    return moment(entry.ended_at) if begun is None else ended_within(entry.ended_at, begun)
