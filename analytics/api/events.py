"""`POST /sites/KEY/events`: page views and events of back ends, each answered after its commit."""

import time
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from ninja import Field, NinjaAPI, Schema

from analytics.access import rights
from analytics.api.base import Problem, answer
from analytics.models import Token
from analytics.servers import gathering
from analytics.servers.gathering import NobodyGathers
from tracker.contract.server_items import ITEMS_LIMIT, SERVER_LIMIT, ItemReason, ItemRefused, ServerItem
from tracker.contract.spans import VISIT_GAP
from tracker.edge.edge import Edge
from tracker.edge.process_edge import ProcessEdge
from tracker.edge.server_reports import ServerReports, Verdicts
from tracker.models import Event, OpenVisit, PageView, Recent
from tracker.signals.datapoint import NotADatapoint
from tracker.signals.json_points import JsonPoint, read
from tracker.sites.tracked_site import TrackedSite

# Ids are remembered for 48 hours; what is older is looked for among what is stored.
REMEMBERED_SECONDS = 47 * 3600.0
BATCH_SECONDS = 30.0
DUPLICATE = "duplicate"
FORBIDDEN = "Only a token that may write sends page views and events: manage.py addtoken --write."


class WantedItem(NamedTuple):
    """An item of a batch."""

    place: int
    item: ServerItem
    id: UUID
    at: float


class ItemSent(Schema):
    """A page view or an event. `id`: a UUID, by which it counts once. `at`: ISO 8601, or seconds since 1970,
    up to 72 hours back. An event belongs to `page_view`, or to the visitor's page view before it."""

    id: UUID
    type: str = Field(description="view or event")
    at: str | float | None = None
    url: str | None = None
    referrer: str | None = None
    title: str | None = None
    user_agent: str | None = None
    address: str | None = Field(None, description="hashed as a visitor's is, then dropped")
    server: str | None = Field(None, description="which server says it: a property of events")
    name: str | None = Field(None, description="of an event")
    properties: dict[str, Any] | None = None
    value: float | None = None
    page_view: UUID | None = None


class ItemResult(Schema):
    """`status` is `stored`, `duplicate` or `refused`, then with a `reason`."""

    id: str | None
    status: str
    reason: str | None = None


class ItemResults(Schema):
    """One for each item, in their order."""

    results: list[ItemResult]


def add_events(api: NinjaAPI, process_edge: ProcessEdge, reports: ServerReports) -> None:
    """Add the operation that takes what servers say."""
    schema = ItemSent.json_schema()

    @api.post(
        "/sites/{key}/events",
        response={200: ItemResults, **dict.fromkeys((400, 401, 403, 404, 413, 503), Problem)},
        summary="Send page views and events of a server",
        url_name="send_events",
        tags=["servers"],
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "required": ["items"],
                            "properties": {
                                "items": {"type": "array", "maxItems": ITEMS_LIMIT, "items": schema}
                            },
                        }
                    },
                    "application/x-ndjson": {"schema": schema},
                },
            }
        },
    )
    async def send_events(request: HttpRequest, key: str) -> HttpResponse:
        """Up to 1,000 at once, as JSON or one a line; what is `stored` is committed.

        They are judged as what pages say is, by hosts, bots and exclusions, and never count as open."""
        reader = request.auth  # type: ignore[attr-defined]
        site = await rights.asite_for(reader, key)
        if site is None:
            raise Http404
        if not (isinstance(reader, Token) and reader.write):
            return answer({"error": FORBIDDEN}, 403)
        try:
            raw = _raw_items(request)
        except msgspec.MsgspecError:
            return answer({"error": 'Send {"items": […]}, an array, or one object a line.'}, 400)
        if len(raw) > ITEMS_LIMIT:
            return answer({"error": f"Send at most {ITEMS_LIMIT:,} items at once."}, 413)
        edge = await process_edge.start()
        tracked = edge.directory.by_id(site.pk)
        if tracked is None or not tracked.enabled:
            return answer(
                {"error": "This site takes nothing now: it is switched off, or not loaded yet."}, 503
            )
        results = await ItemBatch(edge, tracked, reports, raw).results()
        if results is None:
            return answer({"error": "Storing takes too long: say it again."}, 503)
        return answer({"results": results})


def _raw_items(request: HttpRequest) -> list[msgspec.Raw]:
    """The items, each not read yet. Raises MsgspecError, RequestDataTooBig."""
    body = request.body
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in ("application/x-ndjson", "application/ndjson", "application/jsonl"):
        return msgspec.json.decode(
            b"[" + b",".join(filter(None, map(bytes.strip, body.split(b"\n")))) + b"]", type=list[msgspec.Raw]
        )
    if body.lstrip()[:1] == b"[":
        return msgspec.json.decode(body, type=list[msgspec.Raw])
    return msgspec.json.decode(body, type=SentItems).items


class SentItems(msgspec.Struct):
    items: list[msgspec.Raw]


class _Called(msgspec.Struct):
    id: str


