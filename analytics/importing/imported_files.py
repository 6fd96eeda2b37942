"""Files taken in once, and back as one."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from django.db import connection, transaction

from analytics.importing import export_files
from analytics.importing.figures import MEASURES, FileFigures, WrongExportFile
from analytics.importing.products import PRODUCTS
from analytics.models import ImportedFigure, ImportedFile
from tracker.models import Site

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


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
