"""Of which days imported figures count: those that a site did not count itself, each told by one product."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from django.db.models import Max, Min

from analytics.models import HistoryDay, ImportedFigure, ImportedFile
from analytics.queries.ranges import midnight
from tracker.contract.zones import zone_of
from tracker.models import PageView, Site


class ImportedDays(NamedTuple):
    """The days of a span that count, by file, and the names of the products that counted them."""

    by_file: Mapping[int, list[date]]
    products: tuple[str, ...]

    @property
    def days(self) -> list[date]:
        """All of them, in their order, each once."""
        return sorted({day for days in self.by_file.values() for day in days})


def days_of(site: Site, first: date, last: date) -> ImportedDays:
    """Those of a span, both ends included.

    Where two products say something of a day, that whose file was added first counts. Files of one product go
    together: they tell different tables, or the same once more.
    """
    files = list(
        ImportedFile.objects.filter(site=site, first__lte=last, last__gte=first).order_by("added_at", "pk")
    )
    if not files:
        return ImportedDays({}, ())
    taken = own_days(site, first, last)
    found: dict[int, list[date]] = {}
    of_product: dict[date, str] = {}
    for file in files:
        told = ImportedFigure.objects.filter(file=file, day__range=(first, last))
        for day in sorted(set(told.values_list("day", flat=True).distinct()) - taken):
            if of_product.setdefault(day, file.product) == file.product:
                found.setdefault(file.pk, []).append(day)
    names = {file.get_product_display() for file in files if file.pk in found}
    return ImportedDays(found, tuple(sorted(names)))


def own_days(site: Site, first: date, last: date) -> set[date]:
    """The days of which the site has counted page views itself: these win."""
    zone = zone_of(site.timezone)
    sealed = HistoryDay.objects.filter(site_id=site.pk, day__range=(first, last)).values_list(
        "day", flat=True
    )
    found = set(sealed)
    began = PageView.objects.filter(site=site).aggregate(first=Min("began_at"), last=Max("began_at"))
    if began["first"] is None:
        return found
    day = max(first, began["first"].astimezone(zone).date())
    until = min(last, began["last"].astimezone(zone).date())
    while day <= until:
        after = date.fromordinal(day.toordinal() + 1)
        if day not in found and _any(site, midnight(day, zone), midnight(after, zone)):
            found.add(day)
        day = after
    return found


def _any(site: Site, since: datetime, before: datetime) -> bool:
    return PageView.objects.filter(site=site, began_at__gte=since, began_at__lt=before).exists()
