"""`/sites`: the sites that a reader sees, listed; made and changed by whoever may."""

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.vary import vary_on_headers
from ninja import Field, NinjaAPI, Schema
from ninja.decorators import decorate_view

from analytics.access import rights
from analytics.api.base import Problem, StrictSchema, WrongParameter, answer, may_not, wrong_field
from analytics.models import Member, Token
from analytics.sites.site_form import SiteForm
from tracker.models import Site

LISTED = ("query_parameters", "page_parameters", "excluded_addresses", "excluded_paths")
SWITCHES = (
    "enabled",
    "honour_dnt",
    "hash_routes",
    "fold_slashes",
    "fold_case",
    "show_host",
    "ref_parameters",
)


class SiteSent(StrictSchema):
    """A new site; hosts are the domain's, with and without www, unless they are named."""

    domain: str = Field(examples=["example.com"])
    timezone: str = Field("UTC", examples=["Europe/Berlin"])
    hosts: list[str] = Field([], examples=[["example.com", "*.example.com"]])


class SiteChange(StrictSchema):
    """What is to be another; what is left out stays."""

    domain: str | None = None
    timezone: str | None = Field(None, examples=["Europe/Berlin"])
    hosts: list[str] | None = None
    enabled: bool | None = None
    honour_dnt: bool | None = None
    hash_routes: bool | None = None
    fold_slashes: bool | None = None
    fold_case: bool | None = None
    show_host: bool | None = None
    ref_parameters: bool | None = None
    query_parameters: list[str] | None = None
    page_parameters: list[str] | None = None
    excluded_addresses: list[str] | None = None
    excluded_paths: list[str] | None = Field(None, examples=[["/admin/*"]])


class SiteShown(Schema):
    """A site; `may_change` says whether the reader may."""

    key: str
    domain: str
    timezone: str
    hosts: list[str]
    enabled: bool
    honour_dnt: bool
    hash_routes: bool
    fold_slashes: bool
    fold_case: bool
    show_host: bool
    ref_parameters: bool
    query_parameters: list[str]
    page_parameters: list[str]
    excluded_addresses: list[str]
    excluded_paths: list[str]
    may_change: bool


class SiteList(Schema):
    sites: list[SiteShown]


PROBLEMS: dict[int, type[Schema]] = {
    **{400: WrongParameter, 401: Problem, 403: Problem, 404: Problem},
    **{422: Problem, 429: Problem, 503: Problem},
}


def add_sites(api: NinjaAPI) -> None:
    """Add the operations on sites."""

    @api.get(
        "/sites",
        response={200: SiteList, **PROBLEMS},
        summary="The sites that you see",
        url_name="api_sites",
        tags=["sites"],
    )
    @decorate_view(vary_on_headers("Authorization", "Cookie"))
    async def all_sites(request: HttpRequest) -> HttpResponse:
        """All of a token, or of a member of staff."""
        return await sync_to_async(_all)(request)

    @api.get(
        "/sites/{key}",
        response={200: SiteShown, **PROBLEMS},
        summary="A site and its settings",
        url_name="api_site",
        tags=["sites"],
    )
    @decorate_view(vary_on_headers("Authorization", "Cookie"))
    async def one_site(request: HttpRequest, key: str) -> HttpResponse:
        """For whoever may see it."""
        site = await rights.asite_for(request.auth, key)  # type: ignore[attr-defined]
        if site is None:
            raise Http404
        return await sync_to_async(lambda: answer(_shown(request, site)))()

    @api.post(
        "/sites",
        response={201: SiteShown, **PROBLEMS},
        summary="Make a site",
        tags=["sites"],
    )
    async def make_site(request: HttpRequest, sent: SiteSent) -> HttpResponse:
        """For who may add sites, who own them then, and for tokens of all sites that may write."""
        return await sync_to_async(_make)(request, sent)

    @api.patch(
        "/sites/{key}",
        response={200: SiteShown, **PROBLEMS},
        summary="Change a site",
        tags=["sites"],
    )
    async def change_site(request: HttpRequest, key: str, sent: SiteChange) -> HttpResponse:
        """For owners, and tokens that may write. What is stored already keeps its names."""
        return await sync_to_async(_change)(request, key, sent)


def _all(request: HttpRequest) -> HttpResponse:
    reader: rights.Reader = request.auth  # type: ignore[attr-defined]
    return answer({"sites": [_shown(request, site) for site in rights.visible_sites(reader)]})


def _shown(request: HttpRequest, site: Site) -> dict[str, Any]:
    reader: rights.Reader = request.auth  # type: ignore[attr-defined]
    names = [name for name in SiteShown.model_fields if name != "may_change"]
    return {**{name: getattr(site, name) for name in names}, "may_change": rights.may_change(reader, site)}


def _make(request: HttpRequest, sent: SiteSent) -> HttpResponse:
    reader: rights.Reader = request.auth  # type: ignore[attr-defined]
    if isinstance(reader, Token) and not (reader.write and reader.all_sites):
        return answer({"error": "Only a token of all sites that may write makes one."}, 403)
    if not isinstance(reader, Token) and not rights.may_add_sites(reader):
        return answer({"error": "You may not add sites."}, 403)
    site = Site(domain=sent.domain, hosts=[], timezone=sent.timezone)
    with transaction.atomic():
        problem = _save(site, {"domain": sent.domain, "timezone": sent.timezone, "hosts": sent.hosts})
        if problem:
            return problem
        if isinstance(reader, User):
            Member.objects.create(site=site, user=reader, role=Member.Role.OWNER)
    return answer(_shown(request, site), 201)


def _change(request: HttpRequest, key: str, sent: SiteChange) -> HttpResponse:
    reader: rights.Reader = request.auth  # type: ignore[attr-defined]
    with transaction.atomic():
        site = rights.site_for(reader, key)
        if site is None:
            raise Http404
        if not rights.may_change(reader, site):
            return may_not(reader)
        site = Site.objects.select_for_update(of=("self",)).get(pk=site.pk)
        problem = _save(site, sent.dict(exclude_none=True))
        return problem or answer(_shown(request, site))


def _save(site: Site, sent: dict[str, Any]) -> HttpResponse | None:
    """Save what the form takes, which is that of the settings; what it refuses is told."""
    now = {name: getattr(site, name) for name in (*SiteForm.Meta.fields,)}
    # Without a change of its own, a host goes with the domain as the settings' first choice has it.
    fields = {**now, **sent, "hosts_follow": "add"}
    lines = ("hosts", *LISTED)
    form = SiteForm(
        {
            name: "\n".join(value) if name in lines else value
            for name, value in fields.items()
            if name not in SWITCHES or value
        },
        instance=site,
    )
    if not form.is_valid():
        field, errors = next(iter(form.errors.items()))
        return wrong_field("" if field == "__all__" else field, str(errors[0]))
    form.save()
    return None
