"""Server-sent events: `/signals/stream`, and `/sites/KEY/live/stream`."""

import asyncio
from typing import Annotated, NamedTuple

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.vary import vary_on_headers
from ninja import Field, NinjaAPI, Query
from ninja.decorators import decorate_view

from analytics.access import rights, standing
from analytics.api.base import Problem, answer
from analytics.api.live import FilteredNames
from analytics.api.signals import HIDDEN, NAMES_MOST, SeriesQuery, WrongSignalQuery
from analytics.board.ticker import Ticker
from analytics.servers.hub import SignalHub
from analytics.servers.log_hub import LogHub
from analytics.streams.flag_feed import FlagFeed, FlagWatch
from analytics.streams.joined_feed import Feed, JoinedFeed
from analytics.streams.live_feed import LiveFeed
from analytics.streams.log_feed import LogFeed
from analytics.streams.open_streams import OpenStreams
from analytics.streams.signal_feed import SignalFeed
from tracker.signals.datapoint import NAME_MOST
from tracker.signals.windows import SPANS

LogName = Annotated[str, Field(max_length=NAME_MOST)]
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


class StreamSources(NamedTuple):
    """Where streams hear of what they tell."""

    ticker: Ticker
    signals: SignalHub
    logs: LogHub
    flags: FlagWatch


class SignalStreamQuery(SeriesQuery):
    """Which series, of which windows, and how much of the past to begin with."""

    seconds: int = Field(10, description="how long windows are: 10, 60 or 600")
    minutes: int = Field(10, ge=0, le=7 * 24 * 60, description="of the past, in the snapshot")
    log: list[LogName] = Field([], max_length=NAMES_MOST, description="logs; * stands for any text")
    site: str = Field("", max_length=32, description="the key of a site, whose annotations come as flags")


def add_streams(api: NinjaAPI, streams: OpenStreams, told: StreamSources) -> None:
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
        """First `snapshot`: the windows of the past. Then `signal`: each as it fills, and when it ends. With
        `log`, their last lines, and each that is written; with `site`, a `flag` for each annotation of it."""
        reader = request.auth  # type: ignore[attr-defined]
        if not await rights.asees_servers(reader):
            return answer({"error": HIDDEN}, 403)
        try:
            sites = await sync_to_async(rights.visible_keys)(reader)
            wanted = query.wanted(sites, *query.log)
        except WrongSignalQuery as problem:
            return answer({"error": str(problem)}, 400)
        if not (wanted.names or query.log) or query.seconds not in SPANS:
            return answer({"error": "Say a name or a log, and as seconds 10, 60 or 600."}, 400)
        site = await rights.asite_for(reader, query.site) if query.site else None
        if query.site and site is None:
            raise Http404
        place = standing.of(request, reader, lambda again: _may_see(again, query.site, sites))
        if not streams.has_room(place):
            return answer({"error": MANY}, 429)
        news = asyncio.Event()
        feeds: list[Feed] = []
        if wanted.names:
            feeds.append(SignalFeed(told.signals, streams.ask, wanted, query.seconds, query.minutes, news))
        if query.log:
            feeds.append(LogFeed(told.logs, query.log, news))
        if site:
            numbers = not wanted.names
            feeds.append(FlagFeed(told.flags, streams.ask, site, news, numbers))
        return streams.response(request, place, JoinedFeed(news, feeds))

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
        """`snapshot`: the live object, twice a second at most; `view`, `event`: each as it happens; `flag`:
        each annotation as it is made."""
        reader = request.auth  # type: ignore[attr-defined]
        site = await rights.asite_for(reader, key)
        if site is None:
            raise Http404
        place = standing.of(request, reader, lambda again: rights.site_for(again, key) is not None)
        if not streams.has_room(place):
            return answer({"error": MANY}, 429)
        news = asyncio.Event()
        live = LiveFeed(told.ticker, streams.ask, site, query.filters(), news)
        flags = FlagFeed(told.flags, streams.ask, site, news)
        return streams.response(request, place, JoinedFeed(news, [live, flags]))


def _may_see(reader: rights.Reader, key: str, sites: frozenset[str] | None) -> bool:
    """Whether a reader may see servers still, the site of this key, and the sites that it saw."""
    if not rights.sees_servers(reader) or (key and rights.site_for(reader, key) is None):
        return False
    now = rights.visible_keys(reader)
    return now is None or (sites is not None and sites <= now)
