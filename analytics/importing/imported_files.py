"""Files taken in once, and back as one; and what they say of days that a site did not count itself."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, Min, QuerySet, Sum

from analytics.importing import export_files
from analytics.importing.figures import MEASURES, TOTAL, FileFigures, WrongExportFile
from analytics.importing.products import PRODUCTS
from analytics.models import HistoryDay, ImportedFigure, ImportedFile
from analytics.queries.ranges import midnight
from tracker.contract.zones import zone_of
from tracker.models import PageView, Site

PORTION = 5000
# A year of a site with 2,700 names a day in all its tables.
MOST_FIGURES = 1_000_000
COLUMNS = ("file_id", "day", "dimension", "name", *MEASURES)


def read(path: Path, product: str) -> FileFigures:
    """What a file says. Raises WrongExportFile, OSError."""
    figures = FileFigures()
    PRODUCTS[product](_counted(export_files.tables(path), figures), figures)
    if not figures.days:
        raise WrongExportFile(f"{path.name} says no figures of any day: is it an export of {product}?")
    return figures


def _counted(
    tables: Iterator[tuple[str, Iterator[list[str]]]], figures: FileFigures
) -> Iterator[tuple[str, Iterator[list[str]]]]:
    for name, rows in tables:
        yield name, _bounded(rows, figures)


def _bounded(rows: Iterator[list[str]], figures: FileFigures) -> Iterator[list[str]]:
    for row in rows:
        if len(figures.sums) > MOST_FIGURES:
            raise WrongExportFile(f"It says more than {MOST_FIGURES:,} figures: export fewer days at once.")
        yield row


def take(
    site: Site,
    path: Path,
    product: str,
    added_by: str,
    progress: Callable[[int, int], None] = lambda done, of: None,
    name: str = "",
) -> ImportedFile:
    """Take a file in, whole or not at all. Raises WrongExportFile, also for one that is in; OSError."""
    digest = _digest(path)
    if there := ImportedFile.objects.filter(site=site, digest=digest).first():
        raise WrongExportFile(f"This file is in already: {there}, {there.first} to {there.last}.")
    figures = read(path, product)
    days = figures.days
    told = list(figures.sums.items())
    with transaction.atomic():
        file = ImportedFile.objects.create(
            site=site,
            product=product,
            name=(name or path.name)[:255],
            digest=digest,
            first=days[0],
            last=days[-1],
            rows=figures.rows,
            figures=len(told),
            added_by=added_by,
        )
        statement = f"COPY analytics_imported_figure ({', '.join(COLUMNS)}) FROM STDIN"
        with connection.cursor() as cursor, cursor.copy(statement) as into:
            for number, (key, sums) in enumerate(told, 1):
                clean = key.name.replace("\0", "")
                into.write_row(
                    [file.pk, key.day, key.dimension, clean, *(sums.get(each, 0) for each in MEASURES)]
                )
                if number % PORTION == 0:
                    progress(number, len(told))
    progress(len(told), len(told))
    return file


def undo(site: Site, number: int) -> ImportedFile | None:
    """Take a file out again with all that it said; None where there is none."""
    with transaction.atomic():
        file = ImportedFile.objects.filter(site=site, pk=number).first()
        if file is not None:
            ImportedFigure.objects.filter(file=file).delete()
            ImportedFile.objects.filter(pk=file.pk).delete()
    return file


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


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _any(site: Site, since: Any, before: Any) -> bool:
    return PageView.objects.filter(site=site, began_at__gte=since, began_at__lt=before).exists()


def told(site: Site, first: date, last: date, dimension: str = TOTAL) -> QuerySet[Any, dict[str, Any]]:
    """The sums of what files say of days that the site did not count, by day, or by name of a dimension.

    Where two files say something of a day, that of the product whose file was added first counts.
    """
    days = _days(site, first, last)
    by = "day" if dimension == TOTAL else "name"
    figures: QuerySet[Any, Any] = ImportedFigure.objects.none()
    for file, own in days.items():
        figures = figures | ImportedFigure.objects.filter(file_id=file, day__in=own)
    sums = {measure: Sum(measure) for measure in MEASURES}
    order = ("day",) if dimension == TOTAL else ("-visitors", "-views", "name")
    found: QuerySet[Any, dict[str, Any]] = (
        figures.filter(dimension=dimension).values(by).annotate(**sums).order_by(*order)
    )
    return found


def _days(site: Site, first: date, last: date) -> dict[int, list[date]]:
    """Which days of which file count; files of one product that tell different tables go together."""
    taken = own_days(site, first, last)
    found: dict[int, list[date]] = {}
    of_product: dict[date, str] = {}
    for file in ImportedFile.objects.filter(site=site, first__lte=last, last__gte=first).order_by("added_at"):
        days = ImportedFigure.objects.filter(file=file, day__range=(first, last)).values_list(
            "day", flat=True
        )
        for day in sorted(set(days.distinct()) - taken):
            if of_product.setdefault(day, file.product) == file.product:
                found.setdefault(file.pk, []).append(day)
    return found
