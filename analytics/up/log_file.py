"""Log files in the data folder, which others append to: cut before they fill the disk."""

import os
import shutil
from pathlib import Path

# With one older part, twice this much at most.
LIMIT = 5_000_000
# Seconds between two looks at a file.
CHECK = 60.0


def cut(path: Path, limit: int = LIMIT) -> None:
    """Keep one older part beside a log that is longer than `limit` bytes; who appends to it may write on."""
    if path.exists() and path.stat().st_size > limit:
        shutil.copyfile(path, older(path))
        os.truncate(path, 0)


def older(path: Path) -> Path:
    """Where the older part of a log is."""
    return path.with_name(f"{path.name}.1")
