"""How many page views an erasure would take, before it is asked for."""

import shutil
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
from django.db import transaction

from analytics.erasing import raw_rows
from analytics.erasing.erasing import condition_of, days_of, span_of
from analytics.erasing.sealed_rows import count_in
from analytics.history import sealed_days
from analytics.history.day_format import VIEWS
from analytics.history.due_days import raw_since
from analytics.history.file_cache import make_folder
from analytics.models import Erasure
from tracker.models import Site

MEMORY = 2**27


def would_go(
    connection: psycopg.Connection, site: Site, ask: Callable[[str, timedelta], Erasure], folder: Path
) -> int:
    """How many page views would be erased; `ask` asks for it, which is taken back at once.

    Raises WrongErasure, psycopg.Error, duckdb.Error, OSError, sealed_days.Damaged.
    """
    with transaction.atomic():
        erasure = ask("", timedelta())
        transaction.set_rollback(True)
    since = raw_since(connection, site.pk)
    make_folder(folder)
    work = Path(tempfile.mkdtemp(prefix="counting-", dir=folder))
    found = 0
    try:
        for day in days_of(connection, erasure, site):
            span = span_of(connection, erasure, site.pk, day)
            found += raw_rows.count(connection, span)[0] if span else 0
            if since is None or day.begins >= since:
                continue
            files = sealed_days.sealed_files(connection, site.pk, day.day, day.day)
            if erasure.kind in (Erasure.Erased.SITE, Erasure.Erased.DAYS):
                found += sum(file.rows for file in files if file.kind == VIEWS)
            elif (condition := condition_of(erasure)) is not None:
                found += count_in(connection, files, condition, work, MEMORY)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return found
