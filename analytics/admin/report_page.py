"""A site's report: what to show for the asked range, as a page and as CSV; its numbers are `reports`'."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.history import chart, reports, spreadsheet
from analytics.history.durations import spoken
from analytics.history.reports import Figures, Table, TableRow
from analytics.queries import ranges
from analytics.queries.time_limit import TooMuch, time_limit
from tracker.contract.zones import zone_of
from tracker.models import Site

PATIENCE = 20.0  # seconds for each query
MOST_ROWS = 10_000  # of a list's CSV
SAYS = {
    Table.PAGES: ("Top pages", "path", "page views", ""),
    Table.REFERRERS: ("Top referrers", "referrer", "visits", "Direct"),
    Table.COUNTRIES: ("Countries", "country", "visits", "Unknown"),
    Table.BROWSERS: ("Browsers", "browser", "visits", "Unknown"),
    Table.SYSTEMS: ("Systems", "system", "visits", "Unknown"),
    Table.DEVICES: ("Devices", "device", "visits", "Unknown"),
    Table.CHANNELS: ("Channels", "channel", "visits", ""),
    Table.CAMPAIGNS: ("Campaigns", "campaign", "visits", ""),
    Table.SOURCES: ("Campaign sources", "utm_source", "visits", ""),
    Table.MEDIUMS: ("Campaign media", "utm_medium", "visits", ""),
    Table.CONTENTS: ("Campaign contents", "utm_content", "visits", ""),
    Table.TERMS: ("Campaign terms", "utm_term", "visits", ""),
}
"""Each list's title, its column, what it counts, and what its empty name means."""


@dataclass(frozen=True)
class Card:
    """One figure and how it compares; `trend` is up, down or nothing, for its colour and arrow."""

    label: str
    value: str
    change: str = ""
    trend: str = ""
    before: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Listing:
    """One list as the page shows it."""

    table: Table
    title: str
    column: str
    unit: str
    nothing: str
    rows: list[TableRow]


@never_cache
@require_safe
def page(request: HttpRequest, site: Site | None, context: dict[str, Any]) -> HttpResponse:
    """The report page; a range that makes no sense is answered by the form, with 400."""
    if site is None:
        raise Http404
    now = timezone.now()
    days, problem = asked(request, site, now)
    context = {
        **context,
        "title": f"Report: {site.shown}",
        "site": site,
        "opts": Site._meta,
        "presets": ranges.PRESETS,
        "days": days,
        "problem": problem,
    }
    status = 400 if problem else 200
    if days:
        try:
            with time_limit(PATIENCE):
                context |= filled(site, days, now)
        except TooMuch:
            context |= {"problem": "That took too long. Choose fewer days.", "days": None}
            status = 503
    return TemplateResponse(request, "admin/tracker/site/report.html", context, status=status)


@never_cache
@require_safe
def table_csv(request: HttpRequest, site: Site | None, table: str) -> HttpResponse:
    """One list, or the chart's series, as CSV: at most MOST_ROWS rows."""
    if site is None or table not in (*Table, "series"):
        raise Http404
    days, problem = asked(request, site, timezone.now())
    if days is None:
        return HttpResponse(f"{problem}\n", status=400, content_type="text/plain; charset=utf-8")
    try:
        with time_limit(PATIENCE):
            rows = series_rows(site, days) if table == "series" else table_rows(site, days, Table(table))
    except TooMuch:
        return HttpResponse("That took too long. Choose fewer days.\n", status=503, content_type="text/plain")
    name = spreadsheet.file_name(site, table, days)
    response = HttpResponse(spreadsheet.whole(rows, days.zone), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def asked(request: HttpRequest, site: Site, now: datetime) -> tuple[ranges.Range | None, str]:
    """The range that the request asks for, or None and what is wrong with it."""
    try:
        return ranges.read(request.GET, zone_of(site.timezone), now), ""
    except ValueError as error:
        return None, str(error)


def filled(site: Site, days: ranges.Range, now: datetime) -> dict[str, Any]:
    """The numbers of a report."""
    figures, previous = reports.figures(site, days), days.before(now)
    totals = {Table.PAGES: figures.views}
    listings = [
        Listing(table, *says, reports.top(site, days, table, totals.get(table, figures.visits)))
        for table, says in SAYS.items()
    ]
    return {
        "cards": cards(figures, reports.figures(site, previous)),
        "previous": previous,
        "chart": chart.draw(reports.series(site, days), days),
        "listings": listings,
    }


def cards(now: Figures, before: Figures) -> list[Card]:
    """The figures of a range beside those of the range before."""
    return [
        number(
            "Daily visitors", now.visitors, before.visitors, "Distinct on each day, added up over the days."
        ),
        number("Visits", now.visits, before.visits, "Page views of one visitor with gaps under 30 minutes."),
        number("Page views", now.views, before.views),
        span(
            "Engaged per visit", now.per_visit_ms, before.per_visit_ms, "Visible, and used within 15 seconds."
        ),
        span("Engaged per page view", now.per_view_ms, before.per_view_ms),
        bounce_card(now, before),
    ]


def number(label: str, now: int, before: int, hint: str = "") -> Card:
    return Card(label, f"{now:,}", *change(now, before), before=f"{before:,}", hint=hint)


def span(label: str, now: float | None, before: float | None, hint: str = "") -> Card:
    return Card(label, spoken(now), *change(now, before), before=spoken(before), hint=hint)


def bounce_card(now: Figures, before: Figures) -> Card:
    """Bounces compare in points, since a share of a share misleads."""
    share, earlier = now.bounce_rate, before.bounce_rate
    hint = "Visits with one page view and no event."
    if share is None:
        return Card("Bounce rate", "–", hint=hint)
    if earlier is None:
        return Card("Bounce rate", f"{share:.0%}", hint=hint)
    points = round(share * 100) - round(earlier * 100)
    trend = "up" if points > 0 else "down" if points < 0 else ""
    return Card("Bounce rate", f"{share:.0%}", f"{points:+d} points", trend, f"{earlier:.0%}", hint)


def change(now: float | None, before: float | None) -> tuple[str, str]:
    """By how much a figure rose or fell, and which of the two; nothing where there was nothing before."""
    if not before or now is None:
        return "", ""
    percent = round((now - before) / before * 100)
    return f"{percent:+,d} %", "up" if percent > 0 else "down" if percent < 0 else ""


def table_rows(site: Site, days: ranges.Range, table: Table) -> list[spreadsheet.Cells]:
    figures = reports.figures(site, days)
    total = figures.views if table is Table.PAGES else figures.visits
    rows = reports.top(site, days, table, total, MOST_ROWS)
    return [
        (SAYS[table][1], SAYS[table][2], "share"),
        *((row.shown, row.count, round(row.share, 4)) for row in rows),
    ]


def series_rows(site: Site, days: ranges.Range) -> list[spreadsheet.Cells]:
    buckets = reports.series(site, days)
    return [("start", "page views", "visits"), *((each.start, each.views, each.visits) for each in buckets)]
