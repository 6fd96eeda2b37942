"""`/signals`: servers' datapoints, sent as JSON; their series, and windows of the past."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.views.decorators.vary import vary_on_headers
from ninja import Field, NinjaAPI, Query, Schema
from ninja.decorators import decorate_view

from analytics.access import rights
from analytics.api.base import Problem, answer
from analytics.models import Token
from analytics.queries.time_limit import TooMuch, time_limit
from analytics.servers import shown, stored
from analytics.servers.hub import SignalHub
from analytics.servers.log_hub import LogHub
from analytics.servers.stored import Wanted
from tracker.contract.deep_json import decoded
from tracker.signals import gathering, json_points, own_series
from tracker.signals.datapoint import NAME_MOST, NotADatapoint, Reason
from tracker.signals.gathering import NobodyGathers
from tracker.signals.json_points import JsonPoint
from tracker.signals.windows import SPANS

BATCH_MOST = 1000
NAMES_MOST = 20
HOUR = 3600.0
# Within what a calendar has, wherever it is read.
LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
ANSWER_SECONDS = 10.0
FORBIDDEN = "Only a token that may write, and sees servers, sends datapoints: manage.py addtoken --write."
HIDDEN = "You may not see servers' datapoints: a superuser can give the right “Can see servers”."

SeriesName = Annotated[str, Field(max_length=NAME_MOST)]


class WrongSignalQuery(Exception):
    """A question that makes no sense; the message tells people so."""


class SeriesQuery(Schema):
    """Which series: `*` in a name stands for any text; all tags that are named; words found anywhere."""

    name: list[SeriesName] = Field([], max_length=NAMES_MOST, description="names; * stands for any text")
    tag: list[SeriesName] = Field([], max_length=NAMES_MOST, description="tags that it has, as host:a")

    def wanted(self, sites: frozenset[str] | None, *others: str, find: str = "") -> Wanted:
        """What is asked for. `sites`: keys of those that the reader may see, None for all; `others`: texts
        that are to be printable, too. Raises WrongSignalQuery."""
        tags = tuple((key, value) for key, _, value in (tag.partition(":") for tag in self.tag))
        for text in (*self.name, *self.tag, find, *others):
            # A NUL is in no name that is stored, and Postgres would refuse to be asked for it.
            if text and not text.isprintable():
                raise WrongSignalQuery("name, tag, find and log are printable text.")
        return Wanted(tuple(self.name), tags, find, sites)


class WindowsQuery(SeriesQuery):
    """Which windows of them: with a name, those of the last hour, or between two moments."""

    find: str = Field("", max_length=NAME_MOST, description="words that are in the name or the tags")
    seconds: int | None = Field(None, description="how long windows are: 10, 60 or 600; else as fits")
    since: datetime | None = Field(None, alias="from", description="the first moment; an hour ago otherwise")
    until: datetime | None = Field(None, alias="to", description="the moment after the last; now otherwise")
    limit: int = Field(100, ge=1, le=stored.SERIES_MOST, description="the most series")
    offset: int = Field(0, ge=0, le=10**9, description="series to skip")


class PointSent(Schema):
    """A datapoint. `value`: a number; of a set a text, too, and of a gauge "+4" or "-4" for a step."""

    name: str
    type: str = Field(description="c, g, ms, h, d or s, as in statsd")
    value: float | str
    tags: dict[str, str] = {}
    rate: float = 1.0


class PointResult(Schema):
    """`status` is `taken` or `refused`, then with a `reason`."""

    status: str
    reason: str | None = None


class PointResults(Schema):
    """One for each datapoint, in their order."""

    taken: int
    results: list[PointResult]


class WindowShown(Schema):
    """`at`: its begin, seconds since 1970. What its kind has not is left out."""

    at: int
    count: float
    rate: float | None = None
    sum: float | None = None
    last: float | None = None
    mean: float | None = None
    min: float | None = None
    max: float | None = None
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    deviation: float | None = None
    distinct: int | None = None


class SeriesShown(Schema):
    name: str
    type: str
    tags: dict[str, str]
    last: datetime
    windows: list[WindowShown] | None = None


class SeriesList(Schema):
    """`found`: how many series there are; the windows, where names were asked for, are `seconds` long."""

    found: int
    seconds: int | None = None
    series: list[SeriesShown]


class LogList(Schema):
    """The names of logs that `manage.py follow` follows now."""

    logs: list[str]


def add_signals(api: NinjaAPI, hub: SignalHub, logs: LogHub) -> None:
    """Add the operations with datapoints."""

    @api.post(
        "/signals",
        response={200: PointResults, **dict.fromkeys((400, 401, 403, 413, 503), Problem)},
        summary="Send datapoints of servers",
        url_name="send_signals",
        tags=["servers"],
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {"type": "array", "maxItems": BATCH_MOST, "items": PointSent.json_schema()},
                        "example": [
                            {"name": "api.time", "type": "ms", "value": 12.5, "tags": {"host": "a"}},
                            {"name": "api.calls", "type": "c", "value": 1},
                        ],
                    }
                },
            }
        },
    )
    async def send_signals(request: HttpRequest) -> HttpResponse:
        """Up to 1,000 at once, each answered for itself; what is taken stands in its window by then.

        A time cannot be said: a value counts when it arrives.
        """
        reader = request.auth  # type: ignore[attr-defined]
        if not (isinstance(reader, Token) and reader.write and rights.sees_servers(reader)):
            return answer({"error": FORBIDDEN}, 403)
        try:
            items = decoded(request.body, list[msgspec.Raw])
        except msgspec.MsgspecError:
            return answer({"error": "Send a JSON array of datapoints."}, 400)
        if len(items) > BATCH_MOST:
            return answer({"error": f"Send at most {BATCH_MOST:,} datapoints at once."}, 413)
        points, results = _read(items)
        try:
            if points:
                await gathering.send(hub.path, points)
        except NobodyGathers as problem:
            return answer({"error": str(problem)}, 503)
        return answer({"taken": len(points), "results": results})

    @api.get(
        "/signals",
        response={200: SeriesList, **dict.fromkeys((400, 401, 403, 422, 503), Problem)},
        summary="Series of servers' datapoints, and their windows",
        url_name="signals",
        tags=["servers"],
    )
    @decorate_view(vary_on_headers("Authorization", "Cookie"))
    async def list_signals(request: HttpRequest, query: Query[WindowsQuery]) -> HttpResponse:
        """The series that match; where names are asked for, with their windows of the last hour or a span."""
        reader = request.auth  # type: ignore[attr-defined]
        if not await rights.asees_servers(reader):
            return answer({"error": HIDDEN}, 403)
        try:
            return answer(await sync_to_async(_found)(query, reader))
        except WrongSignalQuery as problem:
            return answer({"error": str(problem)}, 400)
        except TooMuch:
            return answer({"error": f"This takes longer than {ANSWER_SECONDS:g} s: ask for less."}, 503)

    @api.get(
        "/signals/logs",
        response={200: LogList, **dict.fromkeys((401, 403, 503), Problem)},
        summary="Logs that are followed",
        url_name="logs",
        tags=["servers"],
    )
    @decorate_view(vary_on_headers("Authorization", "Cookie"))
    async def list_logs(request: HttpRequest) -> HttpResponse:
        """Their names; `/signals/stream?log=NAME` has the lines, which are stored nowhere."""
        if not await rights.asees_servers(request.auth):  # type: ignore[attr-defined]
            return answer({"error": HIDDEN}, 403)
        try:
            return answer({"logs": await logs.names()})
        except NobodyGathers as problem:
            return answer({"error": str(problem)}, 503)


def _read(items: list[msgspec.Raw]) -> tuple[list[JsonPoint], list[dict[str, Any]]]:
    """Those that can be taken, and what is answered for each."""
    points: list[JsonPoint] = []
    results: list[dict[str, Any]] = []
    for item in items:
        reason: str | None = None
        try:
            point = decoded(item, JsonPoint)
            if own_series.is_reserved(json_points.read(point).series):
                raise NotADatapoint(Reason.RESERVED)
            points.append(point)
        except msgspec.MsgspecError:
            reason = Reason.MALFORMED.value
        except NotADatapoint as refused:
            reason = refused.reason.value
        results.append({"status": "refused", "reason": reason} if reason else {"status": "taken"})
    return points, results


def _found(query: WindowsQuery, reader: rights.Reader) -> dict[str, Any]:
    wanted = query.wanted(rights.visible_keys(reader), find=query.find)
    with time_limit(ANSWER_SECONDS):
        matching = stored.matching(wanted)
        rows = list(matching[query.offset : query.offset + query.limit])
        found: dict[str, Any] = {"found": matching.count()}
        listed = [
            {**shown.series(stored.series_of(row)), "last": row.last_at.astimezone(UTC)} for row in rows
        ]
        if query.name:
            seconds, since, until = _span(query, len(rows))
            of = {row.pk: stored.series_of(row) for row in rows}
            windows = stored.windows(of, seconds, since, until)
            for row, each in zip(rows, listed, strict=True):
                each["windows"] = [shown.window(window) for window in windows[row.pk]]
            found["seconds"] = seconds
        return {**found, "series": listed}


def _span(query: WindowsQuery, series: int) -> tuple[int, float, float]:
    """How long windows are, from when and until when."""
    now = time.time()
    until = _epoch(query.until, now)
    since = _epoch(query.since, max(until - HOUR, 0.0))
    if since >= until:
        raise WrongSignalQuery("from must be before to.")
    seconds = query.seconds or stored.fitting(since, until, now, series)
    if seconds not in SPANS:
        raise WrongSignalQuery("seconds must be 10, 60 or 600.")
    if (until - since) / seconds * max(1, series) > stored.WINDOWS_MOST:
        raise WrongSignalQuery(
            "These are too many windows at once: ask for fewer series, longer windows or less time."
        )
    return seconds, since, until


def _epoch(moment: datetime | None, otherwise: float) -> float:
    if moment is None:
        return otherwise
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not 0 <= seconds <= LATEST:
        raise WrongSignalQuery("from and to are moments from 1970 to 9998.")
    return seconds
