"""Sites in the admin: settings, members, the snippet, and the way to board and reports.

Rights come from membership, never from Django's model permissions: owners change a site, viewers look.
A site is switched off and never deleted here: what it counted is not thrown away by a wrong click.
"""

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet, ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from analytics.access import rights
from analytics.models import Member
from analytics.sites.site_form import MemberForm, SiteForm
from tracker.models import Site
from tracker.sites import snippet_tag
from tracker.sites.hosts import read_host, twin

DOMAIN_FIELDS = ("domain", "timezone", "enabled", "hosts")


class MembersFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """Refuses the same user twice with a sentence; the form's username is not a field of the model."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if "DELETE" in form.fields:
            # The row's own label is hidden by Django's template.
            form.fields["DELETE"].widget.attrs["aria-label"] = "Remove this member"

    def clean(self) -> None:
        super().clean()
        seen: set[str] = set()
        for form in self.forms:
            name = form.cleaned_data.get("username") if hasattr(form, "cleaned_data") else None
            if name is None or form.cleaned_data.get("DELETE"):
                continue
            if name in seen:
                form.add_error("username", "This user is listed twice.")
            seen.add(name)


class MemberInline(admin.TabularInline):  # type: ignore[type-arg]
    """Who may see the site, and who may change it."""

    model = Member
    form = MemberForm
    formset = MembersFormSet
    fields = ("username", "role")
    readonly_fields = ("name",)
    extra = 1
    verbose_name_plural = "Members: owners may change the site, viewers may look"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("username", "role") if self.has_change_permission(request, obj) else ("name", "role")

    def get_formset(self, request: HttpRequest, obj: Any = None, **options: Any) -> Any:
        if not self.has_change_permission(request, obj):
            options["form"] = ModelForm
        return super().get_formset(request, obj, **options)

    @admin.display(description="username")
    def name(self, member: Member) -> str:
        return member.user.get_username()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return rights.is_staff(request.user)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_change(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_change(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_change(request, obj)


def may_change(request: HttpRequest, site: Site | None) -> bool:
    """Whether the user may change this site; with none named, any site at all."""
    if site is None or site.pk is None:
        return rights.owned_sites(request.user).exists()
    return rights.owns(request.user, site)


@admin.register(Site)
class SiteAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = SiteForm
    inlines = (MemberInline,)
    list_display = ("name", "key", "timezone", "enabled", "board", "report")
    list_filter = ("enabled",)
    search_fields = ("domain", "key")
    show_facets = admin.ShowFacets.NEVER
    actions = None
    change_form_template = "admin/tracker/site/change_form.html"
    change_list_template = "admin/tracker/site/change_list.html"
    fieldsets = (
        (None, {"fields": DOMAIN_FIELDS}),
        ("Not counted", {"fields": ("excluded_addresses", "excluded_paths", "honour_dnt")}),
        (
            "Pages",
            {
                "fields": (
                    *("hash_routes", "page_parameters", "fold_slashes", "fold_case", "show_host"),
                    "query_parameters",
                )
            },
        ),
        ("Sources", {"fields": ("ref_parameters",)}),
        ("History", {"fields": ("raw_days", "history_months")}),
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return rights.is_staff(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return rights.is_staff(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_change(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return rights.may_add_sites(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Site]:
        return rights.visible_sites(request.user)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets: list[Any] = [
            (name, dict(options)) for name, options in super().get_fieldsets(request, obj)
        ]
        if obj is not None and self.has_change_permission(request, obj):
            fieldsets[0][1]["fields"] = (*DOMAIN_FIELDS, "hosts_follow")
        return fieldsets

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        # As people write it: domains are kept as browsers say them.
        with suppress(ValueError):
            search_term = search_term if search_term.isascii() else read_host(search_term)
        return super().get_search_results(request, queryset, search_term)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        user = request.user
        if not change and rights.is_staff(user) and not rights.sees_all(user):
            # Who adds a site owns it, or would not find it again.
            owner = {"role": Member.Role.OWNER}
            Member.objects.update_or_create(site=form.instance, user=user, defaults=owner)

    def save_model(self, request: HttpRequest, obj: Site, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and "domain" not in form.changed_data:
            return
        same = rights.visible_sites(request.user).filter(domain__in=[obj.domain, *twin(obj.domain)])
        for other in same.exclude(pk=obj.pk):
            messages.warning(
                request,
                f"There is a site {other.shown} already (key {other.key}). "
                "Each counts the pages that carry its own key.",
            )

    @admin.display(description="domain", ordering="domain")
    def name(self, site: Site) -> str:
        return site.shown

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **options: Any
    ) -> HttpResponse:
        site = options.get("obj")
        if site is not None:
            context["snippet"] = snippet_tag.tag(site, settings.FOOTFALL_URL)
        return super().render_change_form(request, context, *args, **options)

    @admin.display(description="live")
    def board(self, site: Site) -> SafeString:
        return format_html('<a href="/sites/{}/">Board</a>', site.key)

    @admin.display(description="history")
    def report(self, site: Site) -> SafeString:
        return format_html('<a href="{}">Report</a>', reverse("site_report", args=[site.pk]))
