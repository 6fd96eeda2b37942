"""The reports of a site, a page that asks `GET /api/v1/sites/KEY/stats`."""

import json
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.board.pages import site_of, visible
from analytics.board.report_tables import FIGURES, INTERVALS, LIVE, TABLES


@never_cache
@require_safe
@login_required
async def reports(request: HttpRequest, key: str, expect: Callable[[], None]) -> HttpResponse:
    """`/sites/KEY/reports/`: what happened, over any days and under any filter.

    `expect` is told that questions are about to come.
    """
    site = await site_of(request, key)
    expect()
    user = await request.auser()
    tabs = [tab for table in TABLES.values() for tab in table]
    context: dict[str, Any] = {
        "user": user,
        "site": site,
        "sites": await visible(user),
        "tables": TABLES.items(),
        "figures": FIGURES,
        "intervals": INTERVALS,
        "tabs": tabs,
        "dimensions": ",".join(tab.dimension for tab in tabs),
        "live": json.dumps(LIVE),
    }
    return render(request, "reports.html", context)
