"""Access logs as lines of bytes with their places: plain or packed, from files or standard input."""

import io
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Self, TypeVar, cast

from analytics.access_logs.packing import DAMAGE, unpacked

T = TypeVar("T")
LONGEST_LINE: Final = 2**16
TAIL: Final = 1024
# A log that was written to so lately may be in the midst of its last line.
QUIET_SECONDS: Final = 60.0


class WrongLogFile(Exception):
    """A file cannot be read (on); the message says which, and why."""


class LogLine(NamedTuple):
    """A line without its end: its number from 1 on, and the bytes from the file's begin to the line's end."""

    number: int
    end: int
    text: str


class LogPlace(NamedTuple):
    """How far a log has been read: bytes (unpacked), lines, and a hash of what stands before."""

    offset: int
    lines: int
    tail: bytes


class LogFile:
    """A log that is being read; a context manager."""

    def __init__(
        self,
        path: Path | None,
        standard_input: BinaryIO,
        key: bytes = b"",
        followed: BinaryIO | None = None,
    ) -> None:
        """`path`: None for standard input; `key`: of hashes, up to 64 bytes. Raises OSError.

        `followed`: the file itself, open, whose last line waits until it is whole; it may have been renamed.
        """
        self.name = path.name if path else "standard input"
        self._key = key
        self._open = ExitStack()
        raw = followed or (self._open.enter_context(path.open("rb")) if path else standard_input)
        if followed:
            followed.seek(0)
        self._raw = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, raw))
        text = unpacked(self._raw)
        self._lines: io.BufferedReader = self._open.enter_context(text) if text else self._raw
        self._tail = self._tail_before = b""
        self._begin = 0  # of the line that came last
        self.rewinds = followed is not None or (path is not None and path.is_file())
        self.size = os.fstat(self._raw.fileno()).st_size if self.rewinds else 0
        self._fresh = (
            self.rewinds
            and text is None
            and (followed is not None or time.time() - os.fstat(raw.fileno()).st_mtime < QUIET_SECONDS)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def done(self) -> int:
        """Bytes of `size` that are read."""
        return self._raw.tell() if self.rewinds else 0

    def head(self) -> bytes | None:
        """By which the log is known: a hash of its first line, packed or not. Raises WrongLogFile.

        None while that is being written.
        """
        first = self._guarded(lambda: self._lines.readline(LONGEST_LINE))
        if self._fresh and not first.endswith(b"\n") and len(first) < LONGEST_LINE:
            return None
        self._guarded(lambda: self._lines.seek(0))
        return self._digest(first)

    def goes_on(self, place: LogPlace) -> bool:
        """Whether this log is one that was read up to there, and is put there then."""
        start = max(0, place.offset - TAIL)

        def tail() -> bytes:
            self._lines.seek(start)
            return self._lines.read(place.offset - start)

        self._tail = self._guarded(tail)
        if self._digest(self._tail) == place.tail:
            return True
        self.begin_again()
        return False

    def begin_again(self) -> None:
        """Put it at its begin. Raises WrongLogFile."""
        self._tail = b""
        self._guarded(lambda: self._lines.seek(0))

    def lines(self, offset: int = 0, number: int = 0) -> Iterator[LogLine]:
        """The lines from where the log stands: at `offset`, after `number` lines. Raises WrongLogFile."""
        while line := self._guarded(lambda: self._lines.readline(LONGEST_LINE)):
            length, whole = len(line), line
            self._begin, self._tail_before = offset, self._tail
            self._tail = (self._tail + line)[-TAIL:]
            while not whole.endswith(b"\n") and len(whole) == LONGEST_LINE:
                # What is longer than any line of a log is passed over.
                whole = self._guarded(lambda: self._lines.readline(LONGEST_LINE))
                length += len(whole)
                self._tail = (self._tail + whole)[-TAIL:]
            if not whole.endswith(b"\n") and self._fresh:
                self._tail = self._tail_before
                return
            offset, number = offset + length, number + 1
            yield LogLine(number, offset, line.rstrip(b"\r\n").decode(errors="replace"))

    def place(self, line: LogLine) -> LogPlace:
        """How far it is read with the line that came last, for the next time."""
        return LogPlace(line.end, line.number, self._digest(self._tail))

    def place_before(self, line: LogLine) -> LogPlace:
        """How far it was read before the line that came last."""
        return LogPlace(self._begin, line.number - 1, self._digest(self._tail_before))

    def _digest(self, text: bytes) -> bytes:
        return blake2b(text, key=self._key, digest_size=32).digest()

    def _guarded(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except DAMAGE:
            raise WrongLogFile(f"{self.name} is damaged: what stands before is read.") from None
