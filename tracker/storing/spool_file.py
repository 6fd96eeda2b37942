"""One file of spooled entries: each with its length and checksum, whole batches fsynced.

Locked by the process that uses it, so that nobody else reads it; the kernel frees the lock however that
process ends. A torn end was never fsynced, hence never acknowledged: it is left out.
"""

import fcntl
import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import msgspec

from tracker.storing.entries import Entry, EventEntry, Key, PageEntry

SUFFIX = ".spool"
HEAD = struct.Struct(">II")  # length and CRC-32 of what follows
PAGE, EVENT = b"p", b"e"

_encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode
_page = msgspec.msgpack.Decoder(PageEntry).decode
_event = msgspec.msgpack.Decoder(EventEntry).decode


class SpoolFile:
    """An open, locked file; named after the edge whose entries it holds."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.edge = int(path.stem.partition("-")[0], 16)
        self.spoiled = False  # an fsync failed: what is appended now could be lost in spite of a later one
        self._descriptor = descriptor
        self._start = self._peeked = 0
        self._end = os.fstat(descriptor).st_size

    @classmethod
    def take(cls, path: Path) -> "SpoolFile | None":
        """A file that was left; None when somebody holds it or it is gone. Raises OSError."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink:
                return cls(path, descriptor)
        except BlockingIOError:
            pass
        except OSError:
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

        When it was the fsync that failed, the file is `spoiled`: what was in it before is safe, but nothing
        more may be appended. The kernel tells such a failure once and forgets it, so that a second fsync
        would succeed and mean nothing.
        """
        assert not self.spoiled
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
        """The oldest entries, each key at most once; none when all were taken.

        Raises OSError, and msgspec.MsgspecError for what was written whole and makes no sense.
        """
        entries: dict[Key, Entry] = {}
        self._peeked = self._start
        while len(entries) < most and (record := self._record(self._peeked)):
            try:
                entry = _decoded(record)
            except msgspec.MsgspecError:
                if not entries:
                    raise
                break
            if entry.key in entries:
                break
            entries[entry.key] = entry
            self._peeked += HEAD.size + len(record)
        return list(entries.values())

    def skip(self) -> None:
        """Go on behind what was peeked at, once it is stored."""
        self._start = self._peeked

    def left(self) -> int:
        """Bytes that were not taken: of a drained file, its torn end."""
        return self._end - self._start

    def remove(self) -> None:
        """Delete the file. Raises OSError."""
        self.path.unlink()
        self.close()

    def close(self) -> None:
        """Let go of the file, and leave it to whoever finds it."""
        os.close(self._descriptor)

    def _record(self, at: int) -> bytes:
        """The record at an offset; empty at the end, and where it is torn."""
        head = os.pread(self._descriptor, HEAD.size, at)
        if at >= self._end or len(head) < HEAD.size:
            return b""
        length, checksum = HEAD.unpack(head)
        if length > self._end - at - HEAD.size:
            return b""
        record = os.pread(self._descriptor, length, at + HEAD.size)
        return record if zlib.crc32(record) == checksum else b""


def record_of(entry: Entry) -> bytes:
    """An entry as it is written; who waits for it is not. Raises UnicodeEncodeError, OverflowError."""
    waiting, entry.done = entry.done, []
    try:
        text = (PAGE if isinstance(entry, PageEntry) else EVENT) + _encode(entry)
    finally:
        entry.done = waiting
    return HEAD.pack(len(text), zlib.crc32(text)) + text


def _decoded(record: bytes) -> Entry:
    return _page(record[1:]) if record[:1] == PAGE else _event(record[1:])


def _sync_folder(folder: Path) -> None:
    """Let a new file's name outlive a power cut as its contents do."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
