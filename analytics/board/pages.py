"""The staff pages: the sites one may see, a site's board, logging in."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LogoutView
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.access.rights import Reader, asite_for, is_staff, owned_sites, visible_sites
from analytics.live.last_hour import SitesHour
from analytics.live.state import LiveState
from tracker.live.dimensions import TABLE
from tracker.models import PageView, Site
from tracker.sites import snippet_tag

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
async def sites(request: HttpRequest, live: LiveState) -> HttpResponse:
    """`/`: the sites that the reader may see, each with its live count."""
    user = await request.auser()
    listed = await _live(user, live)
    return render(request, "sites.html", {"user": user, "staff": is_staff(user), "sites": listed})


@never_cache
@require_safe
async def sites_live(request: HttpRequest, live: LiveState, hour: SitesHour) -> JsonResponse:
    """`/sites/live.json`, for the page above; `views` are those of `SitesHour`:
    `{"sites": [{"site": key, "visitors": …, "tabs": …, "views": [60 counts]}]}`."""
    user = await request.auser()
    if not is_staff(user):
        return JsonResponse({"error": "Log in first."}, status=403)
    now = live.clock()
    await hour.read(now)
    return JsonResponse(
        {
            "sites": [
                {"site": site.key, **counted, "views": hour.of(site.pk, now)}
                for site, counted in await _live(user, live)
            ]
        }
    )


@never_cache
@require_safe
@login_required
async def board(request: HttpRequest, key: str) -> HttpResponse:
    """`/sites/KEY/`: the live board, `?wall` for a screen on a wall; before the first visit, the snippet."""
    site = await _site(request, key)
    user = await request.auser()
    scheme = "https" if settings.FOOTFALL_HTTPS else request.scheme
    context: dict[str, Any] = {
        "user": user,
        "site": site,
        "sites": await _visible(user),
        "panels": PANELS.items(),
        "system": SYSTEM,
        "wall": "wall" in request.GET,
        "snippet": snippet_tag.tag(site, f"{scheme}://{request.get_host()}"),
        "owner": await owned_sites(user).filter(pk=site.pk).aexists(),
        "installed": await PageView.objects.filter(site_id=site.pk).aexists(),
    }
    return render(request, "board.html", context)


@never_cache
@require_safe
@login_required
async def reports(request: HttpRequest, key: str) -> HttpResponse:
    """`/sites/KEY/reports/`: history, which is a page of the admin."""
    site = await _site(request, key)
    return redirect("admin:tracker_site_report", site.pk)


async def _site(request: HttpRequest, key: str) -> Site:
    site = await asite_for(await request.auser(), key)
    if site is None:
        raise Http404("There is no such site, or you may not see it.")
    return site


async def _visible(user: Reader) -> list[Site]:
    return [site async for site in visible_sites(user)]


async def _live(user: Reader, live: LiveState) -> list[tuple[Site, dict[str, int]]]:
    sites = await _visible(user)
    known = live.totals([site.pk for site in sites])
    counts = (known.get(site.pk, (0, 0)) for site in sites)
    return [
        (site, {"visitors": visitors, "tabs": tabs})
        for site, (tabs, visitors) in zip(sites, counts, strict=True)
    ]
