"""What is appended to a file, whether it is rotated by another one in its place or by being emptied.

A look costs a `stat` of the path and of the open file. Nothing tells us of changes, so that it works on every
file system; who follows looks several times a second.
"""

import os
from pathlib import Path
from typing import BinaryIO, Final, Self

CHUNK: Final = 1024 * 1024
# By which a file is known again whose size says nothing: it was emptied, and has grown since.
KNOWN_BYTES: Final = 64
# Who writes goes on with the old file until it is told of the new one, which stays empty meanwhile.
HANDOVER_LOOKS: Final = 40


class FollowedFile:
    """A file from some place on; a context manager. What raises, raises OSError."""

    def __init__(self, path: Path, last: int = 0) -> None:
        """`last`: with how many of the lines that are there already it begins, within the last megabyte."""
        self._path = path
        self._file: BinaryIO = path.open("rb")
        self._known = b""
        self._empty_looks = 0
        self._place = self._begin_of(last)
        self._learn()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it."""
        self._file.close()

    def read(self, most: int = CHUNK) -> bytes:
        """What was appended since the last time, `most` bytes at most; b"" for nothing (yet)."""
        if piece := self._appended(most):
            return piece
        other = self._other()
        if other is None:
            return b""
        # What was written between the two looks, before the new file was put in its place.
        if piece := self._appended(most):
            other.close()
            return piece
        self._file.close()
        self._file, self._place, self._known, self._empty_looks = other, 0, b"", 0
        return self._appended(most)

    def _appended(self, most: int) -> bytes:
        descriptor = self._file.fileno()
        size = os.fstat(descriptor).st_size
        if size < self._place or (size > self._place and not self._is_known()):
            # Emptied by who copied it elsewhere.
            self._place, self._known = 0, b""
        piece = os.pread(descriptor, most, self._place)
        self._place += len(piece)
        self._known = (self._known + piece)[-KNOWN_BYTES:]
        return piece

    def _is_known(self) -> bool:
        begin = self._place - len(self._known)
        return os.pread(self._file.fileno(), len(self._known), begin) == self._known

    def _learn(self) -> None:
        begin = max(0, self._place - KNOWN_BYTES)
        self._known = os.pread(self._file.fileno(), self._place - begin, begin)

    def _other(self) -> BinaryIO | None:
        """The file that stands in the place of this one, if it is another, and has been written to."""
        try:
            there, own = self._path.stat(), os.fstat(self._file.fileno())
            if (there.st_dev, there.st_ino) == (own.st_dev, own.st_ino):
                return None
            self._empty_looks += 1
            if not there.st_size and self._empty_looks < HANDOVER_LOOKS:
                return None
            return self._path.open("rb")
        except OSError:
            # Moved away, and nothing there yet, or nothing that we may read.
            return None

    def _begin_of(self, lines: int) -> int:
        end = os.fstat(self._file.fileno()).st_size
        start = max(0, end - CHUNK)
        text = os.pread(self._file.fileno(), end - start, start)
        # A last line without an end is read once it has one.
        place = text.rfind(b"\n") + 1
        for _ in range(lines):
            if not place:
                break
            place = text.rfind(b"\n", 0, place - 1) + 1
        if not place and start:
            # The first one here is a part of a line.
            place = text.find(b"\n") + 1
        return start + place
