"""Filters for the growing tables: which site (always one), which days, and what recent rows are made of."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from analytics.access import rights
from analytics.admin.page_names import SHOWN_AS
from analytics.queries import ranges
from tracker.contract.zones import zone_of
from tracker.models import Site

RECENT, TOP = 2_000, 15
# As many as one reads; a field finds the others.
MOST_SITES = 25


def chosen_site(request: HttpRequest) -> Site | None:
    """The site that a list shows: the one asked for, else the first that the reader may see."""
    key = request.GET.get("site")
    return rights.site_for(request.user, key) if key else rights.visible_sites(request.user).first()


def chosen_range(request: HttpRequest, site: Site) -> ranges.Range:
    """The days that a list shows; raises ValueError with a sentence when they make no sense."""
    return ranges.read(request.GET, zone_of(site.timezone), timezone.now())


def within(request: HttpRequest, queryset: QuerySet[Any], moment: str) -> QuerySet[Any]:
    """The rows of the chosen site and days: both in one place, so that every query opens few partitions."""
    site = chosen_site(request)
    if site is None:
        return queryset.none()
    try:
        days = chosen_range(request, site)
    except ValueError:  # said by DaysFilter
        return queryset.none()
    return queryset.filter(site_id=site.pk, **{f"{moment}__gte": days.start, f"{moment}__lt": days.end})


class SiteFilter(admin.SimpleListFilter):
    """One site; there is no "all": only with its site does a query find its way through the key."""

    title = "site"
    parameter_name = "site"
    template = "admin/tracker/site_filter.html"
    search = "named"
    parameters = (parameter_name, search)

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any
    ) -> None:
        self.sought = (params.pop(self.search, None) or [""])[-1]
        super().__init__(request, params, model, model_admin)
        if self.sought:
            self.used_parameters[self.search] = self.sought

    def expected_parameters(self) -> list[Any]:
        return list(self.parameters)

    def has_output(self) -> bool:
        return bool(self.sought or self.lookup_choices)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = chosen_site(request)
        self.chosen = chosen.key if chosen else ""
        sites = rights.visible_sites(request.user)
        self.many = sites[MOST_SITES:].exists()
        # By what is read, not by what is stored: domains are kept as browsers say them.
        sought = self.sought.casefold().strip()
        found = (
            site for site in sites if sought in site.shown.casefold() or sought in (site.domain, site.key)
        )
        listed = list(islice(found if sought else sites[: MOST_SITES + 1], MOST_SITES + 1))
        self.more = len(listed) > MOST_SITES
        if chosen and not sought and chosen not in listed[:MOST_SITES]:
            listed.insert(0, chosen)
        return [(site.key, site.shown) for site in listed[:MOST_SITES]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset  # DaysFilter asks for the site and the days together.

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for key, domain in self.lookup_choices:
            query = changelist.get_query_string({self.parameter_name: key, self.search: None})
            yield {"selected": key == self.chosen, "query_string": query, "display": domain}

    def others(self) -> list[tuple[str, str]]:
        """What else the query string asks, so that looking for a site keeps it."""
        mine = (self.search, "p", "e")
        return [(name, str(value)) for name, value in self.request.GET.items() if name not in mine]


class DaysFilter(admin.ListFilter):
    """A range of the site's days, the last thirty unless asked otherwise."""

    title = "day"
    template = "admin/tracker/days_filter.html"
    parameters = ("range", "from", "to")

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.moment: str = model_admin.moment
        for name in self.parameters:
            if name in params:
                self.used_parameters[name] = params.pop(name)[-1]
        self.days: ranges.Range | None = None
        self.error = ""
        site = chosen_site(request)
        try:
            self.days = chosen_range(request, site) if site else None
        except ValueError as error:
            self.error = str(error)

    def expected_parameters(self) -> list[Any]:
        return list(self.parameters)

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return within(request, queryset, self.moment)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for preset, label in ranges.PRESETS.items():
            query = changelist.get_query_string({"range": preset, "from": None, "to": None})
            yield {
                "selected": self.days is not None and self.days.preset == preset,
                "query_string": query,
                "display": label,
            }

    def others(self) -> list[tuple[str, str]]:
        """What else the query string asks, so that choosing days keeps it."""
        mine = (*self.parameters, "p", "e")
        return [(name, str(value)) for name, value in self.request.GET.items() if name not in mine]


class ValueFilter(admin.SimpleListFilter):
    """The commonest values of one column among the latest rows: bounded, whatever the table holds."""

    column: ClassVar[str]
    nothing: ClassVar[str] = "(unknown)"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        moment = model_admin.moment
        rows = within(request, model_admin.get_queryset(request), moment).order_by(f"-{moment}", "-id")
        counts = Counter(rows.values_list(self.column, flat=True)[:RECENT])
        names = [name for name, _ in counts.most_common(TOP)]
        chosen = self.value()
        if chosen is not None and chosen not in names:
            names.insert(0, str(chosen))
        return [(name, SHOWN_AS.get(self.column, str)(name) or self.nothing) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen is None:
            return queryset
        if "\0" in chosen:  # Postgres takes no such text
            raise IncorrectLookupParameters("No value holds a zero byte.")
        return queryset.filter(**{self.column: chosen})


def by(column: str, title: str = "", nothing: str = "(unknown)") -> type[ValueFilter]:
    """A filter by the commonest recent values of this column."""
    members = {
        "column": column,
        "parameter_name": column,
        "parameters": (column,),
        "title": title or column,
        "nothing": nothing,
    }
    return type(f"{column.title()}Filter", (ValueFilter,), members)


SERVER = by("server", nothing="(none)")
ORIGINS = (
    by("country"),
    by("browser"),
    by("system"),
    by("device"),
    by("referrer", nothing="(direct)"),
    by("channel"),
    by("utm_source", "UTM source", "(none)"),
    by("utm_medium", "UTM medium", "(none)"),
    by("utm_campaign", "UTM campaign", "(none)"),
    by("utm_content", "UTM content", "(none)"),
    by("utm_term", "UTM term", "(none)"),
)
"""What page views and visits both say of who came."""


def local(moment: datetime | None, site: Site) -> str:
    """A moment as the site's clock shows it."""
    return f"{moment.astimezone(zone_of(site.timezone)):%Y-%m-%d %H:%M:%S}" if moment else "–"
