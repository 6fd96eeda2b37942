"""Sealed days as earlier releases made them."""

import hashlib
from pathlib import Path

import duckdb
from django.db.models import QuerySet

from analytics.history.day_format import VIEWS
from analytics.models import HistoryDay


def without_servers(days: QuerySet[HistoryDay], folder: Path) -> int:
    """Have the page views of these days be of the format that had no column for servers; how many files."""
    number = 0
    for file in days.filter(kind=VIEWS):
        was, path = folder / "was.parquet", folder / "earlier.parquet"
        was.write_bytes(file.file)
        duckdb.execute(f"COPY (SELECT * EXCLUDE (server) FROM '{was}') TO '{path}' (FORMAT parquet)")
        content = path.read_bytes()
        own = HistoryDay.objects.filter(pk=file.pk)
        number += own.update(file=content, digest=hashlib.sha256(content).digest(), format=2)
    return number
