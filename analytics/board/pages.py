"""The staff pages around a board: the board itself, the way to its reports, logging out."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LogoutView
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.access.rights import Reader, asees_servers, asite_for, visible_sites
from analytics.sites.installing import installation
from tracker.live.dimensions import TABLE
from tracker.models import SignalSeries, Site

# The lists of the board, by where they stand; those that share a place are its tabs.
PANELS = {
    panel: [each for each in TABLE if each.panel == panel]
    for panel in ("pages", "sources", "countries", "software")
}

# What the foot says of Footfall itself: a name of `tracker.across.vitals`, a word, its meaning.
SYSTEM = [
    ("sockets", "sockets", "Pages that hold a socket, or post, over all processes"),
    ("messages", "messages", "What pages said, per second, over all processes"),
    ("delay", "writes", "How long the last page views waited until Postgres had them"),
    ("depth", "waiting", "Page views and events that wait for Postgres now"),
    ("cpu", "cpu", "Processor time of all edges and of the process that serves this page; 100 % is one core"),
    ("memory", "memory", "Memory of all edges and of the process that serves this page"),
]

logout = LogoutView.as_view()


@never_cache
@require_safe
@login_required
async def board(request: HttpRequest, key: str) -> HttpResponse:
    """`/sites/KEY/`: the live board, `?wall` for a screen on a wall; before the first visit, the snippet."""
    user = await request.auser()
    site = await site_of(request, key)
    sees_servers = await asees_servers(user)
    context: dict[str, Any] = {
        "user": user,
        "site": site,
        "sites": await visible(user),
        "sees_servers": sees_servers,
        "has_series": sees_servers and await SignalSeries.objects.aexists(),
        "panels": PANELS.items(),
        "system": SYSTEM,
        "wall": "wall" in request.GET,
        **await installation(request, user, site),
    }
    return render(request, "board.html", context)


async def site_of(request: HttpRequest, key: str) -> Site:
    """The site of this key, if there is one and the reader may see it. Raises Http404."""
    site = await asite_for(await request.auser(), key)
    if site is None:
        raise Http404("There is no such site, or you may not see it.")
    return site


async def visible(user: Reader) -> list[Site]:
    """The sites that a reader may see."""
    return [site async for site in visible_sites(user)]
