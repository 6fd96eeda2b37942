"""What a board asks for beside its socket, as JSON: for those who may see the board, and nobody else."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.access.rights import asite_for
from analytics.board import full_list, paths, replay, titles
from analytics.board.day import DayCurves
from analytics.live.state import LiveState
from analytics.queries import filtering
from analytics.queries.shared_answers import SharedAnswers
from analytics.queries.time_limit import TooMuch
from tracker.live.dimensions import DIMENSIONS
from tracker.live.filters import Filters
from tracker.models import Site

# A board asks for its curve once a minute, and for its paths every 5 s: those who look at the same share it.
CURVE_SECONDS, PATHS_SECONDS, TITLES_SECONDS = 10.0, 3.0, 3.0


@never_cache
@require_safe
async def curve(request: HttpRequest, key: str, answers: SharedAnswers, curves: DayCurves) -> HttpResponse:
    """`/sites/KEY/curve.json`: today minute by minute, beside another day; takes live filters."""

    def shown(site: Site, filters: Filters) -> Awaitable[Any]:
        now = datetime.now(UTC)
        key_of_answer = ("curve", site.key, site.timezone, filters)
        return answers.get(key_of_answer, lambda: curves.today(site, now, filters), CURVE_SECONDS)

    return await _answer(request, key, shown)


@never_cache
@require_safe
async def steps(request: HttpRequest, key: str, answers: SharedAnswers) -> HttpResponse:
    """`/sites/KEY/paths.json?page=…`: from where to where on those pages in the 30 minutes to `t`, or now."""

    def around(site: Site, filters: Filters) -> Awaitable[Any]:
        _pages(filters)
        now = datetime.now(UTC)
        until = replay.read_moment(request.GET["t"], site, now) if "t" in request.GET else now
        asked = ("paths", site.key, filters, request.GET.get("t"))
        return answers.get(asked, lambda: paths.around(site, filters, until), PATHS_SECONDS)

    return await _answer(request, key, around)


@never_cache
@require_safe
async def called(request: HttpRequest, key: str, answers: SharedAnswers) -> HttpResponse:
    """`/sites/KEY/titles.json?page=…`: what these pages are called."""

    def named(site: Site, filters: Filters) -> Awaitable[Any]:
        pages = _pages(filters)
        now = datetime.now(UTC)
        return answers.get(
            ("titles", site.key, filters), lambda: titles.titles(site, pages, now), TITLES_SECONDS
        )

    return await _answer(request, key, named)


@never_cache
@require_safe
async def moment(request: HttpRequest, key: str, answers: SharedAnswers) -> HttpResponse:
    """`/sites/KEY/at.json?t=…`: the board's snapshot of a moment of today; takes live filters."""

    def shown(site: Site, filters: Filters) -> Awaitable[Any]:
        at = replay.read_moment(request.GET.get("t", ""), site, datetime.now(UTC))
        return answers.get(("at", site.key, at, filters), lambda: replay.at(site, at, filters))

    return await _answer(request, key, shown)


@never_cache
@require_safe
async def whole_list(request: HttpRequest, key: str, answers: SharedAnswers, live: LiveState) -> HttpResponse:
    """`/sites/KEY/list.json?of=pages`: one list in full, now or at `t`; takes `find` and live filters."""
    of, text = request.GET.get("of", ""), request.GET.get("find", "")

    async def shown(site: Site, filters: Filters) -> full_list.FullList:
        if of not in DIMENSIONS or len(text) > filtering.LONGEST_NAME:
            raise ValueError("Name one of the lists, and a text that is no longer than a name.")
        if "t" not in request.GET:
            return full_list.listed(await live.counters(site.pk, filters), of, text)
        at = replay.read_moment(request.GET["t"], site, datetime.now(UTC))
        asked = ("list", site.key, at, filters, of, text)
        return await answers.get(asked, lambda: full_list.listed(replay.counted(site, at, filters), of, text))

    return await _answer(request, key, shown)


def _pages(filters: Filters) -> list[str]:
    """The pages that are asked about. Raises ValueError where none is."""
    pages = filters.names()["pages"]
    if not pages:
        raise ValueError("Name a page.")
    return pages


async def _answer(
    request: HttpRequest, key: str, made: Callable[[Site, Filters], Awaitable[Any]]
) -> HttpResponse:
    site = await asite_for(await request.auser(), key)
    if site is None:
        return JsonResponse({"error": "There is no such site, or you may not see it."}, status=404)
    try:
        answer = await made(site, filtering.filters(request.GET))
        return HttpResponse(msgspec.json.encode(answer), content_type="application/json")
    except ValueError as error:
        return JsonResponse({"error": str(error)}, status=400)
    except TooMuch as error:
        return JsonResponse({"error": str(error)}, status=503)
    except (DatabaseError, InterfaceError):
        return JsonResponse({"error": "The database does not answer."}, status=503)
