"""`GET /sites/KEY/refusals`: who was refused at a site's door in the last hours, for whoever sets it up."""

from datetime import UTC, datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.vary import vary_on_headers
from ninja import NinjaAPI, Schema
from ninja.decorators import decorate_view

from analytics.access import rights
from analytics.api.base import Problem, answer
from analytics.live.state import LiveState
from tracker.live.refusals import HOURS


class RefusalShown(Schema):
    """One reason: `of` is the host of the pages, or the name of the program; "" where nobody said it."""

    reason: str
    of: str
    count: int
    at: datetime


class RefusalList(Schema):
    """The refusals of the last hours, the last first; `stale` is 1 while they cannot be read."""

    site: str
    hours: int
    stale: int
    refusals: list[RefusalShown]


def add_refusals(api: NinjaAPI, live: LiveState) -> None:
    """Add the operation that tells of refusals."""

    @api.get(
        "/sites/{key}/refusals",
        response={200: RefusalList, 401: Problem, 429: Problem, 404: Problem, 503: Problem},
        summary="Who was not counted, and why",
        url_name="refusals",
        tags=["live"],
    )
    @decorate_view(vary_on_headers("Authorization", "Cookie"))
    async def site_refusals(request: HttpRequest, key: str) -> HttpResponse:
        """Pages, programs and visitors that the site did not take in the last six hours, by reason
        (docs/protocol.md). Hosts and names of programs only: no address, no full agent."""
        site = await rights.asite_for(request.auth, key)  # type: ignore[attr-defined]
        if site is None:
            raise Http404
        found = await live.refusals(site.pk)
        rows = [
            {"reason": row.reason, "of": row.of, "count": row.count, "at": moment(row.at)}
            for row in found or ()
        ]
        return answer({"site": site.key, "hours": HOURS, "stale": int(found is None), "refusals": rows})


def moment(at: float) -> str:
    """A moment as the live object writes its own."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
