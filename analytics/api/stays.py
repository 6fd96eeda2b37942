"""`GET /sites/KEY/stays`: how long readers stay, and how far down they scroll, under any filters."""

from datetime import UTC, date, datetime

from django.http import HttpRequest, HttpResponse
from django.views.decorators.vary import vary_on_headers
from ninja import Field, NinjaAPI, Schema
from ninja.decorators import decorate_view

from analytics.api.base import answer, described_parameters
from analytics.api.manners import OPEN_NAMES
from analytics.api.stats import CSV, PARAMETERS, as_csv, first_day, form_of, saved_for
from analytics.api.visits import PROBLEMS, seen_site, told_or_refused
from analytics.history.query_string import OF_STAYS, STAY_TABLES, read_stay, read_stay_table
from analytics.history.question import Span, WrongQuestion
from analytics.history.questions import Questions
from analytics.history.stay import StayAnswer
from tracker.models import Site


class StayPointShown(Schema):
    """After so many seconds: the share that is still there, and how many page views were seen to be."""

    seconds: float = Field(examples=[10.0])
    share: float = Field(examples=[0.62])
    views: int


class DepthShown(Schema):
    """The share of page views that was scrolled down to so many percent of the page, or further."""

    percent: int = Field(examples=[50])
    share: float = Field(examples=[0.41])
    views: int


class Stays(Schema):
    """How long page views stay: `open` ones are not over yet, and taken for what they have stayed."""

    site: str
    period: dict[str, str]
    as_of: datetime
    views: int
    open: int = Field(examples=[3])
    median: float | None = Field(examples=[14.2])
    p90: float | None = Field(examples=[181.0])
    curve: list[StayPointShown]
    depth: list[DepthShown]
    preparing: list[date]
    damaged: list[date]


STAY_PARAMETERS = [
    *(
        each
        for each in PARAMETERS
        if each["name"] != "by" and (each["name"] in OF_STAYS or "repeatable" in str(each["description"]))
    ),
    *described_parameters((("by", "of a CSV: the curve, or how far down", STAY_TABLES, "seconds"),)),
]
AS_CSV = {CSV: {"schema": {"type": "string"}, "example": "seconds,share,views\r\n0.0,1.0,871\r\n"}}


def add_stays(api: NinjaAPI, questions: Questions) -> None:
    """Add the operation that tells how long readers stay."""

    @api.get(
        "/sites/{key}/stays",
        response={200: Stays, **PROBLEMS},
        summary="How many readers are still there after so many seconds",
        url_name="stays",
        tags=["history"],
        openapi_extra={
            "parameters": STAY_PARAMETERS,
            OPEN_NAMES: True,
            "responses": {200: {"content": AS_CSV}},
        },
    )
    @decorate_view(vary_on_headers("Authorization", "Cookie", "Accept"))
    async def site_stays(request: HttpRequest, key: str) -> HttpResponse:
        """Of the page views that the filters keep, as `page=/pricing` does; from 100 % to nobody left."""
        site = await seen_site(request, key)

        async def ask() -> HttpResponse:
            query = dict(request.GET.lists())
            form, table = form_of(request), read_stay_table(query)
            if form == "json" and "by" in query:
                raise WrongQuestion("by", "JSON tells both: only a CSV has one of them.")
            saved = await saved_for(query, site)
            now = datetime.now(UTC)
            asked = read_stay(query, site.pk, site.timezone, now, await first_day(site), saved)
            told = await questions.astay(asked)
            span = asked.question.span
            if form == "csv":
                return _csv(told, table, site, span)
            return answer(
                {
                    "site": site.key,
                    "period": {"from": span.first, "to": span.last, "zone": site.timezone},
                    "as_of": told.as_of.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "views": told.views,
                    "open": told.open,
                    "median": told.median,
                    "p90": told.p90,
                    "curve": told.curve,
                    "depth": told.depth,
                    "preparing": told.missing_days,
                    "damaged": told.damaged_days,
                }
            )

        return await told_or_refused(ask)


def _csv(told: StayAnswer, table: str, site: Site, span: Span) -> HttpResponse:
    rows: list[list[float]] = (
        [[point.seconds, point.share, point.views] for point in told.curve]
        if table == "seconds"
        else [[point.percent, point.share, point.views] for point in told.depth]
    )
    head = ["seconds" if table == "seconds" else "percent", "share", "views"]
    return as_csv([head, *rows], site, f"stays-{table}", span)
