"""CSV that a spreadsheet may open: no text of a visitor becomes a formula."""

import codecs
import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from analytics.history import spreadsheet

BERLIN = ZoneInfo("Europe/Berlin")
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
    row = next(csv.reader(io.StringIO(spreadsheet.lines([[text]], BERLIN), newline="")))
    assert row == ["'" + text]


@pytest.mark.parametrize("value", ["/pricing", "a=b", "Google", "", "/a,b", 'say "so"', "two\nlines"])
def test_other_texts_come_back_as_they_were(value: str) -> None:
    assert next(csv.reader(io.StringIO(spreadsheet.lines([[value, ""]], BERLIN), newline=""))) == [value, ""]


def test_numbers_stay_numbers() -> None:
    assert spreadsheet.lines([[-1, 2.5, None]], BERLIN) == "-1,2.5,\r\n"


async def test_a_stream_has_its_head_and_every_page() -> None:
    async def pages() -> AsyncIterator[list[spreadsheet.Cells]]:
        yield [("=a", 1)]
        yield [("b", 2), ("c", 3)]

    text = b"".join([part async for part in spreadsheet.stream(("name", "count"), pages(), BERLIN)])
    assert text == codecs.BOM_UTF8 + b"name,count\r\n'=a,1\r\nb,2\r\nc,3\r\n"


def test_moments_have_the_zone_and_its_offset_and_json_is_json() -> None:
    row = [datetime(2026, 7, 1, 22, 30, tzinfo=UTC), {"größe": [1, None]}, ["=1"]]
    text = spreadsheet.lines([row], BERLIN)
    assert next(csv.reader([text])) == ["2026-07-02T00:30:00+02:00", '{"größe": [1, null]}', '["=1"]']
