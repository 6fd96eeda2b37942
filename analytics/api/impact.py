"""`GET /sites/KEY/impact`: what a span of time, or what was flagged, meant to the people on a site."""

from datetime import UTC, date, datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.vary import vary_on_headers
from ninja import Field, NinjaAPI, Query, Schema
from ninja.decorators import decorate_view

from analytics.access import rights
from analytics.api.base import Problem, WrongParameter, answer, wrong_field
from analytics.api.saved import AnnotationShown
from analytics.api.stats import first_day
from analytics.history.impact import FLAG_SPAN, Impact, ImpactQuestion, MeanPresence
from analytics.history.impact_words import in_a_sentence
from analytics.history.question import WrongQuestion
from analytics.history.questions import NoAnswer, Questions
from analytics.models import Annotation
from analytics.queries.time_limit import TooMuch
from tracker.models import Site

PROBLEMS = {
    400: WrongParameter,
    401: Problem,
    404: Problem,
    422: Problem,
    429: Problem,
    503: Problem,
}


class ImpactQuery(Schema):
    """A span of time, or an annotation: it stands for the ten minutes from its moment on."""

    since: datetime | None = Field(
        None,
        alias="from",
        description="its begin, in ISO 8601; UTC where it says no offset",
        examples=["2026-11-27T13:02:00Z"],
    )
    until: datetime | None = Field(
        None,
        alias="to",
        description="its end, a day later at most; ten minutes later where none is said",
        examples=["2026-11-27T13:09:00Z"],
    )
    annotation: int | None = Field(
        None, ge=1, lt=2**63, description="the id of an annotation, instead of from", examples=[7]
    )


class PresenceShown(Schema):
    """Visitors at once on average; `usual`: in the weeks before at that time, null where there are none."""

    since: datetime = Field(alias="from", examples=["2026-11-27T13:02:00Z"])
    until: datetime = Field(alias="to", examples=["2026-11-27T13:09:00Z"])
    visitors: float = Field(examples=[74.2])
    usual: float | None = Field(examples=[121.6])


class ImpactShown(Schema):
    """What a span meant. `people`: distinct visitors who had a page open in it; `ended`: page views that did.

    `after` is null while the span runs or has just ended; `weeks`: the days that `usual` is the mean of."""

    site: str
    zone: str = Field(examples=["Europe/Berlin"])
    as_of: datetime
    running: bool = Field(examples=[False])
    annotation: AnnotationShown | None = Field(examples=[None])
    before: PresenceShown
    during: PresenceShown
    after: PresenceShown | None
    people: int = Field(examples=[1204])
    usual_people: float | None = Field(examples=[1251.5])
    ended: int = Field(examples=[412])
    usual_ended: float | None = Field(examples=[380.2])
    weeks: list[date] = Field(examples=[["2026-11-20", "2026-11-13", "2026-11-06", "2026-10-30"]])
    damaged: list[date] | None = None
    sentence: str = Field(
        examples=[
            "Fri 27 Nov, 14:02–14:09: 74 visitors at once on average (118 before, 109 after),"
            " 39 % fewer than on the 4 Fridays before; 1,204 people had a page open,"
            " and 412 page views ended (usually 380)."
        ]
    )


def add_impact(api: NinjaAPI, questions: Questions) -> None:
    """Add the operation that tells what a span meant."""

    @api.get(
        "/sites/{key}/impact",
        response={200: ImpactShown, **PROBLEMS},
        summary="What a span of time meant to people",
        url_name="impact",
        tags=["history"],
        by_alias=True,
    )
    @decorate_view(vary_on_headers("Authorization", "Cookie"))
    async def site_impact(request: HttpRequest, key: str, query: Query[ImpactQuery]) -> HttpResponse:
        """Visitors at once before, in and after it, beside what is usual at that time of the week."""
        site = await rights.asite_for(request.auth, key)  # type: ignore[attr-defined]
        if site is None:
            raise Http404
        try:
            annotation, since, until = await _span(site, query)
            asked = ImpactQuestion(site.pk, site.timezone, since, until, await first_day(site))
            impact = await questions.aimpact(asked)
        except WrongQuestion as wrong:
            return wrong_field(wrong.field, wrong.message, wrong.allowed)
        except (TooMuch, NoAnswer) as problem:
            return answer({"error": str(problem)}, 503)
        return answer(_shown(site, annotation, asked, impact))


async def _span(site: Site, query: ImpactQuery) -> tuple[Annotation | None, datetime, datetime]:
    """The annotation, if one is named; from when until when. Raises WrongQuestion."""
    annotation = None
    if query.annotation is not None and query.since is None:
        annotation = await Annotation.objects.filter(site=site, pk=query.annotation).afirst()
        if annotation is None:
            raise WrongQuestion("annotation", "The site has no such annotation.")
    begin = annotation.at if annotation else query.since
    if begin is None or (query.annotation is not None and annotation is None):
        raise WrongQuestion("from", "Say from when, or which annotation.")
    try:
        since = _utc(begin)
        return annotation, since, _utc(query.until) if query.until else since + FLAG_SPAN
    except OverflowError:
        raise WrongQuestion("from", "There is no such time.") from None


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _shown(
    site: Site, annotation: Annotation | None, asked: ImpactQuestion, impact: Impact
) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "site": site.key,
        "zone": asked.zone,
        "as_of": impact.as_of.astimezone(UTC),
        "running": impact.running,
        "annotation": annotation and {"id": annotation.pk, "at": annotation.at, "text": annotation.text},
        "before": _presence(impact.before),
        "during": _presence(impact.during),
        "after": impact.after and _presence(impact.after),
        "people": impact.people,
        "usual_people": impact.usual_people,
        "ended": impact.ended,
        "usual_ended": impact.usual_ended,
        "weeks": impact.weeks,
        "sentence": in_a_sentence(asked, impact),
    }
    if impact.damaged_days:
        shown["damaged"] = impact.damaged_days
    return shown


def _presence(presence: MeanPresence) -> dict[str, Any]:
    return {
        "from": presence.since,
        "to": presence.until,
        "visitors": round(presence.visitors, 2),
        "usual": None if presence.usual is None else round(presence.usual, 2),
    }
