"""The system account that the embedded Postgres runs under: ours, or a lesser one when we are root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from analytics.up.errors import CannotStart

# The first that exists: an account of our own where a packager made one, Postgres' own, then two
# that every Debian has. `nobody` last: it is meant to own no files.
CANDIDATES = ("footfall", "postgres", "www-data", "nobody")


class Switch(TypedDict, total=False):
    """Arguments of `subprocess.Popen` that change the account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """One system account; `foreign` when it is not the one this process runs under."""

    uid: int
    gid: int
    foreign: bool

    def switch(self) -> Switch:
        """How to start a child under this account."""
        return Switch(user=self.uid, group=self.gid, extra_groups=[]) if self.foreign else Switch()

    def take(self, path: Path) -> None:
        """Make this account the owner of one path."""
        if self.foreign:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def enters(self, folder: Path) -> bool:
        """Whether this account can reach a folder; asked of the kernel, which knows ACLs and mounts."""
        command = ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)]
        return subprocess.run(command, cwd="/", stderr=subprocess.DEVNULL, **self.switch()).returncode == 0


def account_for(cluster: Path) -> Account:
    """The account for a cluster: its owner where it exists, else this one, or for root the first candidate.

    Raises CannotStart when root finds no account to drop to.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), foreign=False)
    try:
        owner = cluster.stat()
    except FileNotFoundError:
        return _candidate()
    if owner.st_uid == 0:
        raise CannotStart(
            f"{cluster} belongs to root, as whom Postgres never runs: give it back to its account."
        )
    return Account(owner.st_uid, owner.st_gid, foreign=True)


def _candidate() -> Account:
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, foreign=True)
    raise CannotStart(
        f"Postgres does not run as root, and none of the accounts {', '.join(CANDIDATES)} exists."
    )
