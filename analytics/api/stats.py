"""`GET /sites/KEY/stats`: figures of the past, as JSON or CSV."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import Min
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.views.decorators.vary import vary_on_headers
from ninja import NinjaAPI, Schema
from ninja.decorators import decorate_view

from analytics.access import rights
from analytics.api.base import Problem, WrongField, WrongParameter, answer, described_parameters, wrong_field
from analytics.api.manners import OPEN_NAMES
from analytics.history import query_string, spreadsheet
from analytics.history.local_days import LocalDay, day_at
from analytics.history.measures import MEASURES
from analytics.history.query_string import SavedNames, StatsQuery
from analytics.history.question import AnswerTable, HistoryAnswer, Span, WrongQuestion
from analytics.history.questions import NoAnswer, Questions
from analytics.importing.imported_answer import Beside, ImportedAnswer, ImportedAnswering
from analytics.models import HistoryDay
from analytics.queries.time_limit import TooMuch
from analytics.saved.segments import saved_names
from tracker.contract.zones import zone_of
from tracker.models import PageView, Site

CSV = "text/csv"
COUNTED_HERE = "Footfall"
AS_CSV = {CSV: {"schema": {"type": "string"}, "example": "page,views\r\n/pricing,4871\r\n"}}


class Stats(Schema):
    """Figures of a period: totals, and a row for each interval or name.

    `began`: the first day of which anything is known; `counted_from`: when Footfall itself began to count.
    """

    site: str
    period: dict[str, Any]
    as_of: datetime
    began: date | None = None
    counted_from: datetime | None = None
    metrics: list[str]
    totals: dict[str, Any]
    compared: dict[str, Any] | None = None
    rows: list[dict[str, Any]]
    found: int
    rows_total: dict[str, Any]
    next: str | None = None
    imported: dict[str, Any] | None = None
    preparing: dict[str, Any] | None = None
    damaged: list[date] | None = None


PARAMETERS = described_parameters(
    (
        ("period", "which days; the default is 30d", query_string.PERIODS, "30d"),
        ("from", "the first day, with period=custom", (), "2026-11-01"),
        ("to", "the last day, with period=custom", (), "2026-11-26"),
        ("compare", "another period beside it", query_string.COMPARED, "previous"),
        ("interval", "without by: the rows of a series", query_string.INTERVALS, "day"),
        ("by", "a dimension (or two, with a comma), property:NAME for events", (), "page"),
        ("metrics", f"with commas, of: {', '.join(MEASURES)}", (), "visitors,views"),
        ("limit", "rows, 1 to 10000", (), "100"),
        ("offset", "rows to skip", (), "0"),
        ("order", "a metric or dimension; - before it: the largest first", (), "-visitors"),
        ("find", "with by: only names that have this text in them", (), ""),
        ("wait", "seconds for days that are being prepared; later, they are told as such", (), "10"),
        ("conversion", "the goal that conversions, conversion_rate and goal_value are of; else any", (), ""),
        ("number", "the property of events that number_sum and number_mean are of", (), ""),
        ("segment", "the number of a segment, whose filters are added", (), ""),
        ("imported", "figures that other products counted, beside the others", query_string.IMPORTED, "yes"),
        ("format", "json, or csv (also with Accept: text/csv)", ("json", "csv"), "json"),
        *(
            (name + ending, f"{what}; repeatable. property:NAME, too", (), "")
            for name in query_string.FILTERED
            for ending, what in (
                ("", "keep this name"),
                (".not", "leave this name out"),
                (".match", "keep names like this: * within a part of a path, ** beyond"),
                (".notmatch", "leave names like this out"),
            )
        ),
    )
)


class Answered(Schema):
    """What one of several questions is answered with, by itself."""

    status: int
    answer: Stats | None = None
    error: str | WrongField | None = None


class SeveralStats(Schema):
    """Answers in the order of their questions."""

    answers: list[Answered]


MOST_ASKED = 16
ASK = {
    "name": "ask",
    "in": "query",
    "description": f"a question's own parameters as a query string, beside those of all; 1 to {MOST_ASKED}",
    "schema": {"type": "array", "items": {"type": "string"}},
    "example": ["by=page&metrics=views"],
}


def add_stats(api: NinjaAPI, questions: Questions) -> None:
    """Add the operations that tell figures of the past."""

    @api.get(
        "/sites/{key}/stats",
        response={200: Stats, 400: WrongParameter, 401: Problem, 429: Problem, 404: Problem, 503: Problem},
        summary="Figures of the past",
        url_name="stats",
        tags=["history"],
        openapi_extra={"parameters": PARAMETERS, OPEN_NAMES: True, "responses": {200: {"content": AS_CSV}}},
    )
    @decorate_view(vary_on_headers("Authorization", "Cookie", "Accept"))
    async def site_stats(request: HttpRequest, key: str) -> HttpResponse:
        """Totals, and rows by interval or by a dimension, under any filters; `as_of` says until when."""
        site = await rights.asite_for(request.auth, key)  # type: ignore[attr-defined]
        if site is None:
            raise Http404
        try:
            form = form_of(request)
            imports = await ImportedAnswering.of(site)
            counted = await counted_from(site)
            asked = await asked_of(request, site, first_of(site, counted, imports.first))
            told = await questions.aask(asked.question)
            beside = await _beside(asked, imports)
        except WrongQuestion as wrong:
            return wrong_field(wrong.field, wrong.message, wrong.allowed)
        except (TooMuch, NoAnswer) as problem:
            return answer({"error": str(problem)}, 503)
        if form == "csv":
            return _csv(asked, told, site, beside)
        return answer(body(request, site, asked, told, counted, imported=beside))

    @api.get(
        "/sites/{key}/stats/several",
        response={200: SeveralStats, 400: WrongParameter, 401: Problem, 404: Problem},
        summary="Several figures of the past at once",
        url_name="several_stats",
        tags=["history"],
        openapi_extra={"parameters": [ASK, *PARAMETERS], OPEN_NAMES: True},
    )
    async def several_stats(request: HttpRequest, key: str) -> HttpResponse:
        """What a page asks, in one request: each `ask` is answered as `stats` would, or refused by itself."""
        site = await rights.asite_for(request.auth, key)  # type: ignore[attr-defined]
        if site is None:
            raise Http404
        lists = dict(request.GET.lists())
        asks = lists.pop("ask", [])
        if not 1 <= len(asks) <= MOST_ASKED or "format" in lists:
            return wrong_field("ask", f"From 1 to {MOST_ASKED} of them, in JSON.")
        imports = await ImportedAnswering.of(site)
        now, counted = datetime.now(UTC), await counted_from(site)
        first = first_of(site, counted, imports.first)

        async def one(text: str) -> dict[str, Any]:
            own = QueryDict(text)
            query = QueryDict(mutable=True)
            for name, values in (lists | dict(own.lists())).items():
                query.setlist(name, values)
            try:
                if "format" in own:
                    raise WrongQuestion("format", "Several are answered in JSON.")
                named = dict(query.lists())
                saved = await saved_for(named, site)
                asked = query_string.read(named, site.pk, site.timezone, now, first, saved)
                told = await questions.aask(asked.question)
                beside = await _beside(asked, imports)
            except WrongQuestion as wrong:
                error = {"field": wrong.field, "message": wrong.message, "allowed": list(wrong.allowed)}
                return {"status": 400, "error": error}
            except (TooMuch, NoAnswer) as problem:
                return {"status": 503, "error": str(problem)}
            return {"status": 200, "answer": body(request, site, asked, told, counted, query, beside)}

        return answer({"answers": await asyncio.gather(*map(one, asks))})


async def asked_of(request: HttpRequest, site: Site, first: date | None) -> StatsQuery:
    """The question that a request asks of a site; `first`: its first day. Raises WrongQuestion."""
    query = dict(request.GET.lists())
    saved = await saved_for(query, site)
    return query_string.read(query, site.pk, site.timezone, datetime.now(UTC), first, saved)


async def saved_for(query: Mapping[str, list[str]], site: Site) -> SavedNames:
    """What is saved for a site, if a query speaks of it."""
    return await sync_to_async(saved_names)(site) if speaks_of_saved(query) else query_string.NOTHING_SAVED


def speaks_of_saved(query: Mapping[str, list[str]]) -> bool:
    """Whether goals or segments are to be looked up: most questions are of neither."""
    words = ("goal", "conversion", "segment")
    names = [*query, *query.get("by", ()), *query.get("metrics", ())]
    return any(word in name for name in names for word in words)


async def counted_from(site: Site) -> datetime | None:
    """When the first page view that is known began; of a day whose page views are only sealed, its begin."""
    sealed = await HistoryDay.objects.filter(site_id=site.pk).aaggregate(first=Min("day"))
    raw = await PageView.objects.filter(site_id=site.pk).aaggregate(first=Min("began_at"))
    first: datetime | None = raw["first"]
    if sealed["first"] and (first is None or sealed["first"] < day_at(first, site.timezone).day):
        return LocalDay(sealed["first"], site.timezone).begins
    return first


def first_of(site: Site, counted: datetime | None, imported: date | None = None) -> date | None:
    """The first day of which anything is known; `imported`: that of imported figures, where these count."""
    days = [imported, day_at(counted, site.timezone).day if counted else None]
    return min((day for day in days if day), default=None)


async def first_day(site: Site) -> date | None:
    """The first day of which Footfall itself knows anything."""
    return first_of(site, await counted_from(site))


def form_of(request: HttpRequest) -> str:
    """Whether an answer is to be json or csv. Raises WrongQuestion."""
    form = request.GET.get("format")
    if form is None:
        return "csv" if request.headers.get("Accept", "").startswith(CSV) else "json"
    if form not in ("json", "csv"):
        raise WrongQuestion("format", "This is none of those that there are.", ("json", "csv"))
    return form


async def _beside(asked: StatsQuery, imports: ImportedAnswering) -> Beside | None:
    """What imported figures say, of the period and of what it is compared with. Raises TooMuch."""
    if imports.first is None or not asked.imported:
        return None
    return await sync_to_async(imports.beside)(asked.question)


def body(
    request: HttpRequest,
    site: Site,
    asked: StatsQuery,
    told: HistoryAnswer,
    counted: datetime | None,
    query: QueryDict | None = None,
    imported: Beside | None = None,
) -> dict[str, Any]:
    """The answer as JSON shows it.

    `counted`: since when Footfall counts; `query`: how it was asked, where that is not the request's own.
    """
    question, table = asked.question, told.table
    metrics = question.measures
    shown: dict[str, Any] = {
        "site": site.key,
        "period": {**_days(question.span), "zone": question.zone, "interval": asked.interval},
        "as_of": told.as_of.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "began": asked.first,
        "counted_from": counted and counted.astimezone(zone_of(site.timezone)).isoformat(timespec="seconds"),
        "metrics": metrics,
        "totals": _named(metrics, told.totals),
    }
    if question.compared and told.compared_totals is not None:
        shown["compared"] = {**_days(question.compared), "totals": _named(metrics, told.compared_totals)}
    rows = list(_rows(asked, table, told.compared_table)) if table else []
    shown |= {
        "rows": rows,
        "found": table.found if table else 0,
        "rows_total": _named(metrics, table.sums) if table else {},
        "next": _next(site, query or request.GET, asked, table),
    }
    if imported:
        shown["imported"] = imported_shown(imported, asked)
    if told.missing_days:
        missing = Span(told.missing_days[0], told.missing_days[-1])
        shown["preparing"] = {**_days(missing), "days": len(told.missing_days)}
    if told.damaged_days:
        shown["damaged"] = told.damaged_days
    return shown


def _days(span: Span) -> dict[str, str]:
    return {"from": span.first.isoformat(), "to": span.last.isoformat()}


def _named(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(names, values, strict=True))


def _rows(asked: StatsQuery, table: AnswerTable, compared: AnswerTable | None) -> list[dict[str, Any]]:
    names = (*asked.by, *asked.question.measures)
    rows = [_named(names, row) for row in table.rows]
    if compared is None:
        return rows
    if asked.in_order:
        for row, other in zip(rows, compared.rows, strict=False):
            row["compared"] = _named(names, other)
        return rows
    width = len(asked.by)
    others = {tuple(row[:width]): row[width:] for row in compared.rows}
    for row, values in zip(rows, table.rows, strict=True):
        there = others.get(tuple(values[:width]))
        row["compared"] = _named(asked.question.measures, there) if there else None
    return rows


def imported_shown(imported: Beside, asked: StatsQuery) -> dict[str, Any]:
    """Imported figures as JSON shows them."""
    names = (*asked.by, *asked.question.measures)

    def told(each: ImportedAnswer) -> dict[str, Any]:
        return {
            "products": each.products,
            "from": each.days[0],
            "to": each.days[-1],
            "days": len(each.days),
            "totals": _named(asked.question.measures, each.totals),
            "rows": [_named(names, row) for row in each.rows],
            "found": each.found,
            **({"left_out": each.left_out} if each.left_out else {}),
        }

    shown: dict[str, Any] = {"products": [], "days": 0, "rows": []}
    if imported.now:
        shown = told(imported.now)
    if imported.before:
        shown["compared"] = told(imported.before)
        if not asked.interval:
            others = _before(imported, len(asked.by))
            for row, name in zip(shown["rows"], imported.now.rows if imported.now else (), strict=True):
                there = others.get(tuple(name[: len(asked.by)]))
                row["compared"] = _named(asked.question.measures, there) if there else None
    return shown


def _before(imported: Beside, width: int) -> dict[tuple[Any, ...], list[Any]]:
    """The figures of what is compared, by name."""
    rows = imported.before.rows if imported.before else []
    return {tuple(row[:width]): row[width:] for row in rows}


def _next(site: Site, query: QueryDict, asked: StatsQuery, table: AnswerTable | None) -> str | None:
    question = asked.question
    after = question.offset + question.limit
    if asked.interval or table is None or after >= table.found:
        return None
    query = query.copy()
    query["offset"] = str(after)
    return f"{reverse('api:stats', args=[site.key])}?{query.urlencode()}"


def _csv(asked: StatsQuery, told: HistoryAnswer, site: Site, imported: Beside | None) -> HttpResponse:
    names = (*asked.by, *asked.question.measures)
    head = list(names)
    rows = _rows(asked, told.table, told.compared_table) if told.table else []
    cells = [[row[name] for name in names] for row in rows]
    if asked.question.compared:
        head += [f"compared_{name}" for name in asked.question.measures]
        for line, row in zip(cells, rows, strict=True):
            other = row.get("compared") or {}
            line += [other.get(name) for name in asked.question.measures]
    if imported and imported.now:
        head, cells = _with_imported(head, cells, asked, imported)
    return as_csv([head, *cells], site, "-".join(asked.by) or "totals", asked.question.span)


def as_csv(rows: Sequence[Sequence[Any]], site: Site, what: str, span: Span) -> HttpResponse:
    """Rows of a site as a file; the first is the head."""
    text = spreadsheet.whole(rows, zone_of(site.timezone))
    response = HttpResponse(text, content_type=f"{CSV}; charset=utf-8")
    name = spreadsheet.file_name(site, what, span)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _with_imported(
    head: list[str], cells: list[list[Any]], asked: StatsQuery, imported: Beside
) -> tuple[list[str], list[list[Any]]]:
    """Each row says who counted it; what filters leave out of imported figures is seen by that, too."""
    now, width = imported.now, len(asked.by)
    if now is None:
        return head, cells
    # Of a series, buckets of another month have other names.
    before = {} if asked.interval else _before(imported, width)
    nothing: list[Any] = [None] * (len(head) - width - len(asked.question.measures))
    counted = f"imported from {' and '.join(now.products)}"
    own = [[*row, COUNTED_HERE] for row in cells]
    others = [
        [*row, *(before.get(tuple(row[:width]), nothing) if nothing else ()), counted] for row in now.rows
    ]
    return [*head, "counted_by"], [*own, *others]
