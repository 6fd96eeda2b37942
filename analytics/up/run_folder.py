"""Where the unix sockets of `--edges` live, and nginx's own files: short, private, and gone with the run."""

import shutil
from pathlib import Path

from analytics.up import short_folder
from analytics.up.data_folder import DataFolder

RECORD = "run_folder"


def make(data: DataFolder) -> Path:
    """A new one, in place of what a killed run left."""
    if before := short_folder.left(data, RECORD):
        shutil.rmtree(before, ignore_errors=True)
    return short_folder.make(data, RECORD)


def remove(data: DataFolder) -> None:
    """Remove the folder of this run, if it is still there and still ours."""
    if folder := short_folder.recorded(data, RECORD):
        shutil.rmtree(folder, ignore_errors=True)
    data.forget(RECORD)
