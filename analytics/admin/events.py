"""Custom events in the admin: to look at, filter by name and take away."""

from django.contrib import admin

from analytics.admin.filters import DaysFilter, SiteFilter, by, local
from analytics.admin.growing import GrowingAdmin
from tracker.models import Event


@admin.register(Event)
class EventAdmin(GrowingAdmin):
    moment = "at"
    list_display = ("said", "name", "value", "properties")
    list_display_links = ("said", "name")
    list_filter = (SiteFilter, DaysFilter, by("name"))
    search_fields = ("name",)
    fields = ("site", "said", "name", "value", "properties", "page_view_id", "visit_id", "id")
    readonly_fields = ("said",)
    export_fields = ("at", "name", "value", "properties", "page_view_id", "visit_id", "id")

    @admin.display(description="at")
    def said(self, event: Event) -> str:
        return local(event.at, event.site)
