"""`GET /sites/KEY/imported`: what other products counted, of days that Footfall did not count."""

from datetime import date
from typing import Any

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema

from analytics.access import rights
from analytics.api.base import Problem, answer
from analytics.importing.figures import DIMENSIONS, TOTAL
from analytics.importing.imported_days import days_of
from analytics.importing.imported_sums import NamedFigures
from analytics.models import ImportedFile
from analytics.queries.ranges import FIRST, LAST, read_day
from tracker.models import Site

MOST_ROWS = 10_000


class ImportedFigures(Schema):
    """Figures that another product counted, by its own rules: never added to Footfall's."""

    site: str
    products: list[str]
    days: dict[str, Any]
    rows: list[dict[str, Any]]


def add_imported(api: NinjaAPI) -> None:
    """Add the operation that tells imported figures."""

    @api.get(
        "/sites/{key}/imported",
        response={200: ImportedFigures, 400: Problem, 401: Problem, 404: Problem},
        summary="Figures that another product counted",
        url_name="imported",
        tags=["history"],
        openapi_extra={
            "parameters": [
                {
                    "name": name,
                    "in": "query",
                    "description": description,
                    "schema": {"type": "string"},
                    "example": example,
                }
                for name, description, example in (
                    ("from", "the first day", "2025-03-01"),
                    ("to", "the last day", "2025-03-31"),
                    ("by", f"one of {', '.join(DIMENSIONS)}; without it: a row for each day", "page"),
                )
            ]
        },
    )
    async def site_imported(request: HttpRequest, key: str) -> HttpResponse:
        """Days that the site counted itself are left out: own figures win. No filter applies to these."""
        site = await rights.asite_for(request.auth, key)  # type: ignore[attr-defined]
        if site is None:
            raise Http404
        by = request.GET.get("by", TOTAL)
        if by not in (TOTAL, *DIMENSIONS):
            return answer({"error": f"by is one of {', '.join(DIMENSIONS)}."}, 400)
        try:
            first, last = (
                read_day(request.GET[name]) if name in request.GET else otherwise
                for name, otherwise in (("from", FIRST), ("to", LAST))
            )
        except ValueError as wrong:
            return answer({"error": str(wrong)}, 400)
        return answer(await sync_to_async(_told)(site, first, last, by))


def _told(site: Site, first: date, last: date, by: str) -> dict[str, Any]:
    files = ImportedFile.objects.filter(site=site, first__lte=last, last__gte=first)
    figures = NamedFigures(days_of(site, first, last), by)
    if by == TOTAL:
        rows = [{"day": day, **sums} for day, _, sums in figures.by_day()]
    else:
        rows = [{by: name, **sums} for name, sums in figures.most(MOST_ROWS)]
    return {
        "site": site.key,
        "products": sorted({file.get_product_display() for file in files}),
        "days": {
            "from": min((file.first for file in files), default=None),
            "to": max((file.last for file in files), default=None),
        },
        "rows": rows,
    }
