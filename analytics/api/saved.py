"""`/sites/KEY/goals`, `segments`, `annotations`: what members save for reports."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from ninja import Field, NinjaAPI, Schema

from analytics.access import rights
from analytics.api.base import Problem, StrictSchema, WrongParameter, answer, may_not, wrong_field
from analytics.models import Annotation, Goal, Segment
from analytics.saved.annotations import AnnotationForm
from analytics.saved.goals import GoalForm
from analytics.saved.saved_form import SavedForm, SavedThing
from analytics.saved.segments import SegmentForm
from tracker.models import Site


class GoalSent(StrictSchema):
    """A goal: visits that saw a page like `pattern`, or said an event like it with a `property` like `value`.

    `*` stands for anything within a part of a path, `**` for anything beyond."""

    name: str = Field(examples=["Order"])
    kind: Literal["page", "event"] = Field("page", examples=["event"])
    pattern: str = Field(examples=["purchase"])
    property: str = Field("", examples=["plan"])
    value: str = Field("", examples=["pro"])


class GoalShown(GoalSent):
    """A goal as it is kept; filters and `conversion` name it by its name."""

    id: int


class SegmentSent(StrictSchema):
    """Filters as in a query string of `stats`."""

    name: str = Field(examples=["Blog readers from Germany"])
    query: str = Field(examples=["country=DE&page.match=/blog/**"])


class SegmentShown(SegmentSent):
    """A segment; `segment=ID` asks `stats` and `visits` under its filters."""

    id: int


class AnnotationSent(StrictSchema):
    """What happened at a moment."""

    at: datetime = Field(examples=["2026-11-21T09:00:00Z"])
    text: str = Field(examples=["Version 2 is out"])


class AnnotationShown(AnnotationSent):
    """An annotation."""

    id: int


class Deleted(Schema):
    """What was deleted: sent again, it is there again."""

    deleted: dict[str, Any]


@dataclass(frozen=True)
class SavedKind:
    """One kind of saved things, and how the API shows it."""

    path: str
    one: str
    model: type[SavedThing]
    form: type[SavedForm]
    sent: type[Schema]
    shown: type[Schema]
    may_change: Callable[[rights.Reader, Site], bool]

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(self.sent.model_fields)

    def show(self, thing: SavedThing) -> dict[str, Any]:
        return {"id": thing.pk, **{name: getattr(thing, name) for name in self.fields}}


KINDS = (
    SavedKind("goals", "goal", Goal, GoalForm, GoalSent, GoalShown, rights.may_change),
    SavedKind(
        "segments",
        "segment",
        Segment,
        SegmentForm,
        SegmentSent,
        SegmentShown,
        lambda reader, _: rights.may_save(reader),
    ),
    SavedKind(
        "annotations",
        "annotation",
        Annotation,
        AnnotationForm,
        AnnotationSent,
        AnnotationShown,
        rights.may_change,
    ),
)
PROBLEMS = {
    400: WrongParameter,
    401: Problem,
    403: Problem,
    404: Problem,
    422: Problem,
    429: Problem,
    503: Problem,
}


def add_saved(api: NinjaAPI) -> None:
    """Add the operations of all kinds."""
    for kind in KINDS:
        _add(api, kind)


def _add(api: NinjaAPI, kind: SavedKind) -> None:
    listed = type(f"{kind.shown.__name__}List", (Schema,), {"__annotations__": {kind.path: list[kind.shown]}})  # type: ignore[name-defined]

    @api.get(
        f"/sites/{{key}}/{kind.path}",
        response={200: listed, **PROBLEMS},
        summary=f"The {kind.path} of a site",
        url_name=kind.path,
        operation_id=f"list_{kind.path}",
        tags=["saved"],
    )
    async def all_of(request: HttpRequest, key: str) -> HttpResponse:
        """All of them, for whoever may see the site."""
        site = await _site(request, key)
        rows = [kind.show(thing) async for thing in kind.model._default_manager.filter(site=site)]
        return answer({kind.path: rows})

    async def make(request: HttpRequest, key: str, sent: Any) -> HttpResponse:
        """It counts at once, on all of the past."""
        site = await _site(request, key)
        return await sync_to_async(_save)(request, kind, site, None, sent.dict())

    async def change(request: HttpRequest, key: str, number: int, sent: Any) -> HttpResponse:
        """All fields are replaced."""
        site = await _site(request, key)
        return await sync_to_async(_save)(request, kind, site, number, sent.dict())

    for function in (make, change):
        function.__annotations__["sent"] = kind.sent
    api.post(
        f"/sites/{{key}}/{kind.path}",
        response={201: kind.shown, **PROBLEMS},
        summary=f"Make a {kind.one}" if kind.one != "annotation" else "Make an annotation",
        operation_id=f"make_{kind.one}",
        tags=["saved"],
    )(make)
    api.put(
        f"/sites/{{key}}/{kind.path}/{{number}}",
        response={200: kind.shown, **PROBLEMS},
        summary=f"Change the {kind.one}",
        operation_id=f"change_{kind.one}",
        url_name=kind.one,
        tags=["saved"],
    )(change)

    @api.delete(
        f"/sites/{{key}}/{kind.path}/{{number}}",
        response={200: Deleted, **PROBLEMS},
        summary=f"Delete the {kind.one}",
        operation_id=f"delete_{kind.one}",
        tags=["saved"],
    )
    async def delete(request: HttpRequest, key: str, number: int) -> HttpResponse:
        """The answer is what it takes to make it again."""
        site = await _site(request, key)
        return await sync_to_async(_delete)(request, kind, site, number)


async def _site(request: HttpRequest, key: str) -> Site:
    site = await rights.asite_for(request.auth, key)  # type: ignore[attr-defined]
    if site is None:
        raise Http404
    return site


def _save(
    request: HttpRequest, kind: SavedKind, site: Site, number: int | None, sent: dict[str, Any]
) -> HttpResponse:
    reader: rights.Reader = request.auth  # type: ignore[attr-defined]
    if not kind.may_change(reader, site):
        return may_not(reader)
    with transaction.atomic():
        Site.objects.select_for_update(of=("self",)).get(pk=site.pk)
        if number is None:
            thing: Any = kind.model(site=site)
            if isinstance(reader, User) and hasattr(thing, "made_by_id"):
                thing.made_by = reader
        else:
            thing = _one(kind, site, number)
        form = kind.form(sent, instance=thing)
        if not form.is_valid():
            return wrong_field(*form.first_error())
        form.save()
    return answer(kind.show(thing), 201 if number is None else 200)


def _delete(request: HttpRequest, kind: SavedKind, site: Site, number: int) -> HttpResponse:
    reader: rights.Reader = request.auth  # type: ignore[attr-defined]
    if not kind.may_change(reader, site):
        return may_not(reader)
    thing = _one(kind, site, number)
    was = kind.show(thing)
    thing.delete()
    return answer({"deleted": {name: value for name, value in was.items() if name != "id"}})


def _one(kind: SavedKind, site: Site, number: int) -> SavedThing:
    thing = kind.model._default_manager.filter(site=site, pk=number).first() if number < 2**63 else None
    if thing is None:
        raise Http404
    return thing
