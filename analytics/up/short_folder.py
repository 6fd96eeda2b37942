"""Private folders with short paths, for unix sockets (a path ends at 107 bytes); recorded, to be removed."""

import fcntl
import os
import re
import stat
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from analytics.up.account import Account
from analytics.up.data_folder import DataFolder

PARENTS = (Path("/run"), Path("/tmp"))  # noqa: S108
MADE = re.compile(r"footfall-[a-z0-9_]{8}")
# Nobody takes longer from making a folder to putting something into it.
LEFT_SECONDS = 3600.0


def clear(parents: Sequence[Path] = PARENTS) -> None:
    """Remove folders that a start left which was killed before it could record them: old, empty and ours."""
    for path in (path for parent in parents if parent.is_dir() for path in parent.iterdir()):
        # Another start may be faster, and what is not empty is not ours to judge.
        with suppress(OSError):
            if MADE.fullmatch(path.name) and _left(path.lstat()):
                path.rmdir()


def _left(state: os.stat_result) -> bool:
    return state.st_uid == os.geteuid() and state.st_mtime < time.time() - LEFT_SECONDS


def make(data: DataFolder, record: str, account: Account | None = None) -> Path:
    """A new folder, recorded under this name; `account`, if it is another, may enter what stands above it."""
    # Only root may make folders in /run; in /tmp nobody else can take ours away or guess its name.
    private = os.access(PARENTS[0], os.W_OK) and (account is None or account.enters(PARENTS[0]))
    parent = PARENTS[0 if private else 1]
    folder = Path(tempfile.mkdtemp(prefix="footfall-", dir=parent))
    # Never closed: systemd-tmpfiles, which takes what is ten days old from /tmp, spares what is locked.
    fcntl.flock(os.open(folder, os.O_RDONLY | os.O_CLOEXEC), fcntl.LOCK_SH)
    data.write(record, str(folder))
    return folder


def left(data: DataFolder, record: str, *others: int) -> Path | None:
    """The recorded folder, if nobody uses it any more: that of a data folder that was copied is another's."""
    folder = recorded(data, record, *others)
    return folder if folder and not _is_used(folder) else None


def _is_used(folder: Path) -> bool:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def recorded(data: DataFolder, record: str, *others: int) -> Path | None:
    """The recorded folder, if it is still there and belongs to us or one of the `others` (user ids)."""
    path = data.read(record)
    if path is None:
        return None
    try:
        state = Path(path).lstat()
    except OSError:
        return None
    return Path(path) if stat.S_ISDIR(state.st_mode) and state.st_uid in (os.geteuid(), *others) else None
