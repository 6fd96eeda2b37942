"""Figures: what a run found, beside what it was to reach."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

SLACK = 0.2  # a figure under its goal by less than this is noise of a shared machine


@dataclass(frozen=True)
class Figure:
    """One measured figure; a goal is the least it may be, or with `at_most` the most."""

    run: str
    name: str
    value: float
    unit: str
    goal: float | None = None
    at_most: bool = False
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether it reaches its goal."""
        if self.goal is None:
            return True
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    @property
    def regressed(self) -> bool:
        """Whether a ratio misses its goal by more than noise, or what must never be is there at all.

        Anything else depends on what the machine does besides.
        """
        if self.unit == "×" and self.goal is not None:
            return not self.value >= self.goal * (1 - SLACK)
        return self.goal == 0 and not self.met

    def line(self) -> str:
        """As it is printed."""
        goal = ""
        if self.goal is not None:
            goal = f"  goal {'≤' if self.at_most else '≥'} {self.goal:g}  {'ok' if self.met else 'MISSED'}"
        note = f"  ({self.note})" if self.note else ""
        return f"{self.run:9} {self.name:44} {_short(self.value):>10} {self.unit:8}{goal}{note}"


def write(path: Path, figures: list[Figure], machine: dict[str, object]) -> None:
    """All figures of a run as JSON."""
    said = {"machine": machine, "figures": [{**asdict(each), "met": each.met} for each in figures]}
    path.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")


def _short(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 or value == 0 else f"{value:.3f}"
