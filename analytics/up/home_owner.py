"""Whose a home of Postgres is: the data folder that it knows, and the one process that works in it.

A data folder may be moved. One that was copied holds the same sites and would count them beside its
original, or names the very same database; it is refused while its original is there.
"""

import fcntl
import os
import shlex
import tempfile
from collections.abc import Callable
from pathlib import Path

from analytics.up.account import Account
from analytics.up.data_folder import DataFolder
from analytics.up.errors import CannotStart
from analytics.up.postgres_home import recorded_home

RECORD = "data_folder"
# Where a cluster keeps the number that it was made with, and every copy has too (Postgres' ControlFileData).
CONTROL_FILE, IDENTIFIER_BYTES = "cluster/global/pg_control", 8


def refuse_copy(data: DataFolder) -> None:
    """Raises CannotStart when this data folder was copied, and what it was copied from is still there."""
    home = recorded_home(data)
    original = _known(home)
    if original is None or _is_same(original, data.path):
        return
    try:
        database = recorded_home(DataFolder(original))
    except CannotStart:
        # Not for this account to see.
        return
    mine = _identifier(home)
    if mine is None or mine != _identifier(database):
        return
    if _is_same(database, home):
        raise CannotStart(
            f"{data.path} is a copy of {original}, and has no database of its own: both name the one in"
            f" {home}. Start {original}; for another instance with what it holds, let manage.py backup"
            " write a file of it, and manage.py restore put that into a new data folder."
        )
    raise CannotStart(
        f"{data.path} is a copy of {original}, which is still there: both would count the same sites. Start"
        f" {original}, or remove it; or let this copy be an instance of its own, and start it again:"
        f" rm {shlex.quote(str(home / RECORD))}"
    )


def hold(data: DataFolder, home: Path, account: Account, say: Callable[[str], None]) -> int:
    """Hold a home until the descriptor that is returned is closed, and let it know its data folder.

    Raises CannotStart when another process holds it.
    """
    descriptor = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    known = _known(home)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise CannotStart(
            f"Another Footfall works with the database in {home}, that of the data folder {known}: stop it"
            " first."
        ) from None
    except OSError:
        # A file system without locks of folders (NFS); the lock of the data folder is a file's.
        pass
    for half in home.glob(f".{RECORD}-*"):
        half.unlink(missing_ok=True)
    if known != data.path:
        if known is not None and not _is_same(known, data.path):
            say(f"This data folder was {known} when it was last used.")
        _write(home, data.path, account)
    return descriptor


def _known(home: Path) -> Path | None:
    """The data folder that a home was last used by; None where it never was."""
    try:
        descriptor = os.open(home / RECORD, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, errors="surrogateescape") as file:
            return Path(text) if (text := file.read().rstrip("\n")) else None
    except OSError:
        return None


def _write(home: Path, folder: Path, account: Account) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=home, prefix=f".{RECORD}-")
    with os.fdopen(descriptor, "w", errors="surrogateescape") as file:
        if account.foreign:
            os.fchown(descriptor, account.uid, account.gid)
        file.write(f"{folder}\n")
        file.flush()
        os.fsync(descriptor)
    os.replace(temporary, home / RECORD)


def _is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one folder: through a link, or another mount."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def _identifier(home: Path) -> bytes | None:
    try:
        with (home / CONTROL_FILE).open("rb") as file:
            return file.read(IDENTIFIER_BYTES)
    except OSError:
        return None
