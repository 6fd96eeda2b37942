"""`/`: the sites that one may see, each with its live count."""

from datetime import UTC, datetime, time

from django.contrib.auth.decorators import login_required
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.access.rights import Reader, amay_add_sites, asees_servers, is_staff, visible_sites
from analytics.live.last_hour import SitesHour
from analytics.live.sites_today import SitesToday
from analytics.live.state import LiveState
from tracker.contract.zones import zone_of
from tracker.models import PageView, Site

# From so many sites on they are searched, and stand in groups.
MANY = 20


@never_cache
@require_safe
@login_required
async def page(request: HttpRequest, live: LiveState) -> HttpResponse:
    """The page; its script asks for the counts below."""
    user = await request.auser()
    sites = await _live(user, live)
    seen = Site.objects.filter(Exists(PageView.objects.filter(site_id=OuterRef("pk"))))
    context = {
        "user": user,
        "staff": is_staff(user),
        "may_add": await amay_add_sites(user),
        "sees_servers": await asees_servers(user),
        "sites": sites,
        "installed": {pk async for pk in seen.values_list("pk", flat=True)},
        "many": len(sites) >= MANY,
        "visitors": sum(counted["visitors"] for _, counted in sites),
    }
    return render(request, "sites.html", context)


@never_cache
@require_safe
async def counts(request: HttpRequest, live: LiveState, hour: SitesHour, today: SitesToday) -> JsonResponse:
    """`/sites/live.json`, for the page above:
    `{"sites": [{"site": key, "visitors": …, "tabs": …, "today": …, "views": [60 counts]}]}`.

    `views` are those of `SitesHour`, `today` the page views since the site's midnight, null while not known.
    """
    user = await request.auser()
    if not is_staff(user):
        return JsonResponse({"error": "Log in first."}, status=403)
    now = live.clock()
    await hour.read(now)
    await today.read(now)

    def told(site: Site, counted: dict[str, int]) -> dict[str, object]:
        views = hour.of(site.pk, now)
        begun = today.of(site.pk, midnight(site, now), now, views)
        return {"site": site.key, **counted, "today": begun, "views": views}

    return JsonResponse({"sites": [told(*each) for each in await _live(user, live)]})


def midnight(site: Site, now: float) -> float:
    """When the site's day began (Unix time)."""
    zone = zone_of(site.timezone)
    day = datetime.fromtimestamp(now, UTC).astimezone(zone).date()
    return datetime.combine(day, time(), zone).timestamp()


async def _live(user: Reader, live: LiveState) -> list[tuple[Site, dict[str, int]]]:
    sites = [site async for site in visible_sites(user)]
    known = live.totals([site.pk for site in sites])
    found = (known.get(site.pk, (0, 0)) for site in sites)
    return [
        (site, {"visitors": visitors, "tabs": tabs})
        for site, (tabs, visitors) in zip(sites, found, strict=True)
    ]
