"""Files of sealed days in a folder, each under its digest: fetched once, and the least used thrown away.

All of it can be lost at any time. Several processes may share the folder.
"""

import hashlib
import logging
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from analytics.history.sealed_days import SealedFile, fetch

logger = logging.getLogger(__name__)

# What was asked a moment ago may be being read.
SPARED_SECONDS = 600.0
# Copies of open days begin so, and with the process that made them.
OPEN = "open-"
DIGITS = 64  # of a SHA-256
LISTED = "SELECT DISTINCT digest FROM history_day WHERE digest = ANY(%s)"
# How often the folder is looked through.
SWEEP_BYTES = 2**25


def work_prefix() -> str:
    """How folders in the cache begin in which this process works; others' may be beside them."""
    return f"opening-{os.getpid()}-"


def clear_work(folder: Path) -> None:
    """Delete what processes left in the folder that have ended: where they worked, and what they spilled."""
    for left in (*folder.glob("spill-*"), *folder.glob("opening-*")):
        number = left.name.split("-")[1]
        if not number.isdecimal() or not Path(f"/proc/{number}").exists():
            shutil.rmtree(left, ignore_errors=True)


class FileCache:
    """The folder; `most` bytes are kept in it, and what is being asked beyond that."""

    def __init__(self, folder: Path, most: int) -> None:
        self.folder = folder
        self._most = most
        self._fetched = 0
        make_folder(folder)

    def path_of(self, connection: psycopg.Connection, sealed: SealedFile) -> Path | None:
        """Where a sealed file lies; None where the day was sealed anew meanwhile.

        Raises psycopg.Error, OSError, Damaged.
        """
        path = self.folder / f"{sealed.digest.hex()}.parquet"
        try:
            os.utime(path)
        except FileNotFoundError:
            content = fetch(connection, sealed)
            if content is None:
                return None
            self.write(path, content)
            self._fetched += len(content)
            if self._fetched >= SWEEP_BYTES:
                self._fetched = 0
                self.sweep()
        return path

    def write(self, path: Path, content: bytes) -> None:
        """Put a file there, all of it or nothing."""
        handle, name = tempfile.mkstemp(dir=self.folder, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(name).rename(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise

    def forget_damaged(self, paths: list[str]) -> int:
        """Delete those of these files that are not what their names say; how many were."""
        damaged = 0
        for path in map(Path, paths):
            try:
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
            except OSError:
                damaged += 1
                continue
            if len(path.stem) == len(digest) and path.stem != digest:
                path.unlink(missing_ok=True)
                damaged += 1
        if damaged:
            logger.warning(
                "history: %d files of the cache were damaged or gone; they are fetched again", damaged
            )
        return damaged

    def forget_unlisted(self, connection: psycopg.Connection) -> int:
        """Delete files that no sealed day has any more: it was erased, or sealed anew. How many.

        Raises psycopg.Error.
        """
        names = {path.stem: path for path in self.folder.glob("*.parquet") if len(path.stem) == DIGITS}
        listed = connection.execute(LISTED, [[bytes.fromhex(name) for name in names]]).fetchall()
        gone = 0
        for name in names.keys() - {bytes(digest).hex() for (digest,) in listed}:
            with suppress(FileNotFoundError):
                if time.time() - names[name].stat().st_mtime > SPARED_SECONDS:
                    names[name].unlink()
                    gone += 1
        return gone

    def forget_copies(self, begin: str, spared: set[str]) -> None:
        """Delete copies of open days whose names begin so, but for those that are young, or spared."""
        for path in self.folder.glob(f"{begin}*"):
            with suppress(FileNotFoundError):
                if str(path) not in spared and time.time() - path.stat().st_mtime > SPARED_SECONDS:
                    path.unlink()

    def sweep(self) -> None:
        """Delete the least used files beyond what may be kept, and what a killed process left."""
        now = time.time()
        found = []
        for path in [*self.folder.glob("*.parquet"), *self.folder.glob("*.part")]:
            try:
                state = path.stat()
            except FileNotFoundError:
                continue
            found.append((state.st_mtime, state.st_size, path))
        total = sum(size for _, size, _ in found)
        for used, size, path in sorted(found):
            left_over = path.suffix == ".part" or path.name.startswith(OPEN)
            if now - used > SPARED_SECONDS and (total > self._most or left_over):
                path.unlink(missing_ok=True)
                total -= size


def make_folder(folder: Path) -> None:
    """Make a folder that belongs to whom the one around it does. Raises OSError.

    A command that root runs would else shut out the web process, which has left root.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    if os.geteuid() == 0:
        around = folder.parent.stat()
        os.chown(folder, around.st_uid, around.st_gid)
