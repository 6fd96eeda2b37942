"""Rows as a file that is written while they are read: NDJSON, CSV or Parquet, gzipped or not."""

import csv
import gzip
import io
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from analytics.exporting.export_rows import Export, Row
from analytics.history.duck import literal, open_duck
from analytics.history.file_cache import make_folder
from analytics.history.spreadsheet import BYTE_ORDER_MARK, STARTERS

# What a spreadsheet would run; with quotes before it already, one more keeps it what it was.
RUNS = re.compile(rf"'*(?:[\t\r\n]|\s*[{re.escape(''.join(STARTERS))}])")
GZIP_LEVEL = 6
DUCK_TYPES = {
    "uuid": "UUID",
    "timestamptz": "TIMESTAMPTZ",
    "text": "VARCHAR",
    "jsonb": "VARCHAR",
    "integer": "INTEGER",
    "smallint": "SMALLINT",
    "bigint": "BIGINT",
    "double precision": "DOUBLE",
}


def write(portions: Iterator[list[Row]], export: Export, form: str, zipped: bool, out: BinaryIO) -> int:
    """Write all rows in one of `row_kinds.FORMATS`; how many. Raises as reading them does."""
    if form == "parquet":
        return _parquet(portions, export, out)
    with _packed(out, zipped) as file:
        return _ndjson(portions, export, file) if form == "ndjson" else _csv(portions, export, file)


@contextmanager
def _packed(out: BinaryIO, zipped: bool) -> Iterator[BinaryIO]:
    if not zipped:
        yield out
        return
    # No name and no time: the same rows are the same bytes.
    with gzip.GzipFile("", "wb", GZIP_LEVEL, out, mtime=0) as packed:
        yield cast(BinaryIO, packed)


def _ndjson(portions: Iterator[list[Row]], export: Export, file: BinaryIO) -> int:
    names, encoder, number = list(export.what.columns), msgspec.json.Encoder(), 0
    for rows in portions:
        number += len(rows)
        lines = (encoder.encode(dict(zip(names, map(_plain, row), strict=True))) for row in rows)
        file.write(b"\n".join(lines) + b"\n")
    return number


def _csv(portions: Iterator[list[Row]], export: Export, file: BinaryIO) -> int:
    file.write(BYTE_ORDER_MARK.encode())
    number = 0
    file.write(_lines([tuple(export.what.columns)], guarded=True))
    for rows in portions:
        number += len(rows)
        file.write(_lines(rows, guarded=True))
    return number


def _lines(rows: list[Row], guarded: bool) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value, guarded) for value in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any, guarded: bool) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    return guard(value) if guarded and isinstance(value, str) else value


def guard(text: str) -> str:
    """A text that no spreadsheet runs; `unguard` brings it back."""
    return "'" + text if RUNS.match(text) else text


def unguard(text: str) -> str:
    """The text that `guard` was given."""
    return text[1:] if text.startswith("'") and RUNS.match(text) else text


def _plain(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _parquet(portions: Iterator[list[Row]], export: Export, out: BinaryIO) -> int:
    """By way of a file of lines: rows may be more than memory, and Parquet ends with where all of it lies."""
    make_folder(export.folder)
    work = Path(tempfile.mkdtemp(prefix="exporting-", dir=export.folder))
    number = 0
    try:
        lines, made = work / "rows.csv", work / "rows.parquet"
        with lines.open("wb") as file:
            for rows in portions:
                number += len(rows)
                file.write(_lines(rows, guarded=False))
        types = {name: DUCK_TYPES[kind] for name, kind in export.what.columns.items()}
        read = ", ".join(f"{literal(name)}: {literal(each)}" for name, each in types.items())
        # No text is null, and an empty cell is.
        columns = ", ".join(
            f"coalesce({name}, '') AS {name}" if each == "VARCHAR" else f'"{name}"'
            for name, each in types.items()
        )
        with open_duck([work], work, export.memory, 1) as duck:
            duck.execute(
                f"COPY (SELECT {columns} FROM read_csv({literal(lines)}, columns = {{{read}}},"
                " auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\"',"
                f" max_line_size = 16777216)) TO {literal(made)} (FORMAT parquet, COMPRESSION zstd)"
            )
        lines.unlink()
        with made.open("rb") as file:
            shutil.copyfileobj(file, out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return number
