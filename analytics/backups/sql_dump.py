"""A dump that somebody made with `pg_dump`, as text, packed with gzip or not: the way before `backup`."""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from analytics.backups.dump_text import COMPLETE
from analytics.backups.errors import BackupTrouble

GZIP, CUSTOM, TEXT = b"\x1f\x8b", b"PGDMP", b"--\n-- PostgreSQL database dump\n"
CLUSTER = b"--\n-- PostgreSQL database cluster dump\n"
# What stands at the end, a few lines of it in newer versions.
TAIL = 10


class SqlDump:
    """A dump that was found whole; it has no checksums, and no manifest."""

    def __init__(self, path: Path, checked: Callable[[int, int], None]) -> None:
        """Reads all of the file once; `checked` is told how many bytes so far, of 0: nobody knows how many.

        Raises BackupTrouble.
        """
        self._path = path
        tail: list[bytes] = []
        done = 0
        try:
            with self.dump() as lines:
                for line in lines:
                    tail = [*tail[1 - TAIL :], line]
                    done += len(line)
                    checked(done, 0)
        except (EOFError, gzip.BadGzipFile) as error:
            raise BackupTrouble(f"{path} is cut or damaged: {error}. Nothing was changed.") from None
        except OSError as error:
            raise BackupTrouble(f"{path} cannot be read: {error.strerror}.") from None
        if COMPLETE not in tail:
            raise BackupTrouble(f"{path} is cut or damaged: its end is missing. Nothing was changed.")

    @contextmanager
    def dump(self) -> Iterator[Iterator[bytes]]:
        """Its lines."""
        with _opened(self._path) as lines:
            yield lines

    def close(self) -> None:
        """Nothing is held open."""


def is_dump(path: Path) -> bool:
    """Whether a file begins as such a dump. Raises BackupTrouble for other kinds of them, and OSError."""
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    try:
        with _opened(path) as lines:
            begins = lines.read(64)
    except (EOFError, gzip.BadGzipFile):
        return packed
    if begins.startswith(CUSTOM):
        raise BackupTrouble(
            f"{path} is in pg_dump's own format: make text of it with pg_restore --file=DUMP.sql {path}."
        )
    if begins.startswith(CLUSTER):
        raise BackupTrouble(f"{path} is of pg_dumpall: dump Footfall's one database with pg_dump.")
    return begins.startswith(TEXT)


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    return cast(IO[bytes], gzip.open(path, "rb")) if packed else path.open("rb")
