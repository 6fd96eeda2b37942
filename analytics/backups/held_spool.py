"""The spool's files as they are at the moment of a snapshot, while edges write and drain them.

An entry that was acknowledged before the snapshot is committed, and then the snapshot has it, or it stands in
a file that is there at that moment. So all files are opened before the snapshot and read after it: what edges
append meanwhile is read too, and a file that they drained and deleted is still there for who holds it open.
(To read them before the snapshot would miss what is acknowledged in between and not drained; to read those
that are there after it would miss what is drained in between.) Whether a file came or went unseen is told by
the folder's time of change. What is in both, spool and snapshot, is stored once: storing is idempotent.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tracker.storing.spool_file import NAME

# The kernel's clock for times of change advances in steps of up to 10 ms.
CLOCK_STEP_NS = 20_000_000
PIECE = 1 << 20
TRIES = 5


class HeldFile(NamedTuple):
    """An open file of the spool."""

    name: str
    descriptor: int

    @property
    def written_at(self) -> float:
        """When it was last written to, in seconds since the epoch."""
        return os.fstat(self.descriptor).st_mtime

    def pieces(self) -> Iterator[bytes]:
        """All that is in it now. Raises OSError."""
        at, end = 0, os.fstat(self.descriptor).st_size
        while at < end and (piece := os.pread(self.descriptor, min(PIECE, end - at), at)):
            at += len(piece)
            yield piece


class HeldSpool:
    """The files of one folder, held open until `let_go`."""

    def __init__(self, folder: Path) -> None:
        """Opens them all. Raises OSError."""
        self._folder = folder
        self.files: list[HeldFile] = []
        # A change in the same step as the last one would not be seen.
        self._rested = any(self._rests() for _ in range(TRIES))
        self._changed_at = self._change()
        self.files = list(self._opened())

    @property
    def unchanged(self) -> bool:
        """Whether no file came or went since they were opened. Raises OSError."""
        return self._rested and self._change() == self._changed_at

    def let_go(self) -> None:
        """Close the files."""
        for file in self.files:
            os.close(file.descriptor)
        self.files = []

    def _rests(self) -> bool:
        if abs(time.time_ns() - self._change()) > CLOCK_STEP_NS:
            return True
        time.sleep(CLOCK_STEP_NS / 1e9)
        return False

    def _change(self) -> int:
        """When a file last came or went, in nanoseconds since the epoch; 0 where there is no folder."""
        try:
            return self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def _opened(self) -> Iterator[HeldFile]:
        if not self._changed_at:
            return
        for name in sorted(os.listdir(self._folder)):
            # What edges leave alone, since none of them wrote it, is left alone here too.
            if NAME.fullmatch(name) and not (self._folder / name).is_symlink():
                with suppress(FileNotFoundError):
                    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
                    yield HeldFile(name, os.open(self._folder / name, flags))
