"""What a board asks for beside its socket, as JSON: for those who may see the board, and nobody else."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics import concurrency, paths, queries, replay
from analytics.access import asite_for
from tracker.filters import Filters
from tracker.models import Site


@never_cache
@require_safe
async def curve(request: HttpRequest, key: str) -> HttpResponse:
    """`/sites/KEY/curve.json`: today minute by minute, beside another day; takes live filters."""
    return await _answer(
        request, key, lambda site, filters: concurrency.today(site, datetime.now(UTC), filters)
    )


@never_cache
@require_safe
async def steps(request: HttpRequest, key: str) -> HttpResponse:
    """`/sites/KEY/paths.json?page=…`: from where to where on that page, over the last 30 minutes."""
    page = request.GET.get("page", "")

    def around(site: Site, filters: Filters) -> dict[str, Any]:
        if not page or "\0" in page:
            raise ValueError("Name a page.")
        return paths.around(site, page, datetime.now(UTC))

    return await _answer(request, key, around)


@never_cache
@require_safe
async def moment(request: HttpRequest, key: str) -> HttpResponse:
    """`/sites/KEY/at.json?t=…`: the board's snapshot of a moment of today; takes live filters."""

    def shown(site: Site, filters: Filters) -> dict[str, Any]:
        at = replay.read_moment(request.GET.get("t", ""), site, datetime.now(UTC))
        return replay.at(site, at, filters)

    return await _answer(request, key, shown)


async def _answer(
    request: HttpRequest, key: str, made: Callable[[Site, Filters], dict[str, Any]]
) -> HttpResponse:
    site = await asite_for(await request.auser(), key)
    if site is None:
        return JsonResponse({"error": "There is no such site, or you may not see it."}, status=404)
    try:
        filters = queries.filters(request.GET)
        return JsonResponse(await sync_to_async(made)(site, filters))
    except ValueError as error:
        return JsonResponse({"error": str(error)}, status=400)
