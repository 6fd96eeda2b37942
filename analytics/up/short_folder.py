"""Private folders with short paths, for unix sockets (a path ends at 107 bytes); recorded, to be removed."""

import os
import stat
import tempfile
from pathlib import Path

from analytics.up.account import Account
from analytics.up.data_folder import DataFolder


def make(data: DataFolder, record: str, account: Account) -> Path:
    """A new folder, recorded under this name; `account` may enter what stands above it."""
    # Only root may make folders in /run; in /tmp nobody else can take ours away or guess its name.
    parent = "/run" if os.access("/run", os.W_OK) and account.enters(Path("/run")) else "/tmp"  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix="footfall-", dir=parent))
    data.write(record, str(folder))
    return folder


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
