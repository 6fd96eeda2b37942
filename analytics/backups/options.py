"""What `manage.py backup` and `restore` take; read before Django starts, and once more by the commands."""

import argparse
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from analytics.up.options import ROOT

BACKUP = """
Write all that Footfall keeps into one file, while it runs or not: the database at one moment, what waits in
the spool, and the settings. Only this account may read the file; it has its name only once it is whole.
"""
RESTORE = """
Put a backup (or a dump that pg_dump made as text) in place of what an instance holds, which must be stopped.
What it held before is kept aside until --forget, and --undo brings it back.
"""


@dataclass(frozen=True)
class BackupOptions:
    """The options of one `manage.py backup`."""

    file: Path
    data: Path
    verify: bool
    secrets: bool
    replace: bool

    def target(self, now: datetime) -> Path:
        """The file to write: in a folder, one that is named after the moment."""
        name = f"footfall-{now.astimezone(UTC):%Y%m%d-%H%M%S}.tar"
        return self.file / name if self.file.is_dir() else self.file


@dataclass(frozen=True)
class RestoreOptions:
    """The options of one `manage.py restore`; `file` is None with `undo` and `forget`."""

    file: Path | None
    data: Path
    yes: bool
    undo: bool
    forget: bool


def add_backup_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `backup`."""
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="the file to write, or a folder for one named after the moment",
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="make none, but check FILE: restore it into a temporary folder, and count",
    )
    parser.add_argument(
        "--secrets",
        action="store_true",
        help="also keep SECRET_KEY, DATABASE_URL and REDIS_URL; whoever reads the file then has them",
    )
    parser.add_argument("--replace", action="store_true", help="write over FILE if it is there")
    _add_data(parser)


def add_restore_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `restore`."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("file", type=Path, nargs="?", metavar="FILE", help="the backup")
    what.add_argument("--undo", action="store_true", help="bring back what was there before the last restore")
    what.add_argument("--forget", action="store_true", help="delete what restores have kept aside")
    parser.add_argument(
        "--yes", action="store_true", help="do not ask before anything is replaced or deleted"
    )
    _add_data(parser)


def read_backup(arguments: list[str]) -> BackupOptions:
    """Understand the command line of `backup`; prints help or a usage error and exits where that is due."""
    parser = argparse.ArgumentParser(prog="manage.py backup", description=BACKUP)
    add_backup_arguments(parser)
    words = parser.parse_args(arguments)
    return BackupOptions(
        _absolute(words.file), _absolute(words.data), words.verify, words.secrets, words.replace
    )


def read_restore(arguments: list[str]) -> RestoreOptions:
    """Understand the command line of `restore`; prints help or a usage error and exits where that is due."""
    parser = argparse.ArgumentParser(prog="manage.py restore", description=RESTORE)
    add_restore_arguments(parser)
    words = parser.parse_args(arguments)
    file = _absolute(words.file) if words.file else None
    return RestoreOptions(file, _absolute(words.data), words.yes, words.undo, words.forget)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("FOOTFALL_DATA") or ROOT / "var"),
        metavar="FOLDER",
        help="the instance, by its data folder (default: FOOTFALL_DATA, else var); with DATABASE_URL, it is "
        "where the spool is",
    )


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()
