"""What was found: gathered by those who look, and told by the command."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Size:
    """How large something is, in bytes; `rows` as Postgres estimates them, None of what has none."""

    name: str
    bytes: int
    index_bytes: int = 0
    rows: int | None = None


@dataclass(frozen=True)
class Ending:
    """What will be removed; `at` is None where it never is, or nobody knows when."""

    what: str
    at: datetime | None
    setting: str = ""


@dataclass
class Findings:
    """All of it; `problems` are sentences that say what to do, `notes` what is worth a word only."""

    sizes: list[Size] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def in_bytes(number: float) -> str:
    """A number of bytes for people: `1.5 GiB`."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if abs(number) < 1024:
            return f"{number:,.0f} {unit}" if unit == "bytes" else f"{number:,.1f} {unit}"
        number /= 1024
    return f"{number:,.1f} TiB"
