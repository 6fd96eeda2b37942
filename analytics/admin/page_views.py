"""Page views in the admin: to look at, filter, search by path and take away."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from analytics.admin.attribution_fields import COLUMNS, FIELDSETS
from analytics.admin.filters import ORIGINS, SERVER, DaysFilter, SiteFilter, local
from analytics.admin.growing import GrowingAdmin
from analytics.admin.page_names import found
from analytics.history.durations import spoken
from tracker.contract.spans import LONGEST_PAGE_VIEW
from tracker.models import PageView, Visit
from tracker.pages.readable_hosts import readable_host, readable_page

# A visit ends with its visitor's day, of up to 25 hours, in which its last page view may have begun.
LONGEST_VISIT = timedelta(hours=25) + LONGEST_PAGE_VIEW


@admin.register(PageView)
class PageViewAdmin(GrowingAdmin):
    list_display = ("began", "page", "engaged", "source", "country", "browser", "device", "title", "server")
    list_display_links = ("began", "page")
    list_filter = (SiteFilter, DaysFilter, *ORIGINS, SERVER)
    search_fields = ("path",)
    search_help_text = "Part of a path, like /pricing or /über-uns."
    fieldsets = [
        (None, {"fields": ("site", "page", "query", "title", "server", "visit")}),
        ("When", {"fields": ("began", "ended", "engaged", "depth")}),
        *FIELDSETS,
        (None, {"fields": ("id",)}),
    ]
    readonly_fields = ("page", "began", "ended", "engaged", "visit")
    export_fields = (
        "began_at",
        "ended_at",
        "path",
        "query",
        "title",
        "server",
        "engaged_ms",
        "depth",
        "visit_id",
        *COLUMNS,
        "id",
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return found(queryset, self.search_fields, search_term), False

    @admin.display(description="path")
    def page(self, view: PageView) -> str:
        return readable_page(view.path)

    @admin.display(description="referrer")
    def source(self, view: PageView) -> str:
        return readable_host(view.referrer)

    @admin.display(description="began")
    def began(self, view: PageView) -> str:
        return local(view.began_at, view.site)

    @admin.display(description="ended")
    def ended(self, view: PageView) -> str:
        return local(view.ended_at, view.site)

    @admin.display(description="engaged")
    def engaged(self, view: PageView) -> str:
        return spoken(view.engaged_ms)

    @admin.display(description="visit")
    def visit(self, view: PageView) -> str | SafeString:
        began = (view.began_at - LONGEST_VISIT, view.began_at)
        visit = Visit.objects.filter(site_id=view.site_id, id=view.visit_id, began_at__range=began).first()
        if visit is None:
            return "–"
        address = self.visits.address(visit)
        return format_html(
            '<a href="{}">{}</a>',
            reverse("admin:tracker_visit_change", args=[address]),
            local(visit.began_at, view.site),
        )

    @property
    def visits(self) -> Any:
        return self.admin_site.get_model_admin(Visit)
