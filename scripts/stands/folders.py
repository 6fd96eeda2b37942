"""Folders of what runs on a stand, in memory where there is room.

A copy of Postgres' files takes 0.1 s of CPU there, and 0.7 to 2 s on a disk. Benches and fault runs, which
measure the disk, too, keep theirs on it.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - the folder that follows has a name of its own
ROOM = 4 << 30  # bytes


def new_folder(prefix: str) -> Path:
    """A new, private folder; for the caller to remove."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    return Path(tempfile.mkdtemp(prefix=prefix, dir=MEMORY if roomy else None))


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """The same, gone afterwards."""
    folder = new_folder(prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
