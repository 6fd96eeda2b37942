"""Files of the spool that could not be read in full: kept aside, and told until somebody has seen them."""

import re
from pathlib import Path
from typing import NamedTuple

SUFFIX, SEEN = ".unreadable", ".seen"
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
    """Somebody has seen this file: it is kept, and told no more. Raises OSError."""
    return path.rename(path.with_name(path.name + SEEN))


def _unread(path: Path) -> int:
    if said := BYTES.search(path.name):
        return int(said["bytes"])
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0  # somebody has just seen it
