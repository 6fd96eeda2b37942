"""Where the unix sockets of `--edges` live, and nginx's own files: short, private, and gone with the run."""

import os
import shutil
from pathlib import Path

from analytics.up import short_folder
from analytics.up.account import Account
from analytics.up.data_folder import DataFolder

RECORD = "run_folder"


def make(data: DataFolder, account: Account) -> Path:
    """A new one, in place of what a killed run left; `account`, as which nginx works, may pass through it."""
    remove(data)
    folder = short_folder.make(data, RECORD, account)
    if account.foreign:
        os.chown(folder, -1, account.gid)
        # What is made in it belongs to that group too: our sockets, which groups may write to.
        folder.chmod(0o2710)
    return folder


def remove(data: DataFolder) -> None:
    """Remove the recorded folder, if it is still there and still ours."""
    if folder := short_folder.recorded(data, RECORD):
        shutil.rmtree(folder, ignore_errors=True)
    data.forget(RECORD)
