"""Writes a backup: a tar that appears under its name only when it is whole and on the disk."""

import fcntl
import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from analytics.backups.archive import SUMS

BLOCK = tarfile.BLOCKSIZE
HALF_PREFIX, HALF_SUFFIX = ".footfall-backup-", ".part"


class MemberFile(io.RawIOBase):
    """What is written to one member: counted, and its SHA-256 kept."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self.length = 0
        self.digest = hashlib.sha256()
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Write all of it. Raises OSError."""
        part = bytes(data)
        self._file.write(part)
        self.digest.update(part)
        self.length += len(part)
        return len(part)


class ArchiveWriter:
    """A tar under a temporary name beside its own, closed to others; `finish` or `drop` ends it."""

    def __init__(self, path: Path) -> None:
        """Raises OSError where the folder takes nothing."""
        self._path = path
        descriptor, self._half = _held_half(path.parent)
        self._file = os.fdopen(descriptor, "w+b", buffering=1 << 20)
        self._sums: list[str] = []

    @contextmanager
    def member(self, name: str, written_at: float) -> Iterator[MemberFile]:
        """One member, whose length need not be known before; `written_at` in seconds since the epoch."""
        head = self._file.tell()
        self._file.write(bytes(BLOCK))
        file = MemberFile(self._file)
        yield file
        self._file.write(bytes(-file.length % BLOCK))
        end = self._file.tell()
        self._file.seek(head)
        self._file.write(_head(name, file.length, written_at))
        self._file.seek(end)
        self._sums.append(f"{file.digest.hexdigest()}  {name}\n")

    def add(self, name: str, written_at: float, data: bytes) -> None:
        """A small member."""
        with self.member(name, written_at) as file:
            file.write(data)

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._file.tell()

    def finish(self, written_at: float) -> None:
        """Add the checksums, and let the file appear; then it outlives a power cut. Raises OSError."""
        self.add(SUMS, written_at, "".join(self._sums).encode())
        self._file.write(bytes(2 * BLOCK))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self._half, self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def drop(self) -> None:
        """Leave nothing of it, unless it is finished."""
        # A buffer that a full disk does not take is tried again on closing.
        with suppress(OSError):
            self._file.close()
        self._half.unlink(missing_ok=True)


def clear_halves(folder: Path) -> list[Path]:
    """Remove what killed backups left in a folder, and nothing of one that goes on; what that was."""
    gone = []
    for path in sorted(folder.glob(f"{HALF_PREFIX}*{HALF_SUFFIX}")):
        # Another's, a link, or on a disk that knows no locks: left alone.
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                gone.append(path)
            finally:
                os.close(descriptor)
    return gone


def _held_half(folder: Path) -> tuple[int, Path]:
    """A new file that is locked for as long as this process lives. Raises OSError."""
    while True:
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=HALF_PREFIX, suffix=HALF_SUFFIX)
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        half = Path(name)
        if half.exists():
            return descriptor, half
        # Another backup cleared the folder before this one was locked.
        os.close(descriptor)


def _head(name: str, length: int, written_at: float) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = length, 0o600, int(written_at)
    return info.tobuf(tarfile.GNU_FORMAT)
