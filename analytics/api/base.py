"""The REST API, `/api/v1/`: read with a token, or with the session of a logged-in member of staff.

Every refusal is `{"error": "one sentence"}`. An unknown site and a forbidden one answer with the same bytes.
"""

from typing import Annotated, Any

import msgspec
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.vary import vary_on_headers
from ninja import Field, NinjaAPI, Query, Schema
from ninja.decorators import decorate_view
from ninja.errors import AuthenticationError, ValidationError
from ninja.security.base import AuthBase

from analytics.access import rights, tokens
from analytics.live import state
from analytics.live.snapshot import DEFAULT_LIMIT, LARGEST_LIMIT
from tracker.live.dimensions import TABLE
from tracker.live.filters import Filters

Name = Annotated[str, Field(max_length=2048)]
Names = Annotated[list[Name], Field(max_length=100)]


class ReaderAuth(AuthBase):
    """A token, or a session; a token that is wrong is refused even beside a good session."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    async def authenticate(self, request: HttpRequest) -> rights.Reader | None:
        header = request.headers.get("Authorization")
        if header is not None:
            return await tokens.from_header(header)
        user = await request.auser()
        return user if user.is_active else None

    async def __call__(self, request: HttpRequest) -> rights.Reader | None:
        return await self.authenticate(request)


class Problem(Schema):
    error: str


class Named(Schema):
    name: str
    tabs: int


class Live(Schema):
    """Who is on the site right now."""

    site: str
    at: str
    seq: int
    stale: int
    tabs: int
    visitors: int
    active: int
    idle: int
    hidden: int
    pages: list[Named]
    referrers: list[Named]
    browsers: list[Named]
    systems: list[Named]
    devices: list[Named]
    countries: list[Named]
    channels: list[Named]
    campaigns: list[Named]
    totals: dict[str, int]


class LiveQuery(Schema):
    """What of the live state to show: names filter, several of one kind mean any of them."""

    limit: int = Field(DEFAULT_LIMIT, ge=1, le=LARGEST_LIMIT, description="the most rows in each list")
    page: Names = []
    referrer: Names = []
    browser: Names = []
    system: Names = []
    device: Names = []
    country: Names = []
    channel: Names = []
    campaign: Names = []

    def filters(self) -> Filters:
        return Filters(**{each.name: frozenset(getattr(self, each.parameter)) for each in TABLE})


api = NinjaAPI(
    title="Footfall",
    version="1",
    description="Live and stored figures of your sites. Make a token with `manage.py addtoken`.",
    auth=ReaderAuth(),
    urls_namespace="api",
)


@api.get(
    "/sites/{key}/live",
    response={200: Live, 401: Problem, 404: Problem, 422: Problem, 503: Problem},
    summary="Who is on a site right now",
    url_name="live",
    tags=["live"],
)
@decorate_view(vary_on_headers("Authorization", "Cookie"))
async def site_live(request: HttpRequest, key: str, query: Query[LiveQuery]) -> HttpResponse:
    """Open tabs and distinct visitors, counted from open sockets, and the longest lists by tabs."""
    site = await rights.asite_for(request.auth, key)  # type: ignore[attr-defined]
    if site is None:
        raise Http404
    return answer(await state.now(site, query.limit, query.filters()))


def answer(body: dict[str, Any], status: int = 200) -> HttpResponse:
    """This object as JSON; never kept by a cache, since the next moment's is another."""
    response = HttpResponse(msgspec.json.encode(body), content_type="application/json", status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


@api.exception_handler(AuthenticationError)
def unknown_reader(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    response = answer({"error": "Send an API token (Authorization: Bearer TOKEN), or log in first."}, 401)
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(Http404)
def unknown_site(request: HttpRequest, error: Http404) -> HttpResponse:
    return answer({"error": "There is no such site, or you may not see it."}, 404)


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def no_database(request: HttpRequest, error: Exception) -> HttpResponse:
    """Readers are looked up for every request, so while Postgres is away nobody can be answered."""
    return answer({"error": "Postgres does not answer: try again."}, 503)


@api.exception_handler(ValidationError)
def bad_query(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0]
    # ("query", "query", "limit"): what was sent is not repeated, only where it was wrong and how.
    name = next((part for part in reversed(first["loc"]) if isinstance(part, str)), "query")
    return answer({"error": f"{name}: {first['msg']}."}, 422)
