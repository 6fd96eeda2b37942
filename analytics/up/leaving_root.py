"""Leaves root: what root starts becomes an ordinary account before it does anything for Footfall.

What needs root comes first: a port below 1024, files that an earlier Footfall made as root, and the compiled
form of our modules, which that account may not write beside them.
"""

import ctypes
import importlib.util
import os
import pwd
import py_compile
import stat
import sys
from collections.abc import Collection
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from analytics.configuration import table
from analytics.configuration.env_file import read_env_file
from analytics.up import closed_places
from analytics.up.account import Account, account_for
from analytics.up.data_folder import DataFolder
from analytics.up.environments import CHILD
from analytics.up.errors import CannotStart
from analytics.up.options import ROOT
from analytics.up.postgres_home import recorded_home

SET_NO_NEW_PRIVILEGES = 38
# What Footfall makes in a data folder; all else in it is somebody's, and stays theirs.
OURS = (
    *(
        "secret_key",
        "postgres_password",
        "postgres_home",
        "database_url",
        "url",
        "socket_folder",
        "run_folder",
    ),
    *("lock", "postgres.log", "postgres.log.1", "nginx.log", "nginx.log.1", "restored_settings.env"),
    *("postgres", "spool", "spool.before_*", "history"),
)
# A cluster belongs to the account that Postgres runs under, or is refused.
FLAT = "postgres"
MOVE = (
    "Move it to a place that everybody may enter, such as /srv, let everybody read it (chmod -R go+rX), or"
    " name an account that may in FOOTFALL_USER."
)


def leave(data: DataFolder, others: Collection[Path], wanted: str) -> None:
    """Become the account of this data folder, if this is root; for good, and for all children.

    `others`: folders of ours that may lie elsewhere. `wanted`: FOOTFALL_USER. Raises CannotStart.
    """
    if os.geteuid() != 0:
        return
    account = account_for(recorded_home(data) / "cluster", data.path, wanted)
    # Where root may not do that either, what follows says what is closed.
    with suppress(OSError):
        closed_places.open_up((ROOT, Path(sys.base_prefix), data.path, *others), account)
    if not account.reads(ROOT):
        raise CannotStart(f"Footfall leaves root for {account.name}, who cannot read {ROOT}. {MOVE}")
    _take(data.path, account)
    for folder in filter(Path.exists, others):
        _take_all(folder, account)
    if not account.enters(data.path):
        raise CannotStart(f"Footfall leaves root for {account.name}, who cannot enter {data.path}. {MOVE}")
    _compile()
    account.become()
    # By nothing that is started later either, whatever bits its file has.
    ctypes.CDLL(None).prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    # libpq looks there, and fails where it may not.
    os.environ["HOME"] = pwd.getpwuid(account.uid).pw_dir


def leave_as_set(command: str) -> None:
    """The same for a `manage.py` command that `up` does not call, by the settings that it finds.

    Raises CannotStart, and ImproperlyConfigured for settings.
    """
    if os.geteuid() != 0:
        return
    read_env_file(ROOT / ".env")
    data = DataFolder(table.DATA.value() or ROOT / "var")
    data.make()
    leave(data, other_folders(), table.USER.value())
    # All of `.env` is read, which may be for root's eyes only.
    os.environ[CHILD] = command


def other_folders() -> list[Path]:
    """Those of our folders that settings put elsewhere."""
    return [folder for setting in (table.SPOOL, table.HISTORY) if (folder := setting.value())]


def refuse_foreign(data: DataFolder) -> None:
    """Refuse a data folder in which somebody else's Footfall made files. Raises CannotStart."""
    mine = _name(os.geteuid())
    for path in sorted(data.path.iterdir()):
        owner = path.lstat().st_uid
        if owner != os.geteuid() and _is_ours(path.name):
            raise CannotStart(
                f"{path} belongs to {_name(owner)}, and this is {mine}: start as {_name(owner)},"
                f" or give the folder away (sudo chown -R {mine}: {data.path})."
            )


def _take(folder: Path, account: Account) -> None:
    """Give the account a data folder that is root's, and what Footfall made in it as root."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        names = os.listdir(opened)
        if os.fstat(opened).st_uid == 0:
            if names and not any(map(_is_ours, names)):
                raise CannotStart(
                    f"The data folder {folder} belongs to root, and holds files that are not Footfall's:"
                    f" choose a folder of its own, or give it to {account.name} yourself."
                )
            os.fchown(opened, account.uid, account.gid)
            os.fchmod(opened, 0o700)
        for name in filter(_is_ours, names):
            _take_entry(opened, name, account)
    finally:
        os.close(opened)


def _take_all(folder: Path, account: Account) -> None:
    parent = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _take_entry(parent, folder.name, account)
    finally:
        os.close(parent)


def _take_entry(parent: int, name: str, account: Account) -> None:
    """One entry of an open folder, and what is in it; only what is root's, and under no other name.

    Never by a path: by the next step somebody who may write to the folder could have put a link there.
    """
    state = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if state.st_uid == 0 and (stat.S_ISDIR(state.st_mode) or state.st_nlink == 1):
        os.chown(name, account.uid, account.gid, dir_fd=parent, follow_symlinks=False)
    if not stat.S_ISDIR(state.st_mode) or name == FLAT:
        return
    opened = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        for each in os.listdir(opened):
            _take_entry(opened, each, account)
    finally:
        os.close(opened)


def _compile() -> None:
    """Compile what has changed: else each process would do it at each start, for itself, in half a second."""
    if sys.dont_write_bytecode:
        return
    for side in ("analytics", "tracker"):
        for source in (ROOT / side).rglob("*.py"):
            compiled = Path(importlib.util.cache_from_source(str(source)))
            if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
                py_compile.compile(str(source), doraise=False, quiet=2)


def _is_ours(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in OURS)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
