"""Visits in the admin: to look at with their page views, filter, search by first or last page, take away."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from analytics.admin.attribution_fields import COLUMNS, FIELDSETS
from analytics.admin.filters import ORIGINS, DaysFilter, SiteFilter, local
from analytics.admin.growing import GrowingAdmin
from analytics.admin.page_names import found
from analytics.history.durations import spoken
from tracker.models import PageView, Visit
from tracker.pages.readable_hosts import readable_host, readable_page

MOST_VIEWS = 200


@admin.register(Visit)
class VisitAdmin(GrowingAdmin):
    list_display = ("began", "entry", "exit", "views", "engaged", "source", "country", "browser")
    list_display_links = ("began", "entry")
    list_filter = (SiteFilter, DaysFilter, *ORIGINS)
    search_fields = ("entry_path", "exit_path")
    search_help_text = "Part of the first or last page's path, like /pricing or /über-uns."
    fieldsets = [
        (None, {"fields": ("site", "entry", "exit", "views", "events", "page_views")}),
        ("When", {"fields": ("began", "ended", "engaged")}),
        *FIELDSETS,
        (None, {"fields": ("id",)}),
    ]
    readonly_fields = ("entry", "exit", "began", "ended", "engaged", "page_views")
    export_fields = (
        "began_at",
        "ended_at",
        "entry_path",
        "exit_path",
        "views",
        "events",
        "engaged_ms",
        *COLUMNS,
        "id",
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return found(queryset, self.search_fields, search_term), False

    @admin.display(description="entry path")
    def entry(self, visit: Visit) -> str:
        return readable_page(visit.entry_path)

    @admin.display(description="exit path")
    def exit(self, visit: Visit) -> str:
        return readable_page(visit.exit_path)

    @admin.display(description="referrer")
    def source(self, visit: Visit) -> str:
        return readable_host(visit.referrer)

    @admin.display(description="began")
    def began(self, visit: Visit) -> str:
        return local(visit.began_at, visit.site)

    @admin.display(description="ended")
    def ended(self, visit: Visit) -> str:
        return local(visit.ended_at, visit.site)

    @admin.display(description="engaged")
    def engaged(self, visit: Visit) -> str:
        return spoken(visit.engaged_ms)

    @admin.display(description="page views")
    def page_views(self, visit: Visit) -> SafeString:
        rows = PageView.objects.filter(
            site_id=visit.site_id, visit_id=visit.pk, began_at__range=(visit.began_at, visit.ended_at)
        ).order_by("began_at")[:MOST_VIEWS]
        steps = (
            (
                self.link(view),
                local(view.began_at, visit.site),
                readable_page(view.path),
                spoken(view.engaged_ms),
            )
            for view in rows
        )
        return format_html("<ol>{}</ol>", format_html_join("", '<li><a href="{}">{} {}</a> ({})</li>', steps))

    def link(self, view: PageView) -> str:
        page_views: Any = self.admin_site.get_model_admin(PageView)
        return reverse("admin:tracker_pageview_change", args=[page_views.address(view)])
