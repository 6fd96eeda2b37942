"""What a backup says of itself, as JSON: what made it, when, and how many rows of each table are in it."""

import tomllib
from datetime import datetime

import msgspec

from analytics.backups.errors import BackupTrouble
from analytics.up.options import ROOT

FORMAT = 1


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The content of `manifest.json`."""

    format: int = FORMAT
    footfall: str
    # Everything that was acknowledged before is in the backup; the database's clock.
    taken_at: datetime
    postgres: str  # the server's version
    pg_dump: str
    migrations: list[str]  # `tracker.0001_initial`: all that were applied
    rows: dict[str, int]  # partitions count for the table that they belong to
    left_out: list[str]
    secrets: bool

    def text(self) -> bytes:
        """As it is written."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


class _Versioned(msgspec.Struct):
    format: int


def read(text: bytes) -> Manifest:
    """The manifest of this text. Raises BackupTrouble for one of a later format, or that makes no sense."""
    try:
        if (version := msgspec.json.decode(text, type=_Versioned).format) > FORMAT:
            raise BackupTrouble(
                f"This backup was made by a newer Footfall (its format is {version}, and this one reads"
                f" {FORMAT}): update this one first."
            )
        return msgspec.json.decode(text, type=Manifest)
    except msgspec.MsgspecError as error:
        raise BackupTrouble(f"The backup's manifest makes no sense: {error}.") from None


def own_version() -> str:
    """The version of this Footfall."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])
