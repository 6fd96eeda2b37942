"""The form for a site, and the one for its members."""

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from analytics.models import Member
from analytics.sites import site_values
from analytics.sites.site_values import LinesField
from tracker.models import Site
from tracker.pages.escapes import readable
from tracker.pages.readable_hosts import readable_host
from tracker.sites.hosts import site_hosts, twin

ADD, REPLACE, KEEP = "add", "replace", "keep"
HOSTS_FOLLOW = (
    (ADD, "add the hosts of the new domain, keep the old ones"),
    (REPLACE, "put the hosts of the new domain in place of the old ones"),
    (KEEP, "leave the hosts as they are"),
)


class SiteForm(forms.ModelForm):  # type: ignore[type-arg]
    """What an owner may change."""

    hosts = LinesField(
        check=site_values.host,
        shown=readable_host,
        help_text="Hosts that carry the snippet, one per line; *.example.com stands for all subdomains. "
        "Scheme and port do not matter. Left empty: the domain, with and without www.",
    )
    query_parameters = LinesField(
        check=site_values.parameter,
        help_text="Query parameters to keep beside the page, one per line; its row stays the same. "
        "All others are dropped before storing, but for campaign parameters (utm_…) and click ids. "
        "Example: with color, /shirts?color=red is the page /shirts, and color=red is stored with the view.",
    )
    page_parameters = LinesField(
        check=site_values.parameter,
        help_text="Query parameters that tell pages apart, one per line: each value is a row of its own. "
        "Example: with id, /article?id=7&session=a1 is the page /article?id=7. "
        "Name none that holds what visitors type.",
    )
    excluded_addresses = LinesField(
        check=site_values.address,
        help_text="IP addresses or networks whose visits are not counted, one per line.",
    )
    excluded_paths = LinesField(
        check=site_values.path,
        shown=readable,
        help_text="Paths that are not counted, one per line: exact, or the beginning with a * at its end. "
        "Write them as you read them: /über-uns, /my page, /日本/*. Where the #fragment tells pages apart, "
        "routes too: /#/admin/*.",
    )

    hosts_follow = forms.ChoiceField(
        choices=HOSTS_FOLLOW,
        required=False,
        label="When the domain changes",
        help_text="What happens to the hosts where you change the domain and not the hosts. Example: from "
        "old.example to new.example, new.example and www.new.example are added, so that no page is refused; "
        "pages of old.example go on counting until you take its hosts away.",
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
            "page_parameters",
            "fold_slashes",
            "fold_case",
            "show_host",
            "ref_parameters",
            "query_parameters",
            "excluded_addresses",
            "excluded_paths",
            "raw_days",
            "history_months",
        )
        labels = {"timezone": "Time zone"}
        help_texts = {
            "domain": "The site's name, like example.com.",
            "timezone": "Its days begin at this zone's midnight, like Europe/Berlin.",
            "ref_parameters": "A link that ends in ?ref=letter or ?source=letter says where a visitor came "
            "from, unless it has utm_source. Switch off where your pages use these parameters otherwise.",
            "raw_days": "Lists of visits and the day’s curve reach back so far, reports further. Empty: as "
            "the server says. A day goes when it is older and sealed for reports.",
            "history_months": "What is older is deleted for ever, from reports too (a month is 31 days). "
            "Empty: for ever.",
            "enabled": "Switch off to stop counting. What is stored stays.",
            "hash_routes": "For apps that route by the fragment: /#/pricing?utm_source=news is the page "
            "/#/pricing, and what follows the ? is its query. Take the new snippet afterwards.",
            "fold_slashes": "/shop/, /shop/index.html and /shop are one row, /shop. Not for servers that "
            "answer them differently. Counts from now on; what is stored keeps its name.",
            "fold_case": "/About and /about are one row, /about. Not for servers that tell them apart. "
            "Counts from now on; what is stored keeps its name.",
            "show_host": "For a site with several hosts: https://de.shop.example/pricing is the page "
            "de.shop.example/pricing, without www. Left off, all hosts share one row, /pricing.",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.initial["domain"] = self.instance.shown

    def clean_domain(self) -> str:
        name = site_values.host(self.cleaned_data["domain"])
        if name.startswith("*."):
            raise ValidationError("A site has one domain. Allow its subdomains under hosts.")
        return name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self._check_excluded()
        self._follow_domain(cleaned)
        if not cleaned.get("hosts") and "hosts" not in self.errors and (domain := cleaned.get("domain")):
            cleaned["hosts"] = site_hosts(domain, [])
        return cleaned

    def _follow_domain(self, cleaned: dict[str, Any]) -> None:
        """Change the hosts with the domain, as asked; who changed them himself has said what he wants."""
        before, domain, hosts = self.instance.domain, cleaned.get("domain"), cleaned.get("hosts")
        if not (self.instance.pk and domain and hosts) or domain == before or "hosts" in self.changed_data:
            return
        follow, new = cleaned.get("hosts_follow") or ADD, site_hosts(domain, [])
        if follow == ADD:
            cleaned["hosts"] = list(dict.fromkeys([*hosts, *new]))
        elif follow == REPLACE:
            old = {before, *twin(before)}
            cleaned["hosts"] = list(dict.fromkeys([*new, *(host for host in hosts if host not in old)]))

    def _wanted(self, name: str) -> Any:
        """What a field will say; one that is not in this form, or not right, stays what it is."""
        return self.cleaned_data.get(name, getattr(self.instance, name))

    def _check_excluded(self) -> None:
        """A path that no page of the site can have would leave out nothing, without a word."""
        # Where the form has the switches and not the paths, it is the switch that is wrong.
        place = "excluded_paths" if "excluded_paths" in self.fields else None
        for path in self._wanted("excluded_paths"):
            for mark, switch, label in (
                ("#", "hash_routes", "that pages are told apart by their #fragment"),
                ("?", "page_parameters", "which query parameters tell pages apart"),
            ):
                if mark in path and not self._wanted(switch):
                    self.add_error(place, f"“{readable(path)}” has a {mark}: say {label}, too.")
            if not path.startswith("/") and not self._wanted("show_host"):
                self.add_error(
                    place,
                    f"“{readable(path)}” has a host: say that pages are told apart by their host, too.",
                )


class MemberForm(forms.ModelForm):  # type: ignore[type-arg]
    """A member, named by username: a list to choose from would show every owner all of the staff."""

    username = forms.CharField(max_length=150, widget=forms.TextInput({"aria-label": "User name"}))

    class Meta:
        model = Member
        fields = ("role",)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["role"].widget.attrs["aria-label"] = "Role"
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
