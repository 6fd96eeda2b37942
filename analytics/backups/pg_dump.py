"""`pg_dump`, one that is new enough for the server, and how it is told where that is."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from analytics.backups.errors import BackupTrouble
from analytics.up import postgres_programs
from analytics.up.account import Account
from analytics.up.errors import CannotStart

DEBIAN = Path("/usr/lib/postgresql")
SERVICE = "footfall"


class DumpProgram(NamedTuple):
    """A `pg_dump`; `version` as "18.6"."""

    path: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


def fitting(server: int) -> DumpProgram:
    """The oldest one here that can dump a server of this major version: what it writes suits it best.

    Raises BackupTrouble where there is none: an older `pg_dump` refuses a newer server.
    """
    found = [program for path in _paths() if (program := _known(path))]
    able = [program for program in found if program.major >= server]
    if not able:
        seen = ", ".join(f"{program.path} ({program.version})" for program in found) or "none"
        raise BackupTrouble(
            f"The server is Postgres {server}, and needs a pg_dump of that version or newer; there is {seen}."
            f" On Debian: apt-get install postgresql-client-{server}."
        )
    return min(able, key=lambda program: program.major)


def _paths() -> Iterator[Path]:
    with suppress(CannotStart):
        ours = Account(os.geteuid(), os.getegid(), foreign=False)
        yield postgres_programs.programs(ours)[0] / "pg_dump"
    yield from sorted(DEBIAN.glob("*/bin/pg_dump"))
    if path := shutil.which("pg_dump"):
        yield Path(path)


def _known(path: Path) -> DumpProgram | None:
    """The program at a path; None where it does not say its version."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    version = re.search(r"\d+(\.\d+)?", said)
    return DumpProgram(path, version[0]) if version else None


@contextmanager
def environment(parameters: Mapping[str, object]) -> Iterator[dict[str, str]]:
    """The environment with which a program of Postgres finds the service `footfall`.

    Address and password stand in a file that only this account can read, gone afterwards: arguments are for
    every account to see, and an environment is inherited. Raises BackupTrouble.
    """
    lines = [f"{name}={value}" for name, value in parameters.items() if value not in (None, "")]
    if any(len(line.splitlines()) != 1 for line in lines):
        raise BackupTrouble("The database's address holds a line break, which pg_dump cannot be told.")
    with tempfile.TemporaryDirectory(prefix="footfall-service-") as folder:
        path = Path(folder) / "service"
        path.touch(0o600)
        path.write_text("\n".join([f"[{SERVICE}]", *lines, ""]))
        # HOME: a server may want keys or passwords that the operator keeps there.
        kept = {name: os.environ[name] for name in ("HOME",) if name in os.environ}
        yield {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "PGSERVICEFILE": str(path), **kept}
