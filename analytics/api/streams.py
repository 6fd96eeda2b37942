"""Server-sent events: `/signals/stream`, and `/sites/KEY/live/stream`."""

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.vary import vary_on_headers
from ninja import Field, NinjaAPI, Query
from ninja.decorators import decorate_view

from analytics.access import rights, standing
from analytics.api.base import Problem, answer
from analytics.api.live import FilteredNames
from analytics.api.signals import HIDDEN, SeriesQuery, WrongSignalQuery
from analytics.board.ticker import Ticker
from analytics.servers.hub import SignalHub
from analytics.streams.live_feed import LiveFeed
from analytics.streams.open_streams import OpenStreams
from analytics.streams.signal_feed import SignalFeed
from tracker.signals.windows import SPANS

MANY = "You have too many streams open; end one of them, or see FOOTFALL_STREAMS in docs/operations.md."
EVENTS = {
    "responses": {
        200: {
            "description": "Server-sent events, until the client or the server ends: docs/streams.md.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    }
}
REFUSALS = dict.fromkeys((400, 401, 403, 404, 422, 429, 503), Problem)


class SignalStreamQuery(SeriesQuery):
    """Which series, of which windows, and how much of the past to begin with."""

    seconds: int = Field(10, description="how long windows are: 10, 60 or 600")
    minutes: int = Field(10, ge=0, le=7 * 24 * 60, description="of the past, in the snapshot")


def add_streams(api: NinjaAPI, streams: OpenStreams, ticker: Ticker, hub: SignalHub) -> None:
    """Add the operations that go on."""

    @api.get(
        "/signals/stream",
        response={200: None, **REFUSALS},
        summary="Servers' datapoints as they arrive",
        url_name="signal_stream",
        tags=["servers"],
        openapi_extra=EVENTS,
    )
    @decorate_view(vary_on_headers("Authorization", "Cookie"))
    async def signal_stream(request: HttpRequest, query: Query[SignalStreamQuery]) -> HttpResponseBase:
        """First `snapshot`: the windows of the past. Then `signal`: each as it fills, and when it ends."""
        reader = request.auth  # type: ignore[attr-defined]
        if not await rights.asees_servers(reader):
            return answer({"error": HIDDEN}, 403)
        try:
            wanted = query.wanted()
        except WrongSignalQuery as problem:
            return answer({"error": str(problem)}, 400)
        if not wanted.names or query.seconds not in SPANS:
            return answer({"error": "Say a name, and as seconds 10, 60 or 600."}, 400)
        place = standing.of(request, reader, rights.sees_servers)
        if not streams.has_room(place):
            return answer({"error": MANY}, 429)
        feed = SignalFeed(hub, streams.ask, wanted, query.seconds, query.minutes)
        return streams.response(request, place, feed)

    @api.get(
        "/sites/{key}/live/stream",
        response={200: None, **REFUSALS},
        summary="Who is on a site, as it changes",
        url_name="live_stream",
        tags=["live"],
        openapi_extra=EVENTS,
    )
    @decorate_view(vary_on_headers("Authorization", "Cookie"))
    async def live_stream(request: HttpRequest, key: str, query: Query[FilteredNames]) -> HttpResponseBase:
        """`snapshot`: the live object, twice a second at most; `view` and `event`: each as it happens."""
        reader = request.auth  # type: ignore[attr-defined]
        site = await rights.asite_for(reader, key)
        if site is None:
            raise Http404
        place = standing.of(request, reader, lambda again: rights.site_for(again, key) is not None)
        if not streams.has_room(place):
            return answer({"error": MANY}, 429)
        return streams.response(request, place, LiveFeed(ticker, streams.ask, site, query.filters()))
