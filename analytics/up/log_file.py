"""Log files in the data folder, which others append to: cut before they fill the disk."""

import os
import shutil
import tempfile
from pathlib import Path

# With one older part, twice this much at most.
LIMIT = 5_000_000
# Seconds between two looks at a file.
CHECK = 60.0


def cut(path: Path, limit: int = LIMIT) -> None:
    """Keep one older part beside a log that is longer than `limit` bytes; who appends to it may write on.

    Follows no link: the folder may be another account's than the one that cuts.
    """
    try:
        file = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    with open(file, "rb+") as log:
        state = os.fstat(file)
        if state.st_size <= limit:
            return
        # As what a killed writer left of a text, this goes with the next start.
        part, name = tempfile.mkstemp(dir=path.parent, prefix=".log-")
        with open(part, "wb") as copy:
            if os.geteuid() == 0:
                os.fchown(part, state.st_uid, state.st_gid)
            shutil.copyfileobj(log, copy)
        os.replace(name, older(path))
        log.truncate(0)


def older(path: Path) -> Path:
    """Where the older part of a log is."""
    return path.with_name(f"{path.name}.1")


def last_words(path: Path) -> str:
    """` It said: …` with the last line of a log; empty where there is none."""
    try:
        lines = path.read_text(errors="replace").split("\n")
    except OSError:
        return ""
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f" It said: {last[:500]}" if last else ""
