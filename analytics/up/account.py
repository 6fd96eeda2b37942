"""The system account that Footfall runs under: whoever starts it, or a lesser one when that is root."""

import os
import pwd
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import dj_database_url

from analytics.up.errors import CannotStart

# The first that exists, unless FOOTFALL_USER names one: an account of our own where a packager made one,
# Postgres' own, then two that every Debian has. `nobody` last: it is meant to own no files.
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

    @property
    def name(self) -> str:
        """Its name, or its number where it has none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    def become(self) -> None:
        """Let this process be the account, and nothing else any more."""
        if self.foreign:
            os.setgroups([])
            os.setresgid(self.gid, self.gid, self.gid)
            os.setresuid(self.uid, self.uid, self.uid)

    def reads(self, checkout: Path) -> bool:
        """Whether this account can run Footfall from there, with this process' Python and libraries."""
        libraries = dj_database_url.__file__
        look = '[ -r "$1/manage.py" ] && [ -r "$1/analytics/up/launch.py" ] && [ -x "$2" ] && [ -r "$3" ]'
        command = ["/bin/sh", "-c", look, "sh", str(checkout), sys.executable, libraries]
        return subprocess.run(command, cwd="/", **self.switch()).returncode == 0

    def enters(self, folder: Path) -> bool:
        """Whether this account can reach a folder; asked of the kernel, which knows ACLs and mounts."""
        command = ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)]
        return subprocess.run(command, cwd="/", stderr=subprocess.DEVNULL, **self.switch()).returncode == 0


def account_for(cluster: Path, data: Path, wanted: str = "") -> Account:
    """The account for a cluster and the data folder around it.

    This one, unless it is root: then the owner of the cluster, where there is one, or of the data folder,
    unless that is root; else the one that is `wanted` (FOOTFALL_USER), or the first candidate. Raises
    CannotStart when there is none, or when what is wanted is not what there is.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), foreign=False)
    chosen = _named(wanted) if wanted else None
    for path in (cluster, data):
        try:
            owner = path.stat()
        except FileNotFoundError:
            continue
        if owner.st_uid == 0 and path == cluster:
            raise CannotStart(
                f"{cluster} belongs to root, as whom Postgres never runs: give it back to its account."
            )
        if owner.st_uid == 0:
            continue
        found = Account(owner.st_uid, owner.st_gid, foreign=True)
        if chosen and chosen.uid != found.uid:
            raise CannotStart(
                f"{path} belongs to {found.name}, and FOOTFALL_USER says {wanted}: give the data folder to it"
                f" (chown -R {wanted}: {data}), or leave FOOTFALL_USER out."
            )
        return found
    return chosen or _candidate()


def _named(name: str) -> Account:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise CannotStart(f"FOOTFALL_USER says {name}, and there is no such account.") from None
    if entry.pw_uid == 0:
        raise CannotStart("FOOTFALL_USER must name an account that is not root: Footfall leaves root for it.")
    return Account(entry.pw_uid, entry.pw_gid, foreign=True)


def _candidate() -> Account:
    for name in CANDIDATES:
        try:
            return _named(name)
        except CannotStart:
            continue
    raise CannotStart(
        f"Footfall does not run as root, and none of the accounts {', '.join(CANDIDATES)} exists: make one"
        " (useradd --system footfall)."
    )
