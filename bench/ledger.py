"""The ledger: what the generator did and heard, one small record per happening, in a file of each process.

It is the truth that live counts and Postgres are held against (`bench.verify`), also while servers die.
"""

import struct
import time
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

RECORD = struct.Struct("<dB16sII")


class EntryKind(IntEnum):
    """What happened to a page."""

    SAID = 1  # a page view was said, first or again after a dropped connection
    ACKED = 2
    CLOSED = 3  # by the page
    LOST = 4  # by the server or the network; `path` is the close code, 0 without one
    TICK = 5  # of no page: everything before `at` is in the file


class Entry(NamedTuple):
    """One happening."""

    at: float  # seconds since the epoch, the generator's clock
    kind: EntryKind
    page: UUID
    visitor: int
    path: int


NOBODY = UUID(int=0)


class Ledger:
    """The file of one generator process; with no name it keeps nothing."""

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("wb", buffering=0) if path else None  # noqa: SIM115 (kept until close)
        self._waiting = bytearray()

    def note(self, kind: EntryKind, page: UUID, visitor: int, path: int) -> None:
        """Write down what happens now."""
        if self._file:
            self._waiting += RECORD.pack(time.time(), kind, page.bytes, visitor, path)

    def tick(self) -> None:
        """Everything until now is told: put it into the file."""
        if self._file:
            self.note(EntryKind.TICK, NOBODY, 0, 0)
            self._file.write(self._waiting)
            self._waiting.clear()

    def close(self) -> None:
        self.tick()
        if self._file:
            self._file.close()


class Reader:
    """The ledgers of all processes of a run, read while they grow, in the order of time."""

    def __init__(self, paths: list[str]) -> None:
        self._tails = [_Tail(Path(path)) for path in paths]

    def until(self, at: float) -> list[Entry] | None:
        """What happened before `at` and was not given yet, oldest first; None while a ledger lags behind."""
        for tail in self._tails:
            tail.read()
        if any(tail.told < at for tail in self._tails):
            return None
        return sorted(entry for tail in self._tails for entry in tail.take(at))

    def rest(self) -> list[Entry]:
        """Everything that was not given yet; for when the processes have ended."""
        for tail in self._tails:
            tail.read()
        return sorted(entry for tail in self._tails for entry in tail.take(float("inf")))


class _Tail:
    def __init__(self, path: Path) -> None:
        self.told = 0.0
        self._path = path
        self._at = 0
        self._entries: list[Entry] = []

    def read(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._at)
            data = file.read()
        data = data[: len(data) // RECORD.size * RECORD.size]
        self._at += len(data)
        for at, kind, page, visitor, path in RECORD.iter_unpack(data):
            if kind == EntryKind.TICK:
                self.told = at
            else:
                self._entries.append(Entry(at, EntryKind(kind), UUID(bytes=page), visitor, path))

    def take(self, until: float) -> Iterator[Entry]:
        count = next(
            (index for index, entry in enumerate(self._entries) if entry.at >= until), len(self._entries)
        )
        taken, self._entries = self._entries[:count], self._entries[count:]
        return iter(taken)
