"""Reads a backup: a tar of the database's dump, the spool, settings, a manifest, and checksums of them all.

`tar -x` and `sha256sum -c SHA256SUMS` do without Footfall.
"""

import gzip
import hashlib
import os
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO

from analytics.backups import manifest
from analytics.backups.errors import BackupTrouble

DUMP, SETTINGS, MANIFEST, SUMS, SPOOL = (
    "database.sql.gz",
    "settings.env",
    "manifest.json",
    "SHA256SUMS",
    "spool/",
)
PIECE = 1 << 20
SUM_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")
# Nothing else is ever unpacked: no path out of the folder, no link.
NAME = re.compile(r"database\.sql\.gz|settings\.env|manifest\.json|SHA256SUMS|spool/[0-9a-f-]+\.spool")


class Archive:
    """A backup that was found whole."""

    def __init__(self, path: Path, checked: Callable[[int, int], None]) -> None:
        """Reads all of the file once; `checked` is told how many bytes of how many.

        Raises BackupTrouble for a file that is cut, damaged or none of ours.
        """
        self._path = path
        try:
            self._file = tarfile.open(path, "r:")  # noqa: SIM115 (kept until close)
        except tarfile.TarError:
            raise _damaged(path, "it is no whole tar") from None
        except OSError as error:
            raise BackupTrouble(f"{path} cannot be read: {error.strerror}.") from None
        try:
            self._members = {member.name: member for member in self._file}
            self._check(checked)
        except tarfile.TarError:
            self.close()
            raise _damaged(path, "it is no whole tar") from None
        except BaseException:
            self.close()
            raise

    @cached_property
    def manifest(self) -> manifest.Manifest:
        """What it says of itself. Raises BackupTrouble."""
        return manifest.read(self._bytes(MANIFEST))

    @contextmanager
    def dump(self) -> Iterator[Iterator[bytes]]:
        """The lines of the database's dump."""
        with self._open(DUMP) as packed, gzip.open(packed, "rb") as lines:
            yield lines

    def settings(self) -> dict[str, str]:
        """The settings that it holds."""
        lines = self._bytes(SETTINGS).decode().splitlines()
        return {name: value for name, equals, value in (line.partition("=") for line in lines) if equals}

    def unpack_spool(self, folder: Path) -> int:
        """Put the files of the spool into a folder; how many there were. Raises OSError."""
        names = [name for name in self._members if name.startswith(SPOOL)]
        for name in names:
            target = folder / name.removeprefix(SPOOL)
            with self._open(name) as file, target.open("xb") as copy:
                shutil.copyfileobj(file, copy, PIECE)
            # Until then its edge lived: page views that nobody ends are ended there.
            written_at = self._members[name].mtime
            os.utime(target, (written_at, written_at))
        return len(names)

    def close(self) -> None:
        self._file.close()

    def _check(self, checked: Callable[[int, int], None]) -> None:
        if SUMS not in self._members:
            raise _damaged(self._path, "its end is missing")
        sums = dict(reversed(line) for line in SUM_LINE.findall(self._bytes(SUMS).decode(errors="replace")))
        if sums.keys() | {SUMS} != self._members.keys() or not {DUMP, MANIFEST, SETTINGS} <= sums.keys():
            raise _damaged(self._path, "it does not hold what its checksums are of")
        if strange := [name for name in sums if not NAME.fullmatch(name) or not self._members[name].isreg()]:
            raise _damaged(self._path, f"there is something strange in it, {strange[0]!a}")
        whole = sum(self._members[name].size for name in sums)
        done = 0
        for name, expected in sums.items():
            digest = hashlib.sha256()
            with self._open(name) as file:
                try:
                    while piece := file.read(PIECE):
                        digest.update(piece)
                        done += len(piece)
                        checked(done, whole)
                except (tarfile.TarError, OSError) as error:
                    raise _damaged(self._path, f"{name} in it cannot be read ({error})") from None
            if digest.hexdigest() != expected:
                raise _damaged(self._path, f"the checksum of {name} in it is wrong")

    def _open(self, name: str) -> IO[bytes]:
        file = self._file.extractfile(self._members[name])
        if file is None:
            raise _damaged(self._path, f"{name} in it is no file")
        return file

    def _bytes(self, name: str) -> bytes:
        with self._open(name) as file:
            try:
                return file.read()
            except (tarfile.TarError, OSError) as error:
                raise _damaged(self._path, f"{name} in it cannot be read ({error})") from None


def _damaged(path: Path, why: str) -> BackupTrouble:
    return BackupTrouble(f"{path} is cut or damaged: {why}. Nothing was changed.")
