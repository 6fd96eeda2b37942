"""CSV that a spreadsheet may open: no text of a visitor becomes a formula."""

import csv
import io
from collections.abc import AsyncIterator

import pytest

from analytics.history import spreadsheet

STARTS = [
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    " =",
    "\u00a0=",
    "\t=",
    "\r\n=",
    "\u2003+",
    "＝",
    "＋",
    "－",
    "＠",
    " \u00a0@",
]


@pytest.mark.parametrize("start", STARTS)
def test_what_would_start_a_formula_is_quoted(start: str) -> None:
    text = f"{start}cmd|' /C calc'!A0"
    row = next(csv.reader(io.StringIO(spreadsheet.lines([[text]]), newline="")))
    assert row == ["'" + text]


@pytest.mark.parametrize("value", ["/pricing", "a=b", "Google", "", "/a,b", 'say "so"', "two\nlines"])
def test_other_texts_come_back_as_they_were(value: str) -> None:
    assert next(csv.reader(io.StringIO(spreadsheet.lines([[value, ""]]), newline=""))) == [value, ""]


def test_numbers_stay_numbers() -> None:
    assert spreadsheet.lines([[-1, 2.5, None]]) == "-1,2.5,\r\n"


async def test_a_stream_has_its_head_and_every_page() -> None:
    async def pages() -> AsyncIterator[list[spreadsheet.Cells]]:
        yield [("=a", 1)]
        yield [("b", 2), ("c", 3)]

    text = b"".join([part async for part in spreadsheet.stream(("name", "count"), pages())])
    assert text == b"name,count\r\n'=a,1\r\nb,2\r\nc,3\r\n"
