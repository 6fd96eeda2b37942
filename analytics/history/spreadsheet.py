"""CSV that is safe to open in a spreadsheet: visitors write what stands in it, but no formulas."""

import csv
import io
from collections.abc import AsyncIterator, Iterable

Cells = Iterable[object]
# What starts a formula, the full-width forms too, which some spreadsheets take for the plain ones.
STARTERS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def cell(value: object) -> object:
    """The value, with a quote before a text that a spreadsheet would run; numbers stay numbers."""
    if not isinstance(value, str):
        return value
    if value.startswith(("\t", "\r", "\n")) or value.lstrip().startswith(STARTERS):
        return "'" + value
    return value


def lines(rows: Iterable[Cells]) -> str:
    """These rows as CSV text."""
    text = io.StringIO()
    csv.writer(text).writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


async def stream(head: Cells, pages: AsyncIterator[list[Cells]]) -> AsyncIterator[bytes]:
    """A head line and then page after page, so that memory holds one page however long the table."""
    yield lines([head]).encode()
    async for page in pages:
        yield lines(page).encode()
