"""`/servers/`: servers' datapoints, live, beside the people on a site."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.access import rights
from analytics.servers import stored

# As static/servers/choice.js has them.
SPANS = (
    ("10m", "ten minutes"),
    ("1h", "an hour"),
    ("6h", "six hours"),
    ("1d", "a day"),
    ("7d", "seven days"),
)
MEASURES = ("p50", "p90", "p99", "mean", "max", "rate")


@never_cache
@require_safe
@login_required
async def servers(request: HttpRequest) -> HttpResponse:
    """The page; which series it shows stands in its address, and is its script's to read."""
    user = await request.auser()
    if not await rights.asees_servers(user):
        raise PermissionDenied
    context: dict[str, Any] = {
        "user": user,
        "sites": [site async for site in rights.visible_sites(user)],
        "sees_servers": True,
        "spans": SPANS,
        "measures": MEASURES,
        "kept": " ".join(f"{seconds}:{kept}" for seconds, kept in stored.kept_seconds().items()),
        "gathers": settings.FOOTFALL_SIGNALS_SOCKET is not None,
    }
    return render(request, "servers.html", context)
