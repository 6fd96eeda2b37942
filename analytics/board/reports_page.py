"""The reports of a site, a page that asks `GET /api/v1/sites/KEY/stats`."""

import json
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.access.rights import owns
from analytics.board.pages import site_of, visible
from analytics.board.report_tables import FIGURES, INTERVALS, LIVE, TABLES
from analytics.models import Goal, Segment


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
    owner = await sync_to_async(owns)(user, site)
    segments = [
        {"id": each.pk, "name": each.name, "query": each.query}
        async for each in Segment.objects.filter(site=site)
    ]
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
        "owner": owner,
        "segments": json.dumps(segments),
        "goals": json.dumps([goal.name async for goal in Goal.objects.filter(site=site)]),
    }
    return render(request, "reports.html", context)
