"""`GET /sites/KEY/live`: who is on a site right now. Its schemas follow the snapshot and the dimensions."""

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.vary import vary_on_headers
from ninja import Field, NinjaAPI, Query, Schema
from ninja.decorators import decorate_view
from pydantic import create_model

from analytics.access import rights
from analytics.api.base import Problem, answer
from analytics.live.snapshot import DEFAULT_LIMIT, LARGEST_LIMIT, NameTabs, Snapshot, Snapshots
from analytics.live.state import LiveState
from analytics.queries import filtering
from tracker.live.dimensions import TABLE
from tracker.live.filters import Filters

Name = Annotated[str, Field(max_length=2048)]
Names = Annotated[list[Name], Field(max_length=100)]


class Named(Schema):
    name: str
    tabs: int


# What nobody stores and the time machine leaves out is always known live.
SHOWN_AS = {list[NameTabs]: list[Named], int | None: int}

# What only boards are sent has a default: that it is not there.
LIVE_FIELDS: dict[str, Any] = {
    each.name: (SHOWN_AS.get(each.type, each.type), ...)
    for each in msgspec.structs.fields(Snapshot)
    if each.required
}
Live = create_model("Live", __base__=Schema, __doc__="Who is on the site right now.", **LIVE_FIELDS)


class NamesQuery(Schema):
    """What of the live state to show: names filter, several of one kind mean any of them."""

    def filters(self) -> Filters:
        return Filters.of_names(
            filtering.named({each.parameter: getattr(self, each.parameter) for each in TABLE})
        )


class LiveQuery(NamesQuery):
    """Names filter; and how long lists are."""

    limit: int = Field(DEFAULT_LIMIT, ge=1, le=LARGEST_LIMIT, description="the most rows in each list")


if TYPE_CHECKING:
    FilteredNames = NamesQuery
    FilteredQuery = LiveQuery
else:
    names_by_parameter = {each.parameter: (Names, []) for each in TABLE}
    FilteredNames = create_model("NamesQuery", __base__=NamesQuery, **names_by_parameter)
    FilteredQuery = create_model("LiveQuery", __base__=LiveQuery, **names_by_parameter)


def add_live(api: NinjaAPI, live: LiveState, snapshots: Snapshots) -> None:
    """Add the operations that tell of the live state."""

    @api.get(
        "/sites/{key}/live",
        response={
            200: Live,
            400: Problem,
            401: Problem,
            429: Problem,
            404: Problem,
            422: Problem,
            503: Problem,
        },
        summary="Who is on a site right now",
        url_name="live",
        tags=["live"],
    )
    @decorate_view(vary_on_headers("Authorization", "Cookie"))
    async def site_live(request: HttpRequest, key: str, query: Query[FilteredQuery]) -> HttpResponse:
        """Open tabs and distinct visitors, counted from open sockets, and the longest lists by tabs."""
        site = await rights.asite_for(request.auth, key)  # type: ignore[attr-defined]
        if site is None:
            raise Http404
        counters = await live.counters(site.pk, query.filters())
        _, shown = snapshots.make(counters, site.key, query.limit)
        return answer(shown)
