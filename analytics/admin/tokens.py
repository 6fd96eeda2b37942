"""API tokens in the admin: made, shown once, seen in use, and revoked by deleting them.

Superusers have all of them; owners of sites those that read nothing but their sites.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from analytics.access import rights, tokens
from analytics.models import Token


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a new token reads: all sites, or those that are chosen."""

    class Meta:
        model = Token
        fields = ("all_sites", "sites", "servers", "write")
        labels = {"write": "May write", "all_sites": "All sites"}
        help_texts = {
            "all_sites": "Those that are added later, too, and servers' datapoints.",
            "servers": "It sees servers' datapoints, which are of no site.",
            "write": "It may also send page views and events, and change what it can read.",
        }

    def clean(self) -> dict[str, Any]:
        chosen = super().clean() or self.cleaned_data
        if bool(chosen.get("all_sites")) == bool(chosen.get("sites")) and "sites" not in self.errors:
            self.add_error("sites", "Choose the sites that it reads, or all sites.")
        return chosen


@admin.register(Token)
class TokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = TokenForm
    list_display = ("text", "reads", "write", "created_at", "used_at")
    readonly_fields = list_display
    show_facets = admin.ShowFacets.NEVER

    def has_module_permission(self, request: HttpRequest) -> bool:
        return rights.owned_sites(request.user).exists() or rights.sees_all(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Token]:
        return tokens.revocable(request.user).prefetch_related("sites")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is not None:
            return self.list_display
        return (
            ("all_sites", "sites", "servers", "write")
            if rights.sees_all(request.user)
            else ("sites", "write")
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.list_display if obj is not None else ()

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        # Whichever button is pressed, the token is shown.
        context = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**context, **(extra_context or {})})

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        options.update(queryset=rights.owned_sites(request.user).order_by("domain"), required=False)
        return super().formfield_for_manytomany(db_field, request, **options)

    def save_model(self, request: HttpRequest, obj: Token, form: Any, change: bool) -> None:
        # Only for the answer to this request: no message, which would wait in a cookie.
        obj.text = tokens.make(obj)  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Token, post_url_continue: Any = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "A new API token",
            "opts": self.opts,
            "text": obj.text,  # type: ignore[attr-defined]
            "reads": self.reads(obj),
            "write": obj.write,
        }
        return TemplateResponse(request, "admin/analytics/token/made.html", context)

    @admin.display(description="sites")
    def reads(self, token: Token) -> str:
        if token.all_sites:
            return "all sites"
        of_sites = sorted(site.shown for site in token.sites.all())
        return ", ".join([*of_sites, *(["servers"] if token.servers else [])]) or "none"

    @admin.display(description="token")
    def text(self, token: Token) -> str:
        return str(token)
