"""CSV for spreadsheets: visitors write what stands in it, but no formulas; moments are the site's.

It begins with a byte order mark, without which Excel takes UTF-8 for something else.
"""

import csv
import io
import json
import re
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from analytics.history.question import Span
from analytics.queries.ranges import Range
from tracker.models import Site

Cells = Iterable[object]
# What starts a formula, the full-width forms too, which some spreadsheets take for the plain ones.
STARTERS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
BYTE_ORDER_MARK = "\ufeff"


def cell(value: object, zone: ZoneInfo) -> object:
    """The value as a spreadsheet reads it.

    A moment is ISO 8601 with the zone's offset, and what is stored as JSON is JSON. A text that a spreadsheet
    would run has a quote before it; numbers stay numbers.
    """
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(timespec="milliseconds" if value.microsecond else "seconds")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str):
        return value
    if value.startswith(("\t", "\r", "\n")) or value.lstrip().startswith(STARTERS):
        return "'" + value
    return value


def lines(rows: Iterable[Cells], zone: ZoneInfo) -> str:
    """These rows as CSV text."""
    text = io.StringIO()
    csv.writer(text).writerows([cell(value, zone) for value in row] for row in rows)
    return text.getvalue()


def whole(rows: Iterable[Cells], zone: ZoneInfo) -> bytes:
    """These rows as a file."""
    return (BYTE_ORDER_MARK + lines(rows, zone)).encode()


async def stream(head: Cells, pages: AsyncIterator[list[Cells]], zone: ZoneInfo) -> AsyncIterator[bytes]:
    """A file: a head line and then page after page, so that memory holds one page however long the table."""
    yield whole([head], zone)
    async for page in pages:
        yield lines(page, zone).encode()


def file_name(site: Site, what: str, days: Range | Span) -> str:
    """What a file is called: its site, what is in it, and its first and last day."""
    name = f"{site.domain}-{what}-{days.first}-{days.last}.csv".lower()
    return re.sub(r"[^a-z0-9.-]+", "-", name).lstrip("-.")
