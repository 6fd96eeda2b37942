"""A site's report: what to show for the asked range, as a page and as CSV; its numbers are `reports`'."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.access import rights
from analytics.admin.day_levels import DayLevel, day_levels
from analytics.history import chart, reports, spreadsheet
from analytics.history.durations import spoken
from analytics.history.question import HistoryAnswer, HistoryQuestion
from analytics.history.questions import NoAnswer
from analytics.history.reports import ReportFigures, Table, TableRow
from analytics.importing.imported_days import days_of
from analytics.models import HistoryDay
from analytics.queries import ranges
from analytics.queries.time_limit import TooMuch
from analytics.saved.goals import goals_of
from tracker.contract.zones import zone_of
from tracker.models import PageView, Site

Ask = Callable[[Sequence[HistoryQuestion]], list[HistoryAnswer | NoAnswer | TooMuch]]
MOST_ROWS = 10_000 - 1  # of a list's CSV; one more is asked for
SAYS = {
    Table.PAGES: ("Top pages", "path", "page views", ""),
    Table.ENTRIES: ("First pages", "path", "visits", ""),
    Table.EXITS: ("Last pages", "path", "visits", ""),
    Table.REFERRERS: ("Top referrers", "referrer", "visits", "Direct"),
    Table.COUNTRIES: ("Countries", "country", "visits", "Unknown"),
    Table.BROWSERS: ("Browsers", "browser", "visits", "Unknown"),
    Table.SYSTEMS: ("Systems", "system", "visits", "Unknown"),
    Table.DEVICES: ("Devices", "device", "visits", "Unknown"),
    Table.EVENTS: ("Events", "event", "events", ""),
    Table.GOALS: ("Goals", "goal", "conversions", ""),
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
def page(request: HttpRequest, pk: int, ask: Ask) -> HttpResponse:
    """The report page; a range that makes no sense is answered by the form, with 400."""
    site = site_of(request, pk)
    now = timezone.now()
    days, problem = asked(request, site, now)
    first, today = first_day(site), now.astimezone(zone_of(site.timezone)).date()
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": f"Report: {site.shown}",
        "site": site,
        "opts": Site._meta,
        "presets": ranges.PRESETS,
        "days": days,
        "levels": day_levels(days, first, today) if days else list[DayLevel](),
        "problem": problem,
    }
    status = 400 if problem else 200
    if days:
        try:
            context |= filled(site, days, now, ask)
        except (TooMuch, NoAnswer) as problem_of_ours:
            context |= {"problem": str(problem_of_ours), "days": None}
            status = 503
    return TemplateResponse(request, "admin/tracker/site/report.html", context, status=status)


@never_cache
@require_safe
def table_csv(request: HttpRequest, pk: int, table: str, ask: Ask) -> HttpResponse:
    """One list, or the chart's series, as CSV: at most MOST_ROWS rows."""
    site = site_of(request, pk)
    if table not in (*Table, "series"):
        raise Http404
    now = timezone.now()
    days, problem = asked(request, site, now)
    if days is None:
        return HttpResponse(f"{problem}\n", status=400, content_type="text/plain; charset=utf-8")
    try:
        rows = (
            series_rows(site, days, now, ask)
            if table == "series"
            else table_rows(site, days, now, Table(table), ask)
        )
    except (TooMuch, NoAnswer) as problem_of_ours:
        return HttpResponse(f"{problem_of_ours}\n", status=503, content_type="text/plain; charset=utf-8")
    return as_csv(rows, days.zone, spreadsheet.file_name(site, table, days))


