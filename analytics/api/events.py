"""`POST /sites/KEY/events`: page views and events of back ends, each answered after its commit."""

from typing import Any
from uuid import UUID

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from ninja import Field, NinjaAPI, Schema

from analytics.access import rights
from analytics.api.base import Problem, answer
from analytics.models import Token
from tracker.contract.deep_json import decoded
from tracker.contract.server_items import ITEMS_LIMIT, ItemReason, ServerItem
from tracker.edge.process_edge import ProcessEdge
from tracker.edge.server_reports import ServerReports
from tracker.ingest.item_batch import DUPLICATE, ItemBatch, read_item

FORBIDDEN = "Only a token that may write sends page views and events: manage.py addtoken --write."


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
    server: str | None = Field(
        None, description="which server says it: a dimension of page views, a property of events"
    )
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
        items = list(map(_read, raw))
        verdicts = await ItemBatch(edge, tracked, reports, items).verdicts()
        if verdicts is None:
            return answer({"error": "Storing takes too long: say it again."}, 503)
        return answer({"results": list(map(_result, raw, items, verdicts))})


def _raw_items(request: HttpRequest) -> list[msgspec.Raw]:
    """The items, each not read yet. Raises MsgspecError, RequestDataTooBig."""
    body = request.body
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in ("application/x-ndjson", "application/ndjson", "application/jsonl"):
        body = b"[" + b",".join(filter(None, map(bytes.strip, body.split(b"\n")))) + b"]"
    if body.lstrip()[:1] == b"[":
        return decoded(body, list[msgspec.Raw])
    return decoded(body, SentItems).items


class SentItems(msgspec.Struct):
    items: list[msgspec.Raw]


class _Called(msgspec.Struct):
    id: str


def _read(text: msgspec.Raw) -> ServerItem | str:
    try:
        return read_item(text)
    except (msgspec.MsgspecError, RecursionError):
        return ItemReason.MALFORMED.value


def _result(text: msgspec.Raw, item: ServerItem | str, verdict: str) -> dict[str, Any]:
    own = _id_in(text) if isinstance(item, str) else item.id.lower()
    if not verdict or verdict == DUPLICATE:
        return {"id": own, "status": verdict or "stored"}
    return {"id": own, "status": "refused", "reason": verdict}


def _id_in(text: msgspec.Raw) -> str | None:
    """What an item that is not understood has for an id, so that its sender finds it."""
    try:
        return decoded(text, _Called).id[:64]
    except msgspec.MsgspecError:
        return None
