"""What other products' exports come to: figures of a day, told apart by a dimension. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from tracker.pages.escapes import encoded

TOTAL = ""  # the dimension of a day's totals
MEASURES = ("visitors", "visits", "views", "bounces", "visit_seconds", "events")
# The dimensions of Footfall's own that exports tell, under the same names.
DIMENSIONS = (
    *("page", "entry_page", "exit_page", "referrer", "country", "browser", "system", "device", "event"),
    *("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"),
)
LONGEST_NAME = 2048
# What those products call a thing that Footfall has a word of its own for.
DEVICES = {"laptop": "desktop"}
NOWHERE = ("direct / none", "(direct)", "direct")


class WrongExportFile(Exception):
    """A file that cannot be imported; the message says which and why, in words for people."""


class FigureKey(NamedTuple):
    """What a figure is of."""

    day: date
    dimension: str
    name: str


@dataclass
class FileFigures:
    """Sums by day, dimension and name; and what was left out, by reason."""

    sums: dict[FigureKey, dict[str, int]] = field(default_factory=dict)
    rows: int = 0
    left_out: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, day: date, dimension: str, name: str, **measures: int) -> None:
        """Add to what is there."""
        kept = self.sums.setdefault(FigureKey(day, dimension, as_ours(dimension, name)), {})
        for measure, number in measures.items():
            kept[measure] = kept.get(measure, 0) + number

    def leave_out(self, reason: str, number: int = 1) -> None:
        """Count what is not taken."""
        self.left_out[reason] += number

    @property
    def days(self) -> list[date]:
        """The days that have a total, in their order."""
        return sorted({key.day for key in self.sums if key.dimension == TOTAL})

    def total(self, measure: str) -> int:
        """The sum of a measure over all days."""
        return sum(sums.get(measure, 0) for key, sums in self.sums.items() if key.dimension == TOTAL)


def as_ours(dimension: str, name: str) -> str:
    """A name in the form that Footfall's own has, so that a filter means both."""
    if dimension in ("page", "entry_page", "exit_page"):
        return encoded(name)
    if dimension == "device":
        name = name.lower()
        name = DEVICES.get(name, name)
    if dimension == "referrer" and name.lower() in NOWHERE:
        name = ""
    return name[:LONGEST_NAME]


def whole_number(text: str, what: str) -> int:
    """A number of an export; "" is 0. Raises WrongExportFile."""
    plain = text.strip().replace(",", "")
    if not plain:
        return 0
    try:
        number = round(float(plain))
    except (ValueError, OverflowError):
        raise WrongExportFile(f"{what}: “{text[:40]}” is no number.") from None
    if not 0 <= number < 2**53:
        raise WrongExportFile(f"{what}: {text[:40]} is no count.")
    return number


def day_of(text: str, what: str) -> date:
    """A day as exports write it: 2026-10-01, with or without a time, or 20261001. Raises WrongExportFile."""
    plain = text.strip()[:10]
    try:
        if plain[:8].isdecimal() and len(plain) >= 8:
            return date(int(plain[:4]), int(plain[4:6]), int(plain[6:8]))
        return date.fromisoformat(plain)
    except ValueError:
        raise WrongExportFile(f"{what}: “{text[:40]}” is no day.") from None


def columns_of(header: Iterable[str], needed: Iterable[str], what: str) -> list[str]:
    """The columns of a header, all needed ones among them. Raises WrongExportFile."""
    found = [name.strip().removeprefix("\ufeff") for name in header]
    missing = [name for name in needed if name not in found]
    if missing:
        raise WrongExportFile(
            f"{what} has no column {', '.join(missing)}; it begins with: {', '.join(found)[:120]}."
        )
    return found
