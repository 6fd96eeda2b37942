"""What waits on disk while Postgres is away: the edge's own file, and those that dead edges left.

Files are drained oldest first and each in its order, so that a begin is stored before its end. One that
cannot be read in full is kept aside, once all that can be read of it is stored, and told until somebody says
that it is seen (`manage.py spool --seen`).
"""

import errno
import logging
import os
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import NamedTuple

import msgspec

from tracker.storing import unreadable
from tracker.storing.entries import Entry
from tracker.storing.row_faults import fault_of
from tracker.storing.spool_file import SUFFIX, SpoolFile, Strange
from tracker.storing.spool_records import MARK_BYTES, record_of
from tracker.storing.unreadable import Damage

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
        self._mark = secrets.token_bytes(MARK_BYTES)
        self._numbers = count()
        self._own: SpoolFile | None = None  # the one that is written to
        self._left: list[SpoolFile] = []
        self._usable = True
        self._strange: set[str] = set()  # names of what was told already
        self.unreadable = Damage()

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
            paths = list(self._folder.glob(f"*{SUFFIX}"))
            self.unreadable = unreadable.within(self._folder)
            unreadable.forget(self._folder, time.time())
        except OSError as error:
            if self._usable:
                logger.error("spool: its folder cannot be used (%s)", type(error).__name__)
            self._usable = False
            return
        self._usable = True
        left = [file for path in paths if (file := self._taken(path))]
        for file in sorted(left, key=SpoolFile.written_at):
            logger.warning("spool: storing what edge %x left", file.edge)
            self._left.append(file)

    def append(self, entries: Sequence[Entry]) -> list[Entry]:
        """Keep entries: they are fsynced when this returns. Returns those that nobody could write down.

        Raises OSError (EDQUOT: it is full), and whatever nobody foresaw, and then keeps none.
        """
        records, refused = [], []
        for entry in entries:
            try:
                records.append(record_of(entry, self._mark))
            except (ValueError, OverflowError, msgspec.MsgspecError):
                if not fault_of(entry):
                    raise
                refused.append(entry)
        batch = b"".join(records)
        own = sum(file.size for file in (*self._left, self._own) if file and file.edge == self._edge)
        if own + len(batch) > self._limit:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        if self._own is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            name = f"{self._edge:016x}-{next(self._numbers)}-{self._mark.hex()}{SUFFIX}"
            self._own = SpoolFile.make(self._folder / name)
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
            if entries := file.peek(BATCH):
                written_at = datetime.fromtimestamp(file.written_at(), UTC)
                return Spooled(file.edge, written_at, entries)
            file.skip()
            self._finish(file)
        return None

    def drop_first(self) -> None:
        """Drop what `first` gave, once it is stored. Raises OSError."""
        if file := self._oldest():
            file.skip()
            if file.drained:
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

    def _taken(self, path: Path) -> SpoolFile | None:
        """A file that a dead edge left. What is none, or cannot be opened, is told once and left alone."""
        try:
            return SpoolFile.take(path)
        except (OSError, Strange) as error:
            if path.name not in self._strange:
                logger.error("spool: %s is left alone (%s)", ascii(path.name), type(error).__name__)
            self._strange.add(path.name)
            return None

    def _finish(self, file: SpoolFile) -> None:
        """Delete what was drained, or keep it aside when there are bytes in it that could not be read.

        All of the own file was fsynced: what is torn there is what the disk lost of what it promised to keep.
        """
        if unread := file.unreadable(dead=file.edge != self._edge):
            aside = unreadable.name_of(file.path, unread, time.time_ns())
            logger.error("spool: %d of %d bytes cannot be read; kept as %s", unread, file.size, aside.name)
            file.path.rename(aside)
        else:
            file.path.unlink()
        # What fails from here on must not leave it in use, closed: its number may be another file's soon.
        self._forget(file)
        file.close()
        if unread:
            with suppress(OSError):
                self.unreadable = unreadable.within(self._folder)

    def _forget(self, file: SpoolFile) -> None:
        if file is self._own:
            self._own = None
        else:
            self._left.remove(file)
