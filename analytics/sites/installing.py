"""`/sites/KEY/install/`: the snippet in all its variants, and live what comes of it, and what was refused."""

from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.access.rights import Reader, asees_servers, asite_for, owned_sites, visible_sites
from analytics.live.state import LiveState
from analytics.sites.snippet_variants import variants
from tracker.live.refusals import OTHER, Refusal
from tracker.models import PageView, Site
from tracker.pages.readable_hosts import readable_host, readable_page
from tracker.visitors import addresses

# What was refused longer ago has nothing to do with what somebody does just now.
RECENT_SECONDS = 60
ABOUT_HOSTS = ("wrong_origin", "foreign_page")


@never_cache
@require_safe
@login_required
async def page(request: HttpRequest, key: str) -> HttpResponse:
    """The page, for a site that is new as for one that counts."""
    user = await request.auser()
    site = await asite_for(user, key)
    if site is None:
        raise Http404("There is no such site, or you may not see it.")
    context = {
        "user": user,
        "site": site,
        "sites": [each async for each in visible_sites(user)],
        "sees_servers": await asees_servers(user),
        **await installation(request, user, site),
    }
    return render(request, "install_page.html", context)


async def installation(request: HttpRequest, reader: Reader, site: Site) -> dict[str, Any]:
    """What `install.html` needs."""
    base = public_address(request)
    return {
        "variants": variants(site, base),
        "hosts": [readable_host(host) for host in site.hosts],
        "warning": warning(site, base),
        "owner": await owned_sites(reader).filter(pk=site.pk).aexists(),
        "installed": await PageView.objects.filter(site_id=site.pk).aexists(),
        "first_page": f"https://{site.domain}/",
    }


def public_address(request: HttpRequest) -> str:
    """Where pages find Footfall: where the reader found it, or FOOTFALL_URL where only this machine would."""
    scheme = "https" if settings.FOOTFALL_HTTPS else request.scheme
    asked = f"{scheme}://{request.get_host()}"
    configured: str = settings.FOOTFALL_URL
    return configured if is_local(asked) and not is_local(configured) else asked


def is_local(url: str) -> bool:
    """Whether an address leads to the machine that uses it."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def warning(site: Site, base: str) -> str:
    """Why the snippet's address will not do for the site's pages; "" where it will."""
    if all(is_local(f"//{host}") for host in site.hosts):
        return ""
    if is_local(base):
        return (
            f"{base} is this machine alone: browsers elsewhere, with pages of {site.shown}, cannot load the "
            "snippet from there. Open Footfall by the address that visitors reach, or set FOOTFALL_URL to "
            "it, and copy again."
        )
    if base.startswith("http:"):
        return f"{base} is without TLS: browsers load nothing from there into pages that are served by https."
    return ""


@never_cache
@require_safe
async def state(request: HttpRequest, key: str, live: LiveState) -> HttpResponse:
    """`/sites/KEY/install.json`: what came and what was refused within a minute; with `?refused` only that.

    `{"now": seconds, "last": {"at": seconds, "page": …} or null, "rule": the excluded address or network that
    the reader's own lies in, or "", "refused": [{"reason", "of", "count", "at"}]}`; moments are Unix time.
    """
    site = await asite_for(await request.auser(), key)
    if site is None:
        return JsonResponse({"error": "There is no such site, or you may not see it."}, status=404)
    now = datetime.now(UTC).timestamp()
    refused = [each for each in await live.refusals(site.pk) or () if now - each.at < RECENT_SECONDS]
    answer: dict[str, Any] = {
        "now": now,
        "refused": [_shown(each) for each in refused if not _is_mended(site, each)],
        "rule": own_rule(request, site),
    }
    if "refused" not in request.GET:
        last = await PageView.objects.filter(site_id=site.pk).order_by("-began_at").afirst()
        answer["last"] = last and {"at": last.began_at.timestamp(), "page": readable_page(last.path)}
    return JsonResponse(answer)


def own_rule(request: HttpRequest, site: Site) -> str:
    """What of the site's exclusions the reader's own address lies in; "" where it is counted."""
    proxies = addresses.networks(settings.FOOTFALL_TRUSTED_PROXIES)
    forwarded = request.headers.get("x-forwarded-for", "")
    address = addresses.client_address(request.META.get("REMOTE_ADDR"), forwarded, proxies)
    rules = site.excluded_addresses if address else ()
    return next((rule for rule in rules if addresses.within(address, addresses.networks([rule]))), "")


def _shown(refusal: Refusal) -> dict[str, Any]:
    return {"reason": refusal.reason, "of": refusal.of, "count": refusal.count, "at": refusal.at}


def _is_mended(site: Site, refusal: Refusal) -> bool:
    """Whether the site takes by now what it refused."""
    if refusal.reason in ABOUT_HOSTS and refusal.of not in ("", OTHER):
        return any(_covers(host, refusal.of) for host in site.hosts)
    return (refusal.reason == "unknown_site" and site.enabled) or (
        refusal.reason == "opted_out" and not site.honour_dnt
    )


def _covers(allowed: str, host: str) -> bool:
    return host == allowed or (allowed.startswith("*.") and host.endswith(allowed[1:]))
