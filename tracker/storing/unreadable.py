"""Files of the spool that could not be read in full: kept aside, and told until somebody has seen them."""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

SUFFIX, SEEN = ".unreadable", ".seen"
SEEN_KEPT_SECONDS = 30 * 86_400.0
# Files that earlier releases kept aside do not say how many bytes are meant.
BYTES = re.compile(r"\.(?P<bytes>[0-9]+)-bytes\.unreadable")


class Damage(NamedTuple):
    """How many of them wait to be seen, and how many of their bytes could not be read."""

    files: int = 0
    bytes: int = 0

    @property
    def notice(self) -> str:
        """It as a sentence for staff; empty when there are none."""
        if not self.files:
            return ""
        files = "1 file" if self.files == 1 else f"{self.files:,} files"
        return f"Spool: {self.bytes:,} bytes of {files} cannot be read; manage.py spool says what to do."


def name_of(path: Path, unread: int, nanoseconds: int) -> Path:
    """How a file is called once it is kept aside, at this time since the epoch."""
    return path.with_name(f"{path.name}.{nanoseconds}.{unread}-bytes{SUFFIX}")


def waiting(folder: Path) -> dict[Path, int]:
    """The files that nobody has seen yet, and how many bytes of each cannot be read. Raises OSError."""
    return {path: _unread(path) for path in sorted(folder.glob(f"*{SUFFIX}"))}


def within(folder: Path) -> Damage:
    """What waits to be seen in a folder. Raises OSError."""
    found = waiting(folder)
    return Damage(len(found), sum(found.values()))


def seen(path: Path) -> Path:
    """Somebody has seen this file: it is told no more, and kept for SEEN_KEPT_SECONDS. Raises OSError."""
    # A rename changes no time that could be asked for later.
    os.utime(path)
    return path.rename(path.with_name(path.name + SEEN))


def forget(folder: Path, now: float) -> None:
    """Delete what was seen SEEN_KEPT_SECONDS before `now` (seconds since the epoch), if that can be done."""
    for path in folder.glob(f"*{SUFFIX}{SEEN}"):
        # Another edge may be faster; and one that cannot be deleted must not keep the spool from its work.
        with suppress(OSError):
            if path.stat().st_mtime < now - SEEN_KEPT_SECONDS:
                path.unlink()


def _unread(path: Path) -> int:
    if said := BYTES.search(path.name):
        return int(said["bytes"])
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0  # somebody has just seen it