def as_csv(rows: Sequence[spreadsheet.Cells], zone: Any, name: str) -> HttpResponse:
    """These rows as a file."""
    response = HttpResponse(spreadsheet.whole(rows, zone), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def site_of(request: HttpRequest, pk: int) -> Site:
    """The site, where the reader may see it. Raises Http404."""
    # Longer numbers are no site's, and Postgres takes none.
    found = rights.visible_sites(request.user).filter(pk=pk).first() if pk < 2**31 else None
    if found is None:
        raise Http404
    return found


def first_day(site: Site) -> date | None:
    """The first day of which anything is kept."""
    sealed = HistoryDay.objects.filter(site_id=site.pk).order_by("day").values_list("day", flat=True).first()
    rows = PageView.objects.filter(site=site).order_by("began_at")
    began = rows.values_list("began_at", flat=True).first()
    raw = began.astimezone(zone_of(site.timezone)).date() if began else None
    return min((day for day in (sealed, raw) if day), default=None)


def asked(request: HttpRequest, site: Site, now: datetime) -> tuple[ranges.Range | None, str]:
    """The range that the request asks for, or None and what is wrong with it."""
    try:
        return ranges.read(request.GET, zone_of(site.timezone), now), ""
    except ValueError as error:
        return None, str(error)


def answers(questions: Sequence[HistoryQuestion], ask: Ask) -> list[HistoryAnswer]:
    """The answers to all of these. Raises TooMuch, NoAnswer."""
    told = []
    for answer in ask(questions):
        if not isinstance(answer, HistoryAnswer):
            raise answer
        told.append(answer)
    return told


def filled(site: Site, days: ranges.Range, now: datetime, ask: Ask) -> dict[str, Any]:
    """The numbers of a report. Raises TooMuch, NoAnswer."""
    goals = goals_of(site)
    tables = [table for table in SAYS if table is not Table.GOALS or goals]
    questions = [
        reports.figures_question(site, days, now),
        *(reports.list_question(site, days, table, goals) for table in tables),
    ]
    first, *others = answers(questions, ask)
    figures = reports.figures(first.totals)
    listings = [
        Listing(table, *SAYS[table], reports.rows(answer, table, total_of(figures, table)))
        for table, answer in zip(tables, others, strict=True)
    ]
    return {
        "cards": cards(figures, reports.figures(first.compared_totals or [None] * 6)),
        "previous": days.before(now),
        "chart": chart.draw(reports.series(first, days), days),
        "listings": listings,
        "preparing": len(first.missing_days),
        "imported": days_of(site, days.first, days.last),
        "as_of": f"{first.as_of.astimezone(days.zone):%H:%M:%S}",
    }


def total_of(figures: ReportFigures, table: Table) -> int:
    """What a list's shares are of."""
    return figures.views if table is Table.PAGES else figures.visits


def cards(now: ReportFigures, before: ReportFigures) -> list[Card]:
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


def bounce_card(now: ReportFigures, before: ReportFigures) -> Card:
    """Bounces compare in points, since a share of a share misleads."""
    hint = "Visits of one page view, without an event, and less than 10 s engaged."
    share, earlier = now.bounce_rate, before.bounce_rate
    value = "–" if share is None else f"{share:.0%}"
    if share is None or earlier is None:
        return Card("Bounce rate", value, hint=hint)
    return Card("Bounce rate", value, *points(share, earlier), f"{earlier:.0%}", hint)


def change(now: float | None, before: float | None) -> tuple[str, str]:
    """By how much a figure rose or fell, and which of the two; nothing where there was nothing before."""
    if not before or now is None:
        return "", ""
    percent = round((now - before) / before * 100)
    return f"{percent:+,d} %", "up" if percent > 0 else "down" if percent < 0 else ""


def points(now: float, before: float) -> tuple[str, str]:
    """By how many points a share rose or fell, and which of the two."""
    risen = round(now * 100) - round(before * 100)
    what = "point" if abs(risen) == 1 else "points"
    return f"{risen:+d} {what}", "up" if risen > 0 else "down" if risen < 0 else ""


def table_rows(
    site: Site, days: ranges.Range, now: datetime, table: Table, ask: Ask
) -> list[spreadsheet.Cells]:
    questions = [
        reports.figures_question(site, days, now),
        reports.list_question(site, days, table, goals_of(site), MOST_ROWS),
    ]
    whole, listed = answers(questions, ask)
    rows = reports.rows(listed, table, total_of(reports.figures(whole.totals), table), MOST_ROWS)
    return [
        (SAYS[table][1], SAYS[table][2], "share"),
        *((row.shown, row.count, round(row.share, 4)) for row in rows),
    ]


def series_rows(site: Site, days: ranges.Range, now: datetime, ask: Ask) -> list[spreadsheet.Cells]:
    (answer,) = answers([reports.figures_question(site, days, now)], ask)
    buckets = reports.series(answer, days)
    return [("start", "page views", "visits"), *((each.start, each.views, each.visits) for each in buckets)]
