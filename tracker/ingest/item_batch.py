"""A batch of page views and events that a server tells of: judged, stored, and answered after the commit."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID

import msgspec
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection

from tracker.contract.drops import Drop
from tracker.contract.server_items import ItemReason, ItemRefused, ServerItem
from tracker.contract.spans import VISIT_GAP
from tracker.edge.edge import Edge
from tracker.edge.report_judge import ReportJudge, Told
from tracker.edge.server_reports import ServerReports
from tracker.ingest.verdicts import Verdicts
from tracker.models import Event, OpenVisit, PageView, Recent
from tracker.signals import gathering
from tracker.signals.datapoint import NotADatapoint
from tracker.signals.gathering import NobodyGathers
from tracker.signals.json_points import JsonPoint, read
from tracker.sites.tracked_site import TrackedSite

# From then on a batch is worth a transaction of its own: nothing is gained by waiting for others.
LARGE = 100
# Ids are remembered for 48 hours; what is older is looked for among what is stored.
REMEMBERED_SECONDS = 47 * 3600.0
STORED, DUPLICATE = "", "duplicate"
KINDS = {Recent.Kind.PAGE_VIEW.value: "view", Recent.Kind.EVENT.value: "event"}
# An array is one value: as 1,000 values of an IN, making the statement alone took 20 ms. And one text: as
# UUIDs, each is adapted for itself.
KNOWN = "SELECT kind, id FROM tracker_recent WHERE site_id = %s AND id = ANY(%s::uuid[])"


class WantedItem(NamedTuple):
    """An item of a batch, by its place in it; `at`: seconds since 1970."""

    place: int
    item: ServerItem
    id: UUID
    at: float


def read_item(text: bytes | msgspec.Raw) -> ServerItem:
    """One item of JSON. Raises MsgspecError."""
    return _decoder.decode(text)


_decoder = msgspec.json.Decoder(ServerItem)


class ItemBatch:
    """One batch on its way. `items`: each as it was read, or why it was not."""

    def __init__(
        self, edge: Edge, site: TrackedSite, reports: ServerReports, items: Sequence[ServerItem | str]
    ) -> None:
        self._edge, self._site, self._reports = edge, site, reports
        self._judge = ReportJudge(edge, site, reports)
        self._verdicts = Verdicts(len(items))
        self._wanted: list[WantedItem] = []
        # By place: those that no other batch may say meanwhile, until they are handed over.
        self._held: dict[int, WantedItem] = {}
        self._read(items)

    async def verdicts(self) -> list[str] | None:
        """What became of each: "" is stored, else why not; None where storing takes too long.

        Raises DatabaseError."""
        try:
            self._hold()
            return await self._stored()
        finally:
            for each in self._held.values():
                self._reports.leave(self._site.id, each.item.type, each.id.int)

    async def _stored(self) -> list[str] | None:
        await sync_to_async(self._tell_known)()
        self._say_views()
        if not await self._verdicts.wait():
            return None
        # Views first: events may be of those.
        await self._say_events()
        if not await self._verdicts.wait():
            return None
        await self._count_by_server()
        return [verdict or STORED for verdict in self._verdicts.said]

    def _read(self, items: Sequence[ServerItem | str]) -> None:
        now, seen = time.time(), set[tuple[str, int]]()
        for place, item in enumerate(items):
            if isinstance(item, str):
                self._verdicts.refuse(place, item)
                continue
            try:
                own = item.key()
                # As a number: a UUID's hash is Python.
                named = item.type, own.int
                if named in seen:
                    self._verdicts.refuse(place, DUPLICATE)
                    continue
                self._wanted.append(WantedItem(place, item, own, item.moment(now)))
                seen.add(named)
            except ItemRefused as refused:
                self._verdicts.refuse(place, refused.reason)

    def _hold(self) -> None:
        for kind in KINDS.values():
            of_kind = [each for each in self._wanted if each.item.type == kind]
            others = self._reports.enter(self._site.id, kind, {each.id.int for each in of_kind})
            for each in of_kind:
                if each.id.int in others:
                    self._verdicts.refuse(each.place, ItemReason.UNDER_WAY.value)
                else:
                    self._held[each.place] = each

    def _tell_known(self) -> None:
        known = _known(self._site.id, self._held.values())
        for each in self._held.values() if known else ():
            if (each.item.type, each.id) in known:
                self._verdicts.refuse(each.place, DUPLICATE)

    def _open(self, kind: str) -> list[WantedItem]:
        said = self._verdicts.said
        return [each for each in self._wanted if each.item.type == kind and said[each.place] is None]

    def _say_views(self) -> None:
        judged: list[WantedItem] = []
        entries: list[Told] = []
        for each in self._open("view"):
            done = partial(self._settled, each, Drop.REFUSED.value)
            try:
                entries.append(self._judge.view(each.item, each.id, each.at, done))
                judged.append(each)
            except ItemRefused as refused:
                self._verdicts.refuse(each.place, refused.reason)
        self._hand_over(judged, entries)

    async def _say_events(self) -> None:
        events = self._open("event")
        visitors: dict[int, UUID] = {}
        for each in events:
            try:
                self._judge.check_sender(each.item, each.id)
                if each.item.page_view is None:
                    visitors[each.place] = self._judge.visitor(each.item, each.at)
            except ItemRefused as refused:
                self._verdicts.refuse(each.place, refused.reason)
        found = await sync_to_async(_page_views)(self._site.id, events, visitors) if visitors else {}
        judged: list[WantedItem] = []
        entries: list[Told] = []
        for each in self._open("event"):
            done = partial(self._settled, each, ItemReason.NO_PAGE_VIEW.value)
            try:
                page_view = each.item.of_page_view() or found.get(each.place)
                if page_view is None:
                    raise ItemRefused(ItemReason.NO_PAGE_VIEW)
                entries.append(self._judge.event(each.item, each.at, page_view, done))
                judged.append(each)
            except ItemRefused as refused:
                self._verdicts.refuse(each.place, refused.reason)
        self._hand_over(judged, entries)

    def _hand_over(self, judged: Sequence[WantedItem], entries: Sequence[Told]) -> None:
        """Let entries be stored, each of its item; those that find no room are to be said again."""
        taken = self._edge.buffer.take(entries)
        self._verdicts.expect(taken)
        for each in judged[:taken]:
            del self._held[each.place]
        for each in judged[taken:]:
            self._edge.drop(Drop.BUFFER_FULL)
            self._verdicts.refuse(each.place, Drop.BUFFER_FULL.value)
        if taken >= LARGE:
            self._edge.buffer.hasten()

    def _settled(self, each: WantedItem, otherwise: str, stored: bool) -> None:
        self._reports.leave(self._site.id, each.item.type, each.id.int)
        self._verdicts.come(each.place, STORED if stored else otherwise)

    async def _count_by_server(self) -> None:
        """Say as datapoints how many were stored of which server, for charts by server."""
        counted = Counter(
            (each.item.type, each.item.server_name)
            for each in self._wanted
            if each.item.server_name and self._verdicts.said[each.place] == STORED
        )
        points = by_server(self._site.key, counted.items())
        with suppress(NobodyGathers):
            if points:
                await gathering.send(settings.FOOTFALL_SIGNALS_SOCKET, points)


def by_server(site: str, counted: Iterable[tuple[tuple[str, str], int]]) -> list[JsonPoint]:
    """What was stored, by kind and server, as datapoints; a name that is no tag costs itself alone."""
    points: list[JsonPoint] = []
    for (kind, server), count in counted:
        point = JsonPoint(f"site.{kind}s", "c", float(count), {"site": site, "server": server})
        with suppress(NotADatapoint):
            read(point)
            points.append(point)
    return points


def _known(site_id: int, items: Collection[WantedItem]) -> set[tuple[str, UUID]]:
    """Which of these are stored already."""
    with connection.cursor() as cursor:
        cursor.execute(KNOWN, [site_id, f"{{{','.join(each.item.id for each in items)}}}"])
        known = {(KINDS[kind], own) for kind, own in cursor.fetchall()}
    before = time.time() - REMEMBERED_SECONDS
    old = [each for each in items if each.at < before]
    for kind in {each.item.type for each in old}:
        own = [each for each in old if each.item.type == kind]
        ids, moments = [each.id for each in own], [datetime.fromtimestamp(each.at, UTC) for each in own]
        there = (
            PageView.objects.filter(site_id=site_id, began_at__in=moments, id__in=ids)
            if kind == "view"
            else Event.objects.filter(site_id=site_id, at__in=moments, id__in=ids)
        )
        known |= {(kind, each) for each in there.values_list("id", flat=True)}
    return known


def _page_views(site_id: int, events: Collection[WantedItem], visitors: dict[int, UUID]) -> dict[int, UUID]:
    """The page view of the same visit before each event whose visitor is known, by the event's place."""
    visits = {
        visitor: (visit, began, last)
        for visitor, visit, began, last in OpenVisit.objects.filter(
            site_id=site_id, visitor__in=set(visitors.values())
        ).values_list("visitor", "visit_id", "visit_began_at", "last_at")
    }
    if not visits:
        return {}
    views: dict[UUID, list[tuple[datetime, UUID]]] = {}
    rows = PageView.objects.filter(
        site_id=site_id,
        visit_id__in=[visit for visit, _, _ in visits.values()],
        began_at__gte=min(began for _, began, _ in visits.values()),
    )
    for visit, began, own in rows.order_by("began_at").values_list("visit_id", "began_at", "id"):
        views.setdefault(visit, []).append((began, own))
    found: dict[int, UUID] = {}
    for each in events:
        visitor = visitors.get(each.place)
        known = visits.get(visitor) if visitor else None
        at = datetime.fromtimestamp(each.at, UTC)
        if known is None or not known[1] <= at < known[2] + VISIT_GAP:
            continue
        visit, _, _ = known
        earlier = [own for begun, own in views.get(visit, ()) if begun <= at]
        if earlier:
            found[each.place] = earlier[-1]
    return found
