"""What is counted of one site, or of what filters keep of it, and which of it changed since one last looked.

Pure. Following the changes costs one entry in a set for each, and nothing while nobody follows. The names of
tabs are added up when somebody looks: until then a tab costs one entry, not one in each dimension, and a tab
that came and went in between nothing at all.
"""

from collections.abc import Iterator
from typing import Any

from tracker.contract.attention import Attention
from tracker.live.dimensions import DIMENSIONS, NONE_IS_NO_NAME, TABLE

# A counter's kind: first the dimensions, by their places in the table.
ATTENTION, VISITORS, MINUTES = range(len(TABLE), len(TABLE) + 3)
LETTERS = b"".join(each.letter for each in TABLE) + b"avm"
# So that adding them up never holds the loop for more than some 5 ms.
WAITING_LIMIT = 4096
MINUTES_KEPT = 61  # the current minute and the sixty before it

Field = tuple[bytes, int]  # a counter's name outside of this process, and its value


class Counters:
    """Counters above zero, by kind and name."""

    stale = 0  # edges whose share is missing; in one process, none can be

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self.version = 0
        self.attention: dict[Attention, int] = {}
        self.visitors_by_key: dict[bytes, int] = {}
        self.minutes: dict[int, int] = {}
        self._dimensions: tuple[dict[str, int], ...] = tuple({} for _ in DIMENSIONS)
        self._most = 0  # names in the largest dimension
        # Of tabs that came (or, below zero, went), until they are added up.
        self._waiting: dict[tuple[str, ...], int] = {}
        self._by_kind: tuple[dict[Any, int], ...] = (
            *self._dimensions,
            self.attention,
            self.visitors_by_key,
            self.minutes,
        )
        self._changed: set[tuple[int, Any]] | None = None

    @property
    def names(self) -> dict[str, dict[str, int]]:
        """Open tabs by name, for each dimension."""
        self._add_up()
        return dict(zip(DIMENSIONS, self._dimensions, strict=True))

    @property
    def tabs(self) -> int:
        """How many tabs are open."""
        return sum(self.attention.values())

    @property
    def visitors(self) -> int:
        """Distinct visitors who hold at least one open tab."""
        return len(self.visitors_by_key)

    def add(self, kind: int, name: Any, by: int) -> None:
        """Change one counter."""
        if not name and kind in NONE_IS_NO_NAME:
            return
        counter = self._by_kind[kind]
        value = counter.get(name, 0) + by
        if value:
            counter[name] = value
        else:
            counter.pop(name, None)
        if self._changed is not None:
            self._changed.add((kind, name))

    def count(self, names: tuple[str, ...], by: int) -> None:
        """Change the counters of a tab's names, one in each dimension."""
        waiting = self._waiting
        left = waiting.get(names, 0) + by
        if left:
            waiting[names] = left
        else:
            del waiting[names]
        if len(waiting) > WAITING_LIMIT:
            self._add_up()

    def follow(self) -> None:
        """Begin to note what changes."""
        self._changed = set()

    def unfollow(self) -> None:
        """Stop noting what changes."""
        self._changed = None

    def changes(self) -> list[Field]:
        """The value now of every counter that changed since it was followed or last asked; 0: it is gone."""
        self._add_up()
        changed, self._changed = self._changed, set()
        return [(field(kind, name), self._by_kind[kind].get(name, 0)) for kind, name in changed or ()]

    def everything(self) -> list[Field]:
        """Every counter; what changed before this is told with it."""
        self._add_up()
        self._changed = set()
        return list(self._fields())

    def _add_up(self) -> None:
        """Add what waits to the counters."""
        if not self._waiting:
            return
        for names, by in self._waiting.items():
            for counter, name in zip(self._dimensions, names, strict=True):
                value = counter.get(name, 0) + by
                if value:
                    counter[name] = value
                else:
                    del counter[name]
            if self._changed is not None:
                self._changed.update(enumerate(names))
        self._waiting.clear()
        for kind in NONE_IS_NO_NAME:
            self._dimensions[kind].pop("", None)
            if self._changed is not None:
                self._changed.discard((kind, ""))
        self._most = max(map(len, self._dimensions))

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
    if not text:
        raise ValueError("a counter has a name")
    kind, name = LETTERS.index(text[:1]), text[1:]
    if kind == VISITORS:
        return kind, name
    if kind == MINUTES:
        return kind, int(name)
    return kind, Attention(name.decode()) if kind == ATTENTION else name.decode()
