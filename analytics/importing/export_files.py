"""Other products' files as rows of text: CSV, gzipped or in a zip; of bounded size, however packed."""

import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from analytics.importing.figures import WrongExportFile

# Years of a large site; what unpacks to more is none, or a trap.
MOST_BYTES = 2**31
MOST_TABLES = 1000
MOST_ROWS = 20_000_000
BLOCK = 2**16
LONGEST_CELL = 2**17
# A line is read whole before its cells are told apart: one of 2 GB packs into 2 MB.
LONGEST_LINE = 2**20
DAMAGED = (
    *(zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error),
    # Passwords, and ways of packing that are not known.
    *(NotImplementedError, RuntimeError),
)
ZIP, GZIP = b"PK\x03\x04", b"\x1f\x8b"


class _Bounded(io.RawIOBase):
    """A stream that ends in a clear error beyond what it, or a line of it, may hold."""

    def __init__(self, source: BinaryIO, name: str) -> None:
        self._source, self._name, self._left = source, name, MOST_BYTES
        self._line = 0  # bytes since the last end of a line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        block = self._source.read(min(len(buffer), BLOCK))
        self._left -= len(block)
        if self._left < 0:
            raise WrongExportFile(f"{self._name} unpacks to more than {MOST_BYTES // 2**30} GB.")
        end = block.rfind(b"\n")
        self._line = self._line + len(block) if end < 0 else len(block) - end - 1
        if self._line > LONGEST_LINE:
            raise WrongExportFile(f"{self._name} has a line of more than {LONGEST_LINE // 2**20} MB.")
        buffer[: len(block)] = block
        return len(block)


def tables(path: Path) -> Iterator[tuple[str, Iterator[list[str]]]]:
    """Each table of a file by its name, with its rows; read one after another.

    Raises WrongExportFile, OSError, while they are read too.
    """
    with path.open("rb") as file:
        begin = file.read(4)
        file.seek(0)
        try:
            if begin.startswith(ZIP):
                yield from _of_zip(file, path.name)
            elif begin.startswith(GZIP):
                with gzip.open(file) as packed:
                    yield path.name.removesuffix(".gz"), _rows(packed, path.name)  # type: ignore[arg-type]
            else:
                yield path.name, _rows(file, path.name)
        except (
            zipfile.BadZipFile,
            gzip.BadGzipFile,
            EOFError,
            zlib.error,
            NotImplementedError,
            RuntimeError,
        ):
            raise WrongExportFile(f"{path.name} is damaged, or packed in a way that is not known.") from None


def _of_zip(file: BinaryIO, name: str) -> Iterator[tuple[str, Iterator[list[str]]]]:
    with zipfile.ZipFile(file) as archive:
        members = [each for each in archive.infolist() if each.filename.lower().endswith(".csv")]
        if len(members) > MOST_TABLES:
            raise WrongExportFile(f"{name} holds {len(members):,} tables: that is no export.")
        if sum(each.file_size for each in members) > MOST_BYTES:
            raise WrongExportFile(f"{name} unpacks to more than {MOST_BYTES // 2**30} GB.")
        for member in members:
            with archive.open(member) as packed:
                yield Path(member.filename).name, _rows(packed, member.filename)  # type: ignore[arg-type]


def _rows(source: BinaryIO, name: str) -> Iterator[list[str]]:
    csv.field_size_limit(LONGEST_CELL)
    text = io.TextIOWrapper(io.BufferedReader(_Bounded(source, name), BLOCK), "utf-8-sig", newline="")
    try:
        for number, row in enumerate(csv.reader(text)):
            if number > MOST_ROWS:
                raise WrongExportFile(f"{name} has more than {MOST_ROWS:,} rows.")
            if row:
                yield row
    except DAMAGED:
        raise WrongExportFile(f"{name} is damaged, or packed in a way that is not known.") from None
    except (UnicodeDecodeError, csv.Error):
        raise WrongExportFile(f"{name} is no CSV in UTF-8.") from None
