"""The data folder of `scripts/run`: secret key, database address, lock; readable by its owner only."""

import os
from pathlib import Path
from typing import NamedTuple


class DataFolder(NamedTuple):
    """Where one instance keeps what must outlive it (`--data`, `FOOTFALL_DATA`)."""

    path: Path

    def secret_key(self) -> str | None:
        """The key that `up` made and kept, or None."""
        return _read(self.path / "secret_key")

    def database_url(self) -> str | None:
        """The embedded Postgres' address, as `up` wrote it, or None."""
        return _read(self.path / "database_url")


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except FileNotFoundError:
        return None


def read_env_file(path: Path) -> None:
    """Take `NAME=value` lines of a `.env` file into the environment; what is set already stays."""
    for line in (_read(path) or "").splitlines():
        name, found, value = line.strip().partition("=")
        if found and not name.startswith("#"):
            os.environ.setdefault(name.strip(), value.strip().strip("\"'"))


def prepare_for_up(arguments: list[str]) -> None:
    """Make the data folder and what the settings read from it, before Django starts."""
    raise NotImplementedError
