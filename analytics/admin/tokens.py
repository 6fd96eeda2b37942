"""API tokens in the admin: to see which are in use, and to revoke them by deleting. `addtoken` makes them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from analytics.access import rights
from analytics.models import Token


@admin.register(Token)
class TokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("text", "reads", "write", "created_at", "used_at")
    fields = ("text", "reads", "write", "created_at", "used_at")
    readonly_fields = fields
    show_facets = admin.ShowFacets.NEVER

    def has_module_permission(self, request: HttpRequest) -> bool:
        return rights.sees_all(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return rights.sees_all(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return rights.sees_all(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="sites")
    def reads(self, token: Token) -> str:
        if token.all_sites:
            return "all sites"
        return ", ".join(site.domain for site in token.sites.all()) or "none"

    @admin.display(description="token")
    def text(self, token: Token) -> str:
        return str(token)
