"""Where the embedded Postgres lives: a home folder for its cluster, and a short one for its socket."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from analytics.up import short_folder
from analytics.up.account import Account
from analytics.up.data_folder import DataFolder
from analytics.up.errors import CannotStart
from analytics.up.postgres_programs import system_folder

SOCKETS = "socket_folder"
SOCKET = ".s.PGSQL.5432"


def recorded_home(data: DataFolder) -> Path:
    """The home that this data folder uses, made or not."""
    return Path(data.read("postgres_home") or data.path / "postgres")


def make_home(data: DataFolder, account: Account) -> Path:
    """The home, made and given to the account: in the data folder, or where the account can reach it.

    Raises CannotStart when it holds a database already, and the account cannot reach it.
    """
    home = recorded_home(data)
    if home.parent == data.path and not account.enters(data.path):
        # The data folder is ours to open, for the account's group and only to pass through; what
        # stands above it is not.
        os.chown(data.path, -1, account.gid)
        data.path.chmod(0o710)
        if not account.enters(data.path):
            data.path.chmod(0o700)
            if (home / "cluster").exists():
                # Moved to a closed place: a new database elsewhere would look as if all were lost.
                raise CannotStart(
                    f"Postgres runs as {account.name}, who cannot reach its database in {home}: move the data"
                    " folder to a place that everybody may enter, such as /srv."
                )
            home = system_folder() / secrets.token_hex(4)
            data.write("postgres_home", str(home))
    home.mkdir(mode=0o700, exist_ok=True)
    account.take(home)
    return home


def make_socket_folder(data: DataFolder, account: Account) -> Path:
    """A new private folder with a short path (a socket's ends at 107 bytes); the last run's is removed."""
    if before := short_folder.left(data, SOCKETS, account.uid):
        _remove(before)
    folder = short_folder.make(data, SOCKETS, account)
    account.take(folder)
    return folder


def remove_socket_folder(data: DataFolder, account: Account) -> None:
    """Remove the socket folder of this run, if it is still there and still ours."""
    if folder := short_folder.recorded(data, SOCKETS, account.uid):
        _remove(folder)
    data.forget(SOCKETS)


def _remove(folder: Path) -> None:
    # Gone meanwhile, or not empty: what is in it is not ours.
    with suppress(OSError):
        for name in (SOCKET, f"{SOCKET}.lock"):
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()
