"""Logs that are taken as they are written: which files have grown, over rotations, until they are let go.

Each look reads from where the log was read to, which is kept; so nothing is lost between two looks, whoever
is stopped in between.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from tracker.liveness.error_report import kind_of

# For so long a file is read on that another one took the place of: its writer finds out late.
HANDOVER_SECONDS: Final = 10.0


@dataclass(eq=False)
class OpenLog:
    """A file that is followed."""

    path: Path
    file: BinaryIO
    identity: tuple[int, int]
    state: tuple[int, int] = (0, 0)  # its size and when it was written to, as it was looked at last
    until: float | None = None  # when it is let go, on a steady clock


class OpenLogs:
    """All files that are followed; a context manager."""

    def __init__(self, paths: Sequence[Path], clock: Callable[[], float] = time.monotonic) -> None:
        self._paths, self._clock = paths, clock
        self._open: list[OpenLog] = []
        self.problem = ""
        """Why one of them cannot be opened just now, in a sentence; empty while all can."""

    def __enter__(self) -> "OpenLogs":
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._open:
            each.file.close()

    def grown(self) -> Iterator[OpenLog]:
        """Those that are new, have grown or were emptied since the last look. Raises OSError."""
        self.problem = ""
        for path in self._paths:
            self._find(path)
        for each in list(self._open):
            found = os.fstat(each.file.fileno())
            # One that was emptied may be as long again.
            state = (found.st_size, found.st_mtime_ns) if found.st_size else (0, 0)
            if state != each.state:
                each.state = state
                yield each
            if each.until is not None and self._clock() >= each.until:
                each.file.close()
                self._open.remove(each)

    def again(self) -> None:
        """Look at all of them as if they were new: what was read of them was not kept."""
        for each in self._open:
            each.state = (-1, 0)

    def _find(self, path: Path) -> None:
        """Open the file that stands there, if it is another one than before."""
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return  # moved away, and nothing in its place yet
        except OSError as error:
            # As long as whoever rotates it has not given it the rights of the one before.
            self.problem = f"{path.name} cannot be read: {error.strerror or kind_of(error)}."
            return
        there = os.fstat(file.fileno())
        identity = (there.st_dev, there.st_ino)
        if any(each.identity == identity for each in self._open):
            file.close()
            return
        for each in self._open:
            if each.path == path and each.until is None:
                each.until = self._clock() + HANDOVER_SECONDS
        self._open.append(OpenLog(path, file, identity))
