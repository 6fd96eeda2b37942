"""The form for a site, and the one for its members."""

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from analytics.admin import site_values
from analytics.admin.site_values import LinesField
from analytics.models import Member
from tracker.models import Site
from tracker.sites.hosts import site_hosts


class SiteForm(forms.ModelForm):  # type: ignore[type-arg]
    """What an owner may change."""

    hosts = LinesField(
        check=site_values.host,
        help_text="Hosts that carry the snippet, one per line; *.example.com stands for all subdomains. "
        "Scheme and port do not matter. Left empty: the domain, with and without www.",
    )
    query_parameters = LinesField(
        check=site_values.parameter,
        help_text="Query parameters to keep, one per line. All others are dropped before storing, "
        "but for campaign parameters (utm_…) and click ids.",
    )
    excluded_addresses = LinesField(
        check=site_values.address,
        help_text="IP addresses or networks whose visits are not counted, one per line.",
    )
    excluded_paths = LinesField(
        check=site_values.path,
        help_text="Paths that are not counted, one per line: exact, or the beginning with a * at its end.",
    )

    class Meta:
        model = Site
        fields = (
            "domain",
            "timezone",
            "enabled",
            "hosts",
            "honour_dnt",
            "hash_routes",
            "query_parameters",
            "excluded_addresses",
            "excluded_paths",
        )
        help_texts = {
            "domain": "The site's name, like example.com.",
            "timezone": "Its days begin at this zone's midnight, like Europe/Berlin.",
            "enabled": "Switch off to stop counting. What is stored stays.",
        }

    def clean_domain(self) -> str:
        name = site_values.host(self.cleaned_data["domain"])
        if name.startswith("*."):
            raise ValidationError("A site has one domain. Allow its subdomains under hosts.")
        return name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("hosts") and "hosts" not in self.errors and (domain := cleaned.get("domain")):
            cleaned["hosts"] = site_hosts(domain, [])
        return cleaned


class MemberForm(forms.ModelForm):  # type: ignore[type-arg]
    """A member, named by username: a list to choose from would show every owner all of the staff."""

    username = forms.CharField(max_length=150)

    class Meta:
        model = Member
        fields = ("role",)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.initial["username"] = self.instance.user.get_username()

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"]
        # A member who was deactivated since must not keep the site's form from being saved.
        if name == self.initial.get("username"):
            return name
        user = get_user_model().objects.filter(username=name, is_staff=True, is_active=True).first()
        if user is None:
            raise ValidationError("There is no active staff user of this name.")
        self.instance.user = user
        return name
