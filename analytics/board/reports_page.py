"""The reports of a site, and its visits: pages that ask `stats` and `visits` of the API."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.access.rights import Reader, asees_servers, owns
from analytics.board.pages import site_of, visible
from analytics.board.report_tables import (
    COLUMNS,
    COLUMNS_OF_EVENTS,
    DRAWN,
    FIGURES,
    HOST,
    INTERVALS,
    LIVE,
    OF_PAGE,
    OF_SITE,
    TABLES,
    ReportTab,
)
from analytics.models import Segment
from tracker.models import Site


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
    context = await _chosen_by(user, site) | {
        "tables": [(name, _of(site, tabs)) for name, tabs in (OF_PAGE | TABLES).items()],
        "of_site": OF_SITE,
        "of_page": OF_PAGE,
        "drawn": ",".join(DRAWN),
        "columns": ",".join(COLUMNS),
        "columns_of_events": ",".join(COLUMNS_OF_EVENTS),
        "figures": FIGURES,
        "intervals": INTERVALS,
        "owner": await sync_to_async(owns)(user, site),
    }
    return render(request, "reports.html", context)


@never_cache
@require_safe
@login_required
async def visits(request: HttpRequest, key: str, expect: Callable[[], None]) -> HttpResponse:
    """`/sites/KEY/visits/`: the visits of these days one by one, under the filters of reports."""
    site = await site_of(request, key)
    expect()
    return render(request, "visits.html", await _chosen_by(await request.auser(), site))


async def _chosen_by(user: Reader, site: Site) -> dict[str, Any]:
    """What both pages show: the site, and by what is chosen."""
    all_tabs = [tab for table in (TABLES | OF_PAGE).values() for tab in _of(site, table)]
    tabs = list({tab.dimension: tab for tab in all_tabs}.values())
    segments = [
        {"id": each.pk, "name": each.name, "query": each.query}
        async for each in Segment.objects.filter(site=site)
    ]
    return {
        "user": user,
        "site": site,
        "sites": await visible(user),
        "sees_servers": await asees_servers(user),
        "tabs": tabs,
        "dimensions": ",".join(tab.dimension for tab in tabs),
        "live": json.dumps(LIVE),
        "segments": json.dumps(segments),
    }


def _of(site: Site, tabs: Sequence[ReportTab]) -> list[ReportTab]:
    """Those that tell a site's page views apart."""
    return [tab for tab in tabs if tab.dimension != HOST or site.show_host]
