"""What was erased, by whom, when and how much of it: to be looked at, by owners of a site and superusers."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern

from analytics.access import rights
from analytics.models import Erasure


@admin.register(Erasure)
class ErasureAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = (
        "asked_at",
        "domain",
        "kind",
        "asked_by",
        "state",
        "ended_at",
        "views",
        "visits",
        "events",
    )
    list_filter = ("state", "kind")
    search_fields = ("domain", "key", "asked_by")
    list_display_links = None
    show_facets = admin.ShowFacets.NEVER

    def get_urls(self) -> list[URLPattern]:
        # There is nothing to it but its row.
        return [each for each in super().get_urls() if each.name == "analytics_erasure_changelist"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return rights.owned_sites(request.user).exists() or rights.sees_all(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Erasure]:
        found = super().get_queryset(request)
        if rights.sees_all(request.user):
            return found
        return found.filter(site_id__in=rights.owned_sites(request.user).values("pk"))
