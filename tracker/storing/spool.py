"""What waits on disk while Postgres is away: the edge's own file, and those that dead edges left.

Files are drained oldest first and each in its order, so that a begin is stored before its end.
"""

import errno
import logging
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import NamedTuple

import msgspec

from tracker.storing.entries import Entry
from tracker.storing.spool_file import SUFFIX, SpoolFile, record_of

logger = logging.getLogger(__name__)

BATCH = 1000


class Spooled(NamedTuple):
    """The oldest entries of the spool, whose edge they are, and when that edge last gave a sign here."""

    edge: int
    written_at: datetime
    entries: list[Entry]


class Spool:
    """The spool of one edge; for its buffer's thread only, but for `size`."""

    def __init__(self, folder: Path, edge: int, limit: int) -> None:
        """`limit`: bytes that the edge's own files may take; beyond it nothing more is taken."""
        self._folder = folder
        self._edge = edge
        self._limit = limit
        self._numbers = count()
        self._own: SpoolFile | None = None  # the one that is written to
        self._left: list[SpoolFile] = []
        self._usable = True

    @property
    def pending(self) -> bool:
        """Whether anything waits here: then nothing may overtake it."""
        return bool(self._left) or self._own is not None

    @property
    def size(self) -> int:
        """Bytes in the files that this edge holds."""
        return sum(file.size for file in (*self._left, self._own) if file)

    def adopt(self) -> None:
        """Take over what dead edges left in the folder, and say so when that cannot be used."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            left = [file for path in self._folder.glob(f"*{SUFFIX}") if (file := SpoolFile.take(path))]
        except OSError as error:
            if self._usable:
                logger.error("spool: its folder cannot be used (%s)", type(error).__name__)
            self._usable = False
            return
        self._usable = True
        for file in sorted(left, key=SpoolFile.written_at):
            logger.warning("spool: storing what edge %x left", file.edge)
            self._left.append(file)

    def append(self, entries: Sequence[Entry]) -> list[Entry]:
        """Keep entries: they are fsynced when this returns. Returns those that nobody could write down.

        Raises OSError (EDQUOT: it is full), and then keeps none.
        """
        records, refused = [], []
        for entry in entries:
            try:
                records.append(record_of(entry))
            except (ValueError, OverflowError, msgspec.MsgspecError):
                refused.append(entry)
        batch = b"".join(records)
        own = sum(file.size for file in (*self._left, self._own) if file and file.edge == self._edge)
        if own + len(batch) > self._limit:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        if self._own is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._own = SpoolFile.make(self._folder / f"{self._edge:016x}-{next(self._numbers)}{SUFFIX}")
        try:
            self._own.append(batch)
        except OSError:
            if self._own.spoiled:
                self._retire(self._own)
            raise
        return refused

    def first(self) -> Spooled | None:
        """The oldest entries, None when nothing waits. Raises OSError."""
        while file := self._oldest():
            try:
                entries = file.peek(BATCH)
                if entries:
                    written_at = datetime.fromtimestamp(file.written_at(), UTC)
                    return Spooled(file.edge, written_at, entries)
            except (OSError, msgspec.MsgspecError) as error:
                self._set_aside(file, type(error).__name__)
            else:
                self._finish(file)
        return None

    def drop_first(self) -> None:
        """Drop what `first` gave, once it is stored. Raises OSError."""
        if file := self._oldest():
            file.skip()
            if not file.left():
                self._finish(file)

    def close(self) -> None:
        """Close all files; the next start finds them."""
        for file in (*self._left, self._own):
            if file:
                file.close()
        self._left, self._own = [], None

    def _oldest(self) -> SpoolFile | None:
        return self._left[0] if self._left else self._own

    def _retire(self, own: SpoolFile) -> None:
        """Write no more to the own file: the next entries get a new one."""
        self._own = None
        if own.size:
            self._left.append(own)
        else:
            with suppress(OSError):
                own.remove()

    def _finish(self, file: SpoolFile) -> None:
        if torn := file.left():
            if file.edge == self._edge:
                # All of it was fsynced: no torn end, but a disk that lost what it had promised to keep.
                self._set_aside(file, "checksum")
                return
            logger.warning("spool: left out %d bytes that were never acknowledged", torn)
        file.remove()
        self._forget(file)

    def _set_aside(self, file: SpoolFile, why: str) -> None:
        """Keep what cannot be read for somebody to look at, and go on with the rest."""
        aside = file.path.with_name(f"{file.path.name}.{time.time_ns()}.unreadable")
        logger.error("spool: cannot read on (%s); kept as %s", why, aside.name)
        file.path.rename(aside)
        file.close()
        self._forget(file)

    def _forget(self, file: SpoolFile) -> None:
        if file is self._own:
            self._own = None
        else:
            self._left.remove(file)
