"""Where the unix sockets of `--edges` live, and nginx's own files: short, private, and gone with the run."""

import os
import shutil
import tempfile
from pathlib import Path

from analytics.up.account import Account
from analytics.up.data_folder import DataFolder

RECORD = "run_folder"


def make(data: DataFolder, account: Account) -> Path:
    """A new one, in place of what a killed run left; `account`, as which nginx works, may pass through it."""
    remove(data)
    # Only root may make folders in /run; in /tmp nobody else can take ours away or guess its name.
    parent = "/run" if os.access("/run", os.W_OK) and account.enters(Path("/run")) else "/tmp"  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix="footfall-", dir=parent))
    data.write(RECORD, str(folder))
    if account.foreign:
        os.chown(folder, -1, account.gid)
        # What is made in it belongs to that group too: our sockets, which groups may write to.
        folder.chmod(0o2710)
    return folder


def remove(data: DataFolder) -> None:
    """Remove the recorded folder, if it is still there and still ours."""
    recorded = data.read(RECORD)
    if recorded is None:
        return
    folder = Path(recorded)
    if folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.geteuid():
        shutil.rmtree(folder, ignore_errors=True)
    data.forget(RECORD)
