"""What the admins of page views, visits and events share: read-only, one site at a time, a range of days.

A row's address carries its site and its time beside its id, so that Postgres opens one partition to find it.
"""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from analytics.access import rights
from analytics.admin.filters import chosen_range, chosen_site
from analytics.admin.page_names import shown
from analytics.admin.paging import CappedPaginator, GrowingList
from analytics.history import spreadsheet
from analytics.queries.time_limit import TooMuch, time_limit

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ADDRESS = re.compile(r"(\d{1,9})-(\d{1,17})-([0-9a-f]{32})")
PATIENCE = 15.0  # seconds for each query of a list
EXPORT_ROWS = 2_000  # a page of the export: about 1 MB of rows


class GrowingAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Looks at a table that is partitioned by its column `moment`."""

    moment: ClassVar[str] = "began_at"
    export_fields: ClassVar[tuple[str, ...]] = ()

    actions = None
    change_list_template = "admin/tracker/growing_list.html"
    change_form_template = "admin/tracker/growing_row.html"
    list_per_page = list_max_show_all = 100
    list_select_related = ("site",)
    paginator = CappedPaginator
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    sortable_by = ()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return rights.is_staff(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return rights.is_staff(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        # What no filter takes is no question for a huge table (`path__regex`).
        return any(lookup in getattr(each, "parameters", ()) for each in self.list_filter)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset = super().get_queryset(request)
        if rights.sees_all(request.user):
            return queryset
        return queryset.filter(site__in=rights.visible_sites(request.user))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[GrowingList]:
        return GrowingList

    def get_urls(self) -> list[URLPattern]:
        """The list, its export and one row: a table nobody writes has no other address."""
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name=f"{name}_changelist"),
            path("export/", view(self.export_view), name=f"{name}_export"),
            path("<path:object_id>/change/", view(self.change_view), name=f"{name}_change"),
        ]

    def address(self, row: Any) -> str:
        """Where a row is found: site, microseconds since the epoch, id."""
        micros = (getattr(row, self.moment) - EPOCH) // timedelta(microseconds=1)
        return f"{row.site_id}-{micros}-{row.pk.hex}"

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        parts = ADDRESS.fullmatch(object_id)
        if parts is None:
            return None
        try:
            moment = EPOCH + timedelta(microseconds=int(parts[2]))
        except OverflowError:
            return None
        row = {"site_id": int(parts[1]), self.moment: moment, "id": UUID(parts[3])}
        return self.get_queryset(request).select_related("site").filter(**row).first()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            with time_limit(PATIENCE):
                shown = {"site": chosen_site(request), **(extra_context or {})}
                return super().changelist_view(request, shown)
        except TooMuch:
            return self.too_long(request)

    def too_long(self, request: HttpRequest) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "title": "That took too long", "opts": self.opts}
        return TemplateResponse(request, "admin/tracker/too_long.html", context, status=503)

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """The filtered list as CSV, without an end."""
        site = chosen_site(request)
        if site is None:
            raise Http404
        try:
            days = chosen_range(request, site)
            with time_limit(PATIENCE):
                changes = self.get_changelist_instance(request)
        except ValueError as problem:
            return HttpResponse(f"{problem}\n", status=400, content_type="text/plain; charset=utf-8")
        except TooMuch:
            return self.too_long(request)
        except admin.options.IncorrectLookupParameters:
            return HttpResponse(
                "These filters make no sense together.", status=400, content_type="text/plain"
            )
        pages = spreadsheet.stream(self.export_fields, self.export_pages(changes.queryset), days.zone)
        response = StreamingHttpResponse(pages, content_type="text/csv; charset=utf-8")
        name = spreadsheet.file_name(site, str(self.opts.verbose_name_plural), days)
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    async def export_pages(self, queryset: QuerySet[Any]) -> AsyncIterator[list[spreadsheet.Cells]]:
        """Page after page, each from where the last one ended: a slow reader holds no cursor open."""
        fields = (*self.export_fields, self.moment, "id")
        rest = queryset
        while True:
            page = [row async for row in rest.values_list(*fields)[:EXPORT_ROWS]]
            if page:
                yield [shown(self.export_fields, row) for row in page]
            if len(page) < EXPORT_ROWS:
                return
            moment, last = page[-1][-2:]
            rest = queryset.filter(Q(**{f"{self.moment}__lte": moment})).exclude(
                Q(**{self.moment: moment, "id__gte": last})
            )
