"""Log files in the data folder, which others append to: cut before they fill the disk."""

import logging
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

# With one older part, twice this much at most.
LIMIT = 5_000_000
# Seconds between two looks at a file.
CHECK = 60.0


def cut(path: Path, limit: int = LIMIT) -> None:
    """Keep one older part beside a log that is longer than `limit` bytes; who appends to it may write on.

    Follows no link: the folder may be another account's than the one that cuts. Raises OSError, and then
    the log is as it was.
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
        try:
            with open(part, "wb") as copy:
                if os.geteuid() == 0:
                    os.fchown(part, state.st_uid, state.st_gid)
                shutil.copyfileobj(log, copy)
            os.replace(name, older(path))
        except OSError:
            with suppress(OSError):
                os.unlink(name)
            raise
        log.truncate(0)


class LogKeeper:
    """Keeps one log short, for whoever looks after the program that writes it."""

    def __init__(self, path: Path, check: float = CHECK) -> None:
        """`check`: seconds between two looks at the file."""
        self._path = path
        self._check = check
        self._looked_at = float("-inf")
        self._trouble: str | None = None

    def look(self) -> None:
        """Cut the log, where it is time. That it cannot be cut is said once, and keeps nobody from more."""
        if time.monotonic() - self._looked_at < self._check:
            return
        self._looked_at = time.monotonic()
        try:
            cut(self._path)
        except OSError as error:
            if error.strerror != self._trouble:
                logger.warning("%s cannot be kept short: %s.", self._path.name, error.strerror)
            self._trouble = error.strerror
        else:
            self._trouble = None


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
