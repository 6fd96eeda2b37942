"""What is counted of one site, or of one view of it, and which of it changed since one last looked.

Pure. Following the changes costs one entry in a set for each, and nothing while nobody follows.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any

from tracker.dimensions import CAMPAIGNS, DIMENSIONS, TABLE

# A counter's kind: first the dimensions, by their places in the table.
ATTENTION, VISITORS, MINUTES = range(len(TABLE), len(TABLE) + 3)
LETTERS = b"".join(each.letter for each in TABLE) + b"avm"
MINUTES_KEPT = 61  # the current minute and the sixty before it

Field = tuple[bytes, int]  # a counter's name outside of this process, and its value


class Attention(StrEnum):
    """What a tab's reader does: looks and acts, only looks, or has the tab out of sight."""

    ACTIVE = "active"
    IDLE = "idle"
    HIDDEN = "hidden"


class Counters:
    """Counters above zero, by kind and name."""

    stale = 0  # edges whose share is missing; in one process, none can be

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self.version = 0
        self.names: dict[str, dict[str, int]] = {dimension: {} for dimension in DIMENSIONS}
        self.attention: dict[Attention, int] = {}
        self.visitors_by_key: dict[bytes, int] = {}
        self.minutes: dict[int, int] = {}
        self._dimensions = tuple(self.names.values())
        self._by_kind: tuple[dict[Any, int], ...] = (
            *self._dimensions,
            self.attention,
            self.visitors_by_key,
            self.minutes,
        )
        self._changed: set[tuple[int, Any]] | None = None

    @property
    def tabs(self) -> int:
        """Open tabs."""
        return sum(self.attention.values())

    @property
    def visitors(self) -> int:
        """Distinct visitors who hold at least one open tab."""
        return len(self.visitors_by_key)

    def add(self, kind: int, name: Any, by: int) -> None:
        """Change one counter."""
        if not name and kind == CAMPAIGNS:
            return
        counter = self._by_kind[kind]
        value = counter.get(name, 0) + by
        if value:
            counter[name] = value
        else:
            counter.pop(name, None)
        if self._changed is not None:
            self._changed.add((kind, name))

    def count(self, names: Sequence[str], by: int) -> None:
        """Change the counters of one tab's names, one in each dimension."""
        for counter, name in zip(self._dimensions, names, strict=True):
            value = counter.get(name, 0) + by
            if value:
                counter[name] = value
            else:
                del counter[name]
        self._dimensions[CAMPAIGNS].pop("", None)
        if self._changed is not None:
            self._changed.update(enumerate(names))
            self._changed.discard((CAMPAIGNS, ""))

    def follow(self) -> None:
        """Begin to note what changes."""
        self._changed = set()

    def unfollow(self) -> None:
        """Nobody asks for changes any more."""
        self._changed = None

    def changes(self) -> list[Field]:
        """The value now of every counter that changed since it was followed or last asked; 0: it is gone."""
        changed, self._changed = self._changed, set()
        return [(field(kind, name), self._by_kind[kind].get(name, 0)) for kind, name in changed or ()]

    def everything(self) -> list[Field]:
        """Every counter; what changed before this is told with it."""
        self._changed = set()
        return list(self._fields())

    def _fields(self) -> Iterator[Field]:
        for kind, counter in enumerate(self._by_kind):
            for name, value in counter.items():
                yield field(kind, name), value


def field(kind: int, name: Any) -> bytes:
    """A counter's name outside of this process."""
    text = name if kind == VISITORS else str(name).encode(errors="replace")
    return LETTERS[kind : kind + 1] + text


def read_field(text: bytes) -> tuple[int, Any]:
    """Kind and name of a counter. Raises ValueError."""
    kind, name = LETTERS.index(text[:1]), text[1:]
    if kind == VISITORS:
        return kind, name
    if kind == MINUTES:
        return kind, int(name)
    return kind, Attention(name.decode()) if kind == ATTENTION else name.decode()
