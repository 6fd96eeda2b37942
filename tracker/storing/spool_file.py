"""One file of spooled entries: each with its length, checksum and mark, whole batches fsynced.

Locked by the process that uses it, so that nobody else reads it; the kernel frees the lock however that
process ends. Whatever is damaged, all that is whole is read: only half a record at the very end was never
fsynced, hence never acknowledged.
"""

import errno
import fcntl
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

import msgspec

from tracker.storing.entries import Entry, Key
from tracker.storing.spool_records import HEAD, RecordFormat, entry_of, whole

SUFFIX = ".spool"
# The edge, the number of its file, and the mark of its records; the first release wrote no mark.
NAME = re.compile(r"(?P<edge>[0-9a-f]{16})(-[0-9]+(-(?P<mark>[0-9a-f]{16}))?)?\.spool")
HIGHEST_EDGE = 2**63 - 1
# How far is looked for the next whole record at once; also what is given up where the disk cannot be read.
WINDOW = 4096


class Strange(Exception):
    """A file that no edge wrote, or that cannot be opened as one: it is left alone."""


class SpoolFile:
    """An open, locked file; named after the edge whose entries it holds."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.edge, mark = named(path)
        self.spoiled = False  # an fsync failed: what is appended now could be lost in spite of a later one
        self._format = RecordFormat(mark)
        self._descriptor = descriptor
        self._start = self._peeked = 0
        self._unread = self._peeked_unread = 0  # bytes that were passed over, for they make no sense
        self._end = os.fstat(descriptor).st_size

    @classmethod
    def take(cls, path: Path) -> "SpoolFile | None":
        """A file that was left; None when somebody holds it or it is gone. Raises OSError and Strange."""
        named(path)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Strange
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink:
                return cls(path, descriptor)
        except BlockingIOError:
            pass
        except (OSError, Strange):
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    @classmethod
    def make(cls, path: Path) -> "SpoolFile":
        """A new file. Raises OSError."""
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                # Somebody looking for what was left may lock it first, find it empty and remove it.
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.fstat(descriptor).st_nlink:
                    _sync_folder(path.parent)
                    return cls(path, descriptor)
            except OSError:
                os.close(descriptor)
                # A folder whose fsync failed keeps the name or not: the next try takes a new one.
                path.unlink(missing_ok=True)
                raise
            os.close(descriptor)

    @property
    def size(self) -> int:
        """How many bytes are in the file."""
        return self._end

    def written_at(self) -> float:
        """When it was last written to: the edge lived then. Seconds since the epoch."""
        return os.fstat(self._descriptor).st_mtime

    def append(self, records: bytes) -> None:
        """Write records and fsync them. Raises OSError, and then none of them is in the file.

        Raises ValueError for a file that is `spoiled` already.

        When it was the fsync that failed, the file is `spoiled`: what was in it before is safe, but nothing
        more may be appended. The kernel tells such a failure once and forgets it, so that a second fsync
        would succeed and mean nothing.
        """
        if self.spoiled:
            raise ValueError("nothing may be appended behind an fsync that failed")
        rest, at = memoryview(records), self._end
        try:
            while rest:
                written = os.pwrite(self._descriptor, rest, at)
                rest, at = rest[written:], at + written
            self.spoiled = True
            os.fsync(self._descriptor)
            self.spoiled = False
        except OSError:
            # The space may be what others lack.
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._end)
            raise
        self._end = at

    def peek(self, most: int) -> list[Entry]:
        """The oldest entries, each key at most once; none when all were taken. Raises OSError."""
        entries: dict[Key, Entry] = {}
        at, unread = self._start, self._unread
        while len(entries) < most and (found := self._next(at)):
            begins, body = found
            ends = begins + HEAD.size + len(body)
            try:
                entry = entry_of(body)
            except msgspec.MsgspecError:
                at, unread = ends, unread + ends - at
                continue
            if entry.key in entries:
                break
            entries[entry.key] = entry
            at, unread = ends, unread + begins - at
        self._peeked, self._peeked_unread = at, unread
        return list(entries.values())

    def skip(self) -> None:
        """Go on behind what was peeked at, once it is stored."""
        self._start, self._unread = self._peeked, self._peeked_unread

    @property
    def drained(self) -> bool:
        """Whether nothing is left behind what was taken."""
        return self._start == self._end

    def unreadable(self, dead: bool) -> int:
        """Of a file that was drained: how many bytes could not be read.

        Of a dead process that does not count half a record at the very end. Raises OSError.
        """
        rest = self._end - self._start
        torn = dead and self._format.torn(self._bytes(self._start, self._format.beginning), rest)
        return self._unread + (0 if torn else rest)

    def remove(self) -> None:
        """Delete the file, and let go of it even where that fails. Raises OSError."""
        try:
            self.path.unlink()
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the file, and leave it to whoever finds it."""
        os.close(self._descriptor)

    def _next(self, at: int) -> tuple[int, bytes] | None:
        """The next whole record from an offset on: where it begins, and its body. None: there is none."""
        body = self._body(at)
        if body:
            return at, body
        overlap = self._format.beginning
        for start in range(at + 1, self._end, WINDOW):
            for place in self._format.begins(self._bytes(start, WINDOW + overlap)):
                if place < WINDOW and (body := self._body(start + place)):
                    return start + place, body
        return None

    def _body(self, at: int) -> bytes:
        """The body of the record at an offset; empty where no whole record begins."""
        beginning = self._bytes(at, self._format.beginning)
        length = self._format.length(beginning)
        if length is None or length > self._end - at - HEAD.size:
            return b""
        body = self._bytes(at + HEAD.size, length)
        return body if whole(beginning[: HEAD.size], body) else b""

    def _bytes(self, at: int, length: int) -> bytes:
        """Bytes of the file as it was fsynced; none where the disk cannot read them. Raises OSError."""
        try:
            return os.pread(self._descriptor, max(0, min(length, self._end - at)), at)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return b""


def named(path: Path) -> tuple[int, bytes]:
    """The edge that wrote a file of this name, and the mark of its records. Raises Strange."""
    parts = NAME.fullmatch(path.name)
    if parts is None or (edge := int(parts["edge"], 16)) > HIGHEST_EDGE:
        raise Strange
    return edge, bytes.fromhex(parts["mark"] or "")


def _sync_folder(folder: Path) -> None:
    """Let a new file's name outlive a power cut as its contents do."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
