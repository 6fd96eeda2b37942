"""`GET /sites/KEY/visits`, `visits/ID` and `events`: what happened one by one, under any filters."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.vary import vary_on_headers
from ninja import Field, NinjaAPI, Schema
from ninja.decorators import decorate_view

from analytics.access import rights
from analytics.api.base import Problem, WrongParameter, answer, wrong_field
from analytics.api.manners import OPEN_NAMES
from analytics.api.stats import PARAMETERS, first_day, saved_for
from analytics.history.query_string import OF_LISTS, read_list
from analytics.history.question import HistoryQuestion, Span, WrongQuestion
from analytics.history.questions import NoAnswer, Questions
from analytics.history.visit_list import EVENTS, ONE_VISIT, VISITS, ListAnswer, ListQuestion, read_place
from analytics.queries.time_limit import TooMuch
from tracker.models import Site


class VisitShown(Schema):
    """A visit; `visitor` is a number of the day, `path` its first pages, `said` its events by name."""

    id: str = Field(examples=["2026-11-26.1795703400000000.17"])
    at: datetime
    live: bool
    visitor: int
    seconds: float
    engaged_seconds: float
    views: int
    events: int
    path: list[str]
    said: dict[str, int]
    entry_page: str
    exit_page: str
    referrer: str
    channel: str
    country: str
    browser: str
    system: str
    device: str


class EventShown(Schema):
    """An event, and the page and visit that it is of."""

    id: str = Field(examples=["2026-11-26.1795703401000000.4"])
    at: datetime
    name: str
    properties: dict[str, Any]
    value: float | None
    page: str
    title: str
    visit: str
    country: str
    referrer: str
    device: str


class ListShown(Schema):
    """A page of a list; `next` is the address of the following one."""

    site: str
    period: dict[str, str]
    as_of: datetime
    next: str | None
    preparing: list[str]


class VisitList(ListShown):
    visits: list[VisitShown]


class EventList(ListShown):
    events: list[EventShown]


class SaidThen(Schema):
    """An event of a page view."""

    at: datetime
    name: str
    properties: dict[str, Any]
    value: float | None


class PageViewShown(Schema):
    """A page view of a visit; `seconds` is null while it is open, and `server` "" where a page told of it."""

    at: datetime
    seconds: float | None
    engaged_seconds: float
    depth: int
    page: str
    title: str
    query: str
    server: str
    events: list[SaidThen]


class WholeVisit(VisitShown):
    """A visit with its page views, in their order."""

    page_views: list[PageViewShown]


LIST_PARAMETERS = [
    *(each for each in PARAMETERS if each["name"] in OF_LISTS or "repeatable" in str(each["description"])),
    {
        "name": "after",
        "in": "query",
        "description": "the id of the last row of the page before",
        "schema": {"type": "string"},
        "example": "",
    },
]
PROBLEMS: dict[int, type[Schema]] = {
    400: WrongParameter,
    401: Problem,
    404: Problem,
    429: Problem,
    503: Problem,
}


def add_visits(api: NinjaAPI, questions: Questions) -> None:
    """Add the operations that list what happened."""

    def listed(name: str, shown: type[Schema], summary: str) -> None:
        @api.get(
            f"/sites/{{key}}/{name}",
            response={200: shown, **PROBLEMS},
            summary=summary,
            url_name=name,
            operation_id=f"list_{name}",
            tags=["history"],
            openapi_extra={"parameters": LIST_PARAMETERS, OPEN_NAMES: True},
        )
        @decorate_view(vary_on_headers("Authorization", "Cookie"))
        async def site_list(request: HttpRequest, key: str) -> HttpResponse:
            """Newest first, a page at a time; `next` leads on. Filters are those of `stats`."""
            site = await seen_site(request, key)

            async def ask() -> HttpResponse:
                query = dict(request.GET.lists())
                now = datetime.now(UTC)
                asked = read_list(
                    query,
                    name,
                    site.pk,
                    site.timezone,
                    now,
                    await first_day(site),
                    await saved_for(query, site),
                )
                return answer(_page(request, site, name, asked, await questions.alist(asked)))

            return await told_or_refused(ask)

    listed(VISITS, VisitList, "Visits, newest first")
    listed(EVENTS, EventList, "Events, newest first")

    @api.get(
        "/sites/{key}/visits/{place}",
        response={200: WholeVisit, **PROBLEMS},
        summary="A visit with its page views",
        url_name="visit",
        tags=["history"],
    )
    @decorate_view(vary_on_headers("Authorization", "Cookie"))
    async def site_visit(request: HttpRequest, key: str, place: str) -> HttpResponse:
        """`place` is the id that a list has told."""
        site = await seen_site(request, key)

        async def ask() -> HttpResponse:
            at = read_place(place, "place")
            question = HistoryQuestion(
                site_id=site.pk, zone=site.timezone, span=Span(at.day, at.day), measures=("visits",), limit=1
            )
            told = await questions.alist(ListQuestion(ONE_VISIT, question, at))
            if not told.rows:
                raise Http404
            return answer(told.rows[0])

        return await told_or_refused(ask)


async def seen_site(request: HttpRequest, key: str) -> Site:
    """The site of this key, if who asks may see it. Raises Http404."""
    site = await rights.asite_for(request.auth, key)  # type: ignore[attr-defined]
    if site is None:
        raise Http404
    return site


async def told_or_refused(ask: Callable[[], Awaitable[HttpResponse]]) -> HttpResponse:
    """What `ask` answers, or why that cannot be asked, or not now."""
    try:
        return await ask()
    except WrongQuestion as wrong:
        return wrong_field(wrong.field, wrong.message, wrong.allowed)
    except (TooMuch, NoAnswer) as problem:
        return answer({"error": str(problem)}, 503)


def _page(
    request: HttpRequest, site: Site, name: str, asked: ListQuestion, told: ListAnswer
) -> dict[str, Any]:
    following = None
    if told.next:
        query = request.GET.copy()
        query["after"] = told.next
        following = f"{request.path}?{query.urlencode()}"
    span = asked.question.span
    return {
        "site": site.key,
        "period": {"from": span.first.isoformat(), "to": span.last.isoformat(), "zone": asked.question.zone},
        "as_of": told.as_of.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        name: told.rows,
        "next": following,
        "preparing": [day.isoformat() for day in told.missing_days],
    }
