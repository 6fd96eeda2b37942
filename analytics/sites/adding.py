"""`/sites/add/`: a new site, by its domain alone; who adds it owns it."""

import zoneinfo
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from analytics.access.rights import is_staff, may_add_sites, visible_sites
from analytics.models import Member
from analytics.sites.field_sections import zone_choices
from analytics.sites.section import note
from tracker.models import Site
from tracker.sites.hosts import site_hosts, twin


class NewSiteForm(forms.Form):
    """A domain, as people write it, and the zone of the browser that asks."""

    domain = forms.CharField(max_length=2048, strip=True)
    timezone = forms.CharField(required=False, label="Time zone", widget=forms.Select(choices=zone_choices()))
    again = forms.BooleanField(required=False)

    def clean_domain(self) -> str:
        try:
            self.hosts = site_hosts(self.cleaned_data["domain"], [])
        except ValueError as error:
            raise ValidationError(str(error).replace("--host '*.example.com'", "its settings")) from None
        return self.hosts[0]


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """`GET`: the form; `POST` with `domain` and `timezone`: the site, and on to its installation.

    A domain that a site of the reader's has is told, and taken only with `again`.
    """
    user = request.user
    if not is_staff(user) or not may_add_sites(user):
        raise PermissionDenied("You may not add sites. A superuser, or one with that right, may.")
    form = NewSiteForm(_with_known_zone(request.POST) if request.method == "POST" else None)
    others: list[Site] = []
    if form.is_valid():
        domain = form.cleaned_data["domain"]
        others = list(visible_sites(user).filter(domain__in=[domain, *twin(domain)]))
        if not others or form.cleaned_data["again"]:
            with transaction.atomic():
                site = Site.objects.create(
                    domain=domain, hosts=form.hosts, timezone=form.cleaned_data["timezone"] or "UTC"
                )
                Member.objects.create(site=site, user=user, role=Member.Role.OWNER)
                note(user, site, "Added.")
            return redirect("install", site.key)
    context = {"user": user, "form": form, "others": others}
    return render(request, "site_add.html", context, status=422 if form.is_bound else 200)


def _with_known_zone(sent: Any) -> dict[str, str]:
    """What was sent; a browser's zone that is not known here is nobody's mistake to mend."""
    chosen = {name: str(value) for name, value in sent.items()}
    if chosen.get("timezone") not in zoneinfo.available_timezones():
        chosen["timezone"] = ""
    return chosen
