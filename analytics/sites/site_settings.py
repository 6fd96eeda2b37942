"""`/sites/KEY/settings/`: a site's settings in the product's own look, saved section by section.

Owners change them, viewers read them. The administration has the same fields, by the same forms.
"""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from analytics.access.rights import Reader, is_staff, owned_sites, site_for, visible_sites
from analytics.sites.danger_section import DangerSection
from analytics.sites.erasure_section import ErasureSection
from analytics.sites.field_sections import FieldSection
from analytics.sites.goal_section import GoalSection
from analytics.sites.history_section import HistorySection
from analytics.sites.member_section import MemberSection
from analytics.sites.section import SectionAnswer, SettingsSection
from analytics.sites.token_section import TokenSection
from tracker.models import Site

SECTIONS: tuple[SettingsSection, ...] = (
    FieldSection("name", "Name and hosts", ("domain", "hosts", "hosts_follow")),
    FieldSection("zone", "Time zone", ("timezone",)),
    FieldSection("excluded", "What is not counted", ("excluded_addresses", "excluded_paths", "honour_dnt")),
    FieldSection(
        "pages",
        "Pages and sources",
        (
            *("hash_routes", "fold_slashes", "fold_case", "show_host", "ref_parameters"),
            *("page_parameters", "query_parameters"),
        ),
        "How pages and sources are named. What is stored already keeps its name.",
    ),
    GoalSection(),
    HistorySection(
        "history",
        "History",
        ("raw_days", "history_months"),
        "How long what was counted is kept, and all of it to take along.",
        "settings/history.html",
    ),
    MemberSection(),
    TokenSection(),
    ErasureSection(),
    DangerSection(),
)
# With it a script asks for one section only, to put it in the place of the one that was sent.
ALONE = "X-Footfall-Section"


@never_cache
@login_required
@require_safe
def page(request: HttpRequest, key: str) -> HttpResponse:
    """`GET`: all sections; `?saved=NAME` says that one was saved just now."""
    site = _site(request, key)
    return whole(request, site, request.GET.get("saved", ""), SectionAnswer("Saved"))


@never_cache
@login_required
@require_POST
def change(request: HttpRequest, key: str, name: str) -> HttpResponse:
    """`POST …/settings/NAME/`: change what one section shows; for owners."""
    site = _site(request, key)
    section = next((each for each in SECTIONS if each.name == name), None)
    if section is None:
        raise Http404("There is no such section.")
    user = request.user
    with transaction.atomic():
        locked = owned_sites(user).filter(pk=site.pk).select_for_update(of=("self",)).first()
        if locked is None or not is_staff(user):
            raise PermissionDenied("Only an owner of the site may change it.")
        answer = section.change(user, locked, request.POST)
    if ALONE in request.headers:
        context = _section_context(user, locked, section, owner=True) | answer.shown
        context |= {"saved": answer.saved, "site": locked}
        return render(request, "settings/section.html", context, status=answer.status)
    if answer.saved and not answer.shown.get("made"):
        address = reverse("site_settings", args=[locked.key])
        return redirect(f"{address}?{urlencode({'saved': name})}#{name}")
    return whole(request, locked, name, answer)


def whole(request: HttpRequest, site: Site, name: str, answer: SectionAnswer) -> HttpResponse:
    """The page, with what there is to say of one of its sections."""
    user = request.user
    owner = owned_sites(user).filter(pk=site.pk).exists()
    sections = []
    for section in SECTIONS:
        if section.hidden(site, owner):
            continue
        context = _section_context(user, site, section, owner)
        if section.name == name:
            context |= {**answer.shown, "saved": answer.saved}
        sections.append(context)
    context = {
        "user": user,
        "site": site,
        "sites": list(visible_sites(user)),
        "sections": sections,
        "owner": owner,
    }
    return render(request, "settings/page.html", context, status=answer.status)


def _section_context(user: Reader, site: Site, section: SettingsSection, owner: bool) -> dict[str, Any]:
    return {"section": section, "owner": owner, **section.shown(user, site, owner)}


def _site(request: HttpRequest, key: str) -> Site:
    site = site_for(request.user, key)
    if site is None:
        raise Http404("There is no such site, or you may not see it.")
    return site
