"""All sites that somebody may see side by side: figures, how they changed, and a line of their days."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.access import rights
from analytics.admin.day_levels import day_levels
from analytics.admin.report_page import Ask, as_csv, change, points
from analytics.history import reports, spreadsheet
from analytics.history.question import HistoryAnswer
from analytics.history.questions import NoAnswer
from analytics.history.reports import SHORT
from analytics.history.site_totals import MOST_SITES, TOTALS, SiteSpan, SiteTotals, SiteTotalsQuestion
from analytics.queries import ranges
from analytics.queries.time_limit import TooMuch
from tracker.contract.zones import zone_of
from tracker.models import Site

UTC_ZONE = zone_of("UTC")

# Each is a question; a page of them takes a second where nobody asked before.
SITES_OF_PAGE = 50
# Seconds that days which are being prepared are waited for, of each site: a row tells what it has.
WAIT = 3
ORDERS = {"site": "Site", "visitors": "Daily visitors", "visits": "Visits", "views": "Page views"}
WIDTH, HEIGHT = 120, 24
Rank = Callable[[SiteTotalsQuestion], SiteTotals]


@dataclass(frozen=True)
class AcrossFigure:
    """A figure of a site, and by how much it changed."""

    value: str
    change: str
    trend: str
    before: str


@dataclass(frozen=True)
class AcrossRow:
    """A site and its figures; of one that was not answered, why."""

    site: Site
    days: ranges.Range
    totals: list[Any] = field(default_factory=list)
    before: list[Any] = field(default_factory=list)
    views: list[int] = field(default_factory=list)
    preparing: int = 0
    problem: str = ""

    @property
    def figures(self) -> list[AcrossFigure]:
        """As they are read."""
        if self.problem:
            return []
        counts = [
            AcrossFigure(f"{now:,}", *change(now, before), before=f"{before:,}")
            for now, before in zip(self.totals[:-1], self.before[:-1], strict=True)
        ]
        now, before = self.totals[-1], self.before[-1]
        moved = ("", "") if now is None or before is None else points(now, before)
        rates = [f"{rate:.0%}" if rate is not None else "–" for rate in (now, before)]
        return [*counts, AcrossFigure(rates[0], *moved, before=rates[1])]

    @property
    def line(self) -> str:
        """The page views of its days as the points of a line."""
        most, last = max(self.views, default=0) or 1, max(len(self.views) - 1, 1)
        return " ".join(
            f"{number * WIDTH / last:.1f},{HEIGHT - 1 - views * (HEIGHT - 2) / most:.1f}"
            for number, views in enumerate(self.views)
        )


@dataclass(frozen=True)
class RankedSites:
    """Sites in the order in which they are listed, and what all of them have together.

    `problem`: why the order is another one than was asked for, or of a part of them.
    """

    sites: list[Site]
    sums: list[str] = field(default_factory=list)
    problem: str = ""


@never_cache
@require_safe
def page(request: HttpRequest, ask: Ask, rank: Rank) -> HttpResponse:
    """The page; a range that makes no sense is answered by its form, with 400."""
    now = timezone.now()
    order = request.GET.get("o", "")
    order = order if order in ORDERS else "visitors"
    # For the form: each site has its own days, by its own clock.
    days, problem = read(request, UTC_ZONE, now)
    sites = list(rights.visible_sites(request.user).order_by("domain", "pk"))
    several = bool(days) and len(sites) > SITES_OF_PAGE
    ranked = ranking(request, sites, now, order, rank) if several else RankedSites(sites)
    number = request.GET.get("p", "1")
    shown = Paginator(ranked.sites, SITES_OF_PAGE).get_page(number if len(number) < 9 else 1)
    rows = sort(told(request, list(shown), now, ask), order) if days else []
    context = {
        **admin.site.each_context(request),
        "title": "Reports across sites",
        "opts": Site._meta,
        "presets": ranges.PRESETS,
        "days": days,
        "levels": day_levels(days, None, now.date()) if days else [],
        "problem": problem,
        "order": order,
        "more": f"&o={order}",
        "previous": days.before(now) if days else None,
        "rows": rows,
        "sums": ranked.sums if several else sums(rows),
        "unranked": ranked.problem,
        "columns": [
            (name, title, f"?{urlencode({**asked_days(request), 'o': name})}", name == order)
            for name, title in ORDERS.items()
        ],
        "shown": shown,
        "query": urlencode({**asked_days(request), "o": order}),
        "days_query": urlencode(asked_days(request)),
    }
    status = 400 if problem else 200
    return TemplateResponse(request, "admin/tracker/site/across.html", context, status=status)


@never_cache
@require_safe
def csv(request: HttpRequest, ask: Ask) -> HttpResponse:
    """All sites as CSV."""
    now = timezone.now()
    days, problem = read(request, UTC_ZONE, now)
    if days is None:
        return HttpResponse(f"{problem}\n", status=400, content_type="text/plain; charset=utf-8")
    sites = list(rights.visible_sites(request.user).order_by("domain", "pk"))
    head = ("site", "key", "first", "last", *SHORT, *(f"{name}_before" for name in SHORT), "note")
    lines: list[spreadsheet.Cells] = [head]
    for row in told(request, sites, now, ask):
        nothing = [None] * len(SHORT)
        note = row.problem or (f"{row.preparing} days are being prepared" if row.preparing else "")
        span = (row.days.first.isoformat(), row.days.last.isoformat())
        lines.append(
            (row.site.shown, row.site.key, *span, *(row.totals or nothing), *(row.before or nothing), note)
        )
    return as_csv(lines, UTC_ZONE, f"sites-{days.first}-{days.last}.csv")


def read(request: HttpRequest, zone: Any, now: datetime) -> tuple[ranges.Range | None, str]:
    """The range that is asked for in a zone, or None and what is wrong with it."""
    try:
        return ranges.read(request.GET, zone, now), ""
    except ValueError as error:
        return None, str(error)


def told(request: HttpRequest, sites: Sequence[Site], now: datetime, ask: Ask) -> list[AcrossRow]:
    """The figures of these sites."""
    spans = [ranges.read(request.GET, zone_of(site.timezone), now) for site in sites]
    questions = [
        reports.figures_question(site, days, now, SHORT, WAIT)
        for site, days in zip(sites, spans, strict=True)
    ]
    return [_row(site, days, answer) for site, days, answer in zip(sites, spans, ask(questions), strict=True)]


def _row(site: Site, days: ranges.Range, answer: HistoryAnswer | Exception) -> AcrossRow:
    if not isinstance(answer, HistoryAnswer):
        return AcrossRow(site, days, problem=str(answer))
    before = answer.compared_totals or [0, 0, 0, None]
    begun = (each for each in reports.series(answer, days, SHORT) if each.start <= answer.as_of)
    views = [bucket.views for bucket in begun]
    return AcrossRow(site, days, answer.totals, before, views, len(answer.missing_days))


def ranking(request: HttpRequest, sites: list[Site], now: datetime, order: str, rank: Rank) -> RankedSites:
    """All sites by a figure, the most first; by name where that is asked for, or nothing else is known."""
    spans = [
        SiteSpan(site.pk, site.timezone, days.first, days.last)
        for site in sites[:MOST_SITES]
        for days in [ranges.read(request.GET, zone_of(site.timezone), now)]
    ]
    try:
        totals = rank(SiteTotalsQuestion(tuple(spans))).totals
    except (NoAnswer, TooMuch) as problem:
        return RankedSites(
            sites, problem=f"Sorted within each page only. {problem}" if order in TOTALS else ""
        )
    known = {site.pk: each for site, each in zip(sites, totals, strict=False) if each}
    summed = [f"{sum(each[at] for each in known.values()):,}" for at in range(len(TOTALS))]
    left = len(sites) - len(known)
    said = f"{left} of {len(sites)} sites are not sorted in yet, and come last: look again." if left else ""
    if len(sites) > MOST_SITES:
        said = f"Only the first {MOST_SITES:,} sites by name are sorted; the others come last."
    if order not in TOTALS:
        return RankedSites(sites, [] if left else summed)
    at = TOTALS.index(order)
    ranked = sorted(sites, key=lambda site: -known[site.pk][at] if site.pk in known else 1)
    return RankedSites(ranked, [] if left else summed, said)


def sort(rows: list[AcrossRow], order: str) -> list[AcrossRow]:
    """By a figure, the most first; by their names otherwise, as they come."""
    if order not in SHORT:
        return rows
    at = SHORT.index(order)
    return sorted(rows, key=lambda row: -(row.totals[at] or 0) if row.totals else 1)


def sums(rows: Sequence[AcrossRow]) -> list[str]:
    """What all sites have together of what adds up."""
    return [f"{sum(row.totals[at] for row in rows if row.totals):,}" for at in range(len(SHORT) - 1)]


def asked_days(request: HttpRequest) -> dict[str, str]:
    """Of the query string, which days it asks for."""
    return {name: request.GET[name] for name in ("range", "from", "to") if request.GET.get(name)}
