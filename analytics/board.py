"""The staff pages: the sites one may see, a site's board, logging in."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, LogoutView
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.access import Reader, asite_for, is_staff, visible_sites
from tracker import edge, snippet
from tracker.models import PageView, Site

LISTS = [
    ("pages", "Pages"),
    ("referrers", "Referrers"),
    ("countries", "Countries"),
    ("browsers", "Browsers"),
    ("systems", "Systems"),
    ("devices", "Devices"),
]

login = LoginView.as_view(template_name="login.html", redirect_authenticated_user=True)
logout = LogoutView.as_view()


@never_cache
@require_safe
@login_required
async def sites(request: HttpRequest) -> HttpResponse:
    """`/`: the sites that the reader may see, each with its live count."""
    user = await request.auser()
    listed = [(site, _live(site)) for site in await _visible(user)]
    return render(request, "sites.html", {"user": user, "staff": is_staff(user), "sites": listed})


@never_cache
@require_safe
async def sites_live(request: HttpRequest) -> JsonResponse:
    """`/sites/live.json`, for the page above: `{"sites": [{"site": key, "visitors": …, "tabs": …}]}`."""
    user = await request.auser()
    if not is_staff(user):
        return JsonResponse({"error": "Log in first."}, status=403)
    counts = [{"site": site.key, **_live(site)} for site in await _visible(user)]
    return JsonResponse({"sites": counts})


@never_cache
@require_safe
@login_required
async def board(request: HttpRequest, key: str) -> HttpResponse:
    """`/sites/KEY/`: the live board; before the first visit, how to install the snippet."""
    site = await _site(request, key)
    user = await request.auser()
    scheme = "https" if settings.FOOTFALL_HTTPS else request.scheme
    context: dict[str, Any] = {
        "user": user,
        "site": site,
        "sites": await _visible(user),
        "lists": LISTS,
        "snippet": snippet.tag(site, f"{scheme}://{request.get_host()}"),
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


def _live(site: Site) -> dict[str, int]:
    here = edge.running()
    if here is None:
        # No edge yet: nobody has come since this process started.
        return {"visitors": 0, "tabs": 0}
    presence = here.presence.site(site.pk)
    return {"visitors": presence.visitors, "tabs": presence.tabs}