class ItemBatch:
    """One batch on its way."""

    def __init__(
        self, edge: Edge, site: TrackedSite, reports: ServerReports, raw: Sequence[msgspec.Raw]
    ) -> None:
        self._edge, self._site, self._reports = edge, site, reports
        self._verdicts = Verdicts()
        self._ids: list[str | None] = [None] * len(raw)
        self._wanted: list[WantedItem] = []
        # By place: those that no other batch may say meanwhile, until they are handed over.
        self._held: dict[int, WantedItem] = {}
        self._read(raw)

    async def results(self) -> list[dict[str, Any]] | None:
        """What is answered for each item; None where storing takes too long. Raises DatabaseError."""
        self._hold()
        try:
            return await self._results()
        finally:
            for each in self._held.values():
                self._reports.leave(self._site.id, each.item.type, each.id)

    async def _results(self) -> list[dict[str, Any]] | None:
        await sync_to_async(self._tell_known)()
        self._say_views()
        if not await self._verdicts.wait():
            return None
        # Views first: events may be of those.
        await self._say_events()
        if not await self._verdicts.wait():
            return None
        await self._count_by_server()
        return [self._result(place) for place in range(len(self._ids))]

    def _read(self, raw: Sequence[msgspec.Raw]) -> None:
        now, seen = time.time(), set[tuple[str, UUID]]()
        for place, text in enumerate(raw):
            try:
                item = msgspec.json.decode(text, type=ServerItem)
                own = item.key()
                self._ids[place] = str(own)
                if (item.type, own) in seen:
                    self._verdicts.refuse(place, DUPLICATE)
                    continue
                self._wanted.append(WantedItem(place, item, own, item.moment(now)))
                seen.add((item.type, own))
            except msgspec.MsgspecError:
                self._ids[place] = _id_in(text)
                self._verdicts.refuse(place, ItemReason.MALFORMED.value)
            except ItemRefused as refused:
                self._verdicts.refuse(place, refused.reason)

    def _hold(self) -> None:
        for each in self._wanted:
            try:
                self._reports.enter(self._site.id, each.item.type, each.id)
                self._held[each.place] = each
            except ItemRefused as refused:
                self._verdicts.refuse(each.place, refused.reason)

    def _tell_known(self) -> None:
        known = _known(self._site.id, self._held.values())
        for each in self._held.values():
            if (each.item.type, each.id) in known:
                self._verdicts.refuse(each.place, DUPLICATE)

    def _open(self, kind: str) -> list[WantedItem]:
        return [
            each for each in self._wanted if each.item.type == kind and each.place not in self._verdicts.said
        ]

    def _say_views(self) -> None:
        for each in self._open("view"):
            said = self._verdicts.expect(each.place)
            try:
                self._reports.view(self._edge, self._site, each.item, each.at, said)
                del self._held[each.place]
            except ItemRefused as refused:
                self._verdicts.refuse(each.place, refused.reason)

    async def _say_events(self) -> None:
        events = self._open("event")
        visitors: dict[int, UUID] = {}
        for each in events:
            try:
                self._reports.judge(self._edge, self._site, each.item)
                if each.item.page_view is None:
                    visitors[each.place] = self._reports.visitor(self._edge, self._site, each.item, each.at)
            except ItemRefused as refused:
                self._verdicts.refuse(each.place, refused.reason)
        found = await sync_to_async(_page_views)(self._site.id, events, visitors) if visitors else {}
        for each in self._open("event"):
            said = self._verdicts.expect(each.place)
            try:
                page_view = UUID(each.item.page_view) if each.item.page_view else found.get(each.place)
                if page_view is None:
                    raise ItemRefused(ItemReason.NO_PAGE_VIEW)
                self._reports.event(self._edge, self._site, each.item, each.at, page_view, said)
                del self._held[each.place]
            except ValueError:
                self._verdicts.refuse(each.place, ItemReason.MALFORMED.value)
            except ItemRefused as refused:
                self._verdicts.refuse(each.place, refused.reason)

    async def _count_by_server(self) -> None:
        """Say as datapoints how many were stored of which server, for charts by server."""
        counted = Counter(
            (each.item.type, each.item.server[:SERVER_LIMIT])
            for each in self._wanted
            if each.item.server and not self._verdicts.said[each.place]
        )
        points = [
            JsonPoint(f"site.{kind}s", "c", float(count), {"site": self._site.key, "server": server})
            for (kind, server), count in counted.items()
        ]
        with suppress(NobodyGathers, NotADatapoint):
            for point in points:
                read(point)
            if points:
                await gathering.send(settings.FOOTFALL_SIGNALS_SOCKET, points)

    def _result(self, place: int) -> dict[str, Any]:
        said = self._verdicts.said[place]
        if not said or said == DUPLICATE:
            return {"id": self._ids[place], "status": said or "stored"}
        return {"id": self._ids[place], "status": "refused", "reason": said}


def _id_in(text: msgspec.Raw) -> str | None:
    """What an item that is not understood has for an id, so that its sender finds it."""
    try:
        return msgspec.json.decode(text, type=_Called).id[:64]
    except msgspec.MsgspecError:
        return None


def _known(site_id: int, items: Collection[WantedItem]) -> set[tuple[str, UUID]]:
    """Which of these are stored already."""
    kinds = {Recent.Kind.PAGE_VIEW: "view", Recent.Kind.EVENT: "event"}
    recent = Recent.objects.filter(site_id=site_id, id__in=[each.id for each in items])
    known = {(kinds[Recent.Kind(kind)], own) for kind, own in recent.values_list("kind", "id")}
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
