"""`/sites/KEY/servers.json`: page views per minute by the server that told of them, for a site's board."""

import time
from collections import defaultdict
from typing import Any

import msgspec
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.access.rights import asite_for
from analytics.queries.shared_answers import SharedAnswers
from analytics.queries.time_limit import TooMuch
from analytics.servers import stored
from analytics.servers.stored import Wanted

# As the board's other bars; of more servers the busiest are shown.
MINUTES, SERVERS_MOST = 60, 12
# The minute that runs is of the shortest windows, which end every ten seconds.
SHORTEST, MINUTE = 10, 60
FRESH_SECONDS = 3.0


class ServerViews(msgspec.Struct):
    """One server: its page views of each minute, the one that runs last."""

    name: str
    views: list[int]


class ViewsByServer(msgspec.Struct):
    """`to`: the minute that runs, since 1970. `servers`: by name; `others`: how many more there are."""

    to: int
    servers: list[ServerViews]
    others: int


@never_cache
@require_safe
async def by_server(request: HttpRequest, key: str, answers: SharedAnswers) -> HttpResponse:
    """The last 60 minutes of each server, for those who may see the board."""
    site = await asite_for(await request.auser(), key)
    if site is None:
        return JsonResponse({"error": "There is no such site, or you may not see it."}, status=404)
    try:
        own = site.key
        answer: Any = await answers.get(
            ("servers", own), lambda: views_by_server(own, time.time()), FRESH_SECONDS
        )
        return HttpResponse(msgspec.json.encode(answer), content_type="application/json")
    except TooMuch as error:
        return JsonResponse({"error": str(error)}, status=503)
    except (DatabaseError, InterfaceError):
        return JsonResponse({"error": "The database does not answer."}, status=503)


def views_by_server(key: str, now: float) -> ViewsByServer:
    """What was stored of each server, minute by minute, in the hour until `now` (seconds since 1970)."""
    to = int(now) // MINUTE
    since = (to - MINUTES + 1) * MINUTE
    series = {
        row.pk: stored.series_of(row)
        for row in stored.matching(Wanted(("site.views",), (("site", key),)))[: stored.SERIES_MOST]
    }
    views: dict[str, list[int]] = defaultdict(lambda: [0] * MINUTES)
    found = stored.windows(series, MINUTE, since, to * MINUTE) if series else {}
    running = stored.windows(series, SHORTEST, since, now) if series else {}
    for number, of in series.items():
        ended = {row.at // MINUTE for row in found[number]}
        # A minute's own window is there some seconds after its end.
        rows = [*found[number], *(row for row in running[number] if row.at // MINUTE not in ended)]
        for row in rows:
            views[dict(of.tags).get("server", "")][row.at // MINUTE - to + MINUTES - 1] += round(row.sum or 0)
    busiest = sorted((name for name in views if any(views[name])), key=lambda name: -sum(views[name]))
    shown = sorted(busiest[:SERVERS_MOST])
    return ViewsByServer(to, [ServerViews(name, views[name]) for name in shown], len(busiest) - len(shown))
