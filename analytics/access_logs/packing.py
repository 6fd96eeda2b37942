"""Logs that are packed, by how they begin: gzip and zstd, each as a file that can be read and sought in."""

import gzip
import io
import sys
import zlib
from typing import Final, cast

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    # The standard library's own of 3.14, for the versions before it.
    from backports import zstd

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
# What they raise where a file is damaged, or ends too early.
DAMAGE: Final = (EOFError, gzip.BadGzipFile, zlib.error, zstd.ZstdError)


def unpacked(raw: io.BufferedReader) -> io.BufferedReader | None:
    """The text of a packed file, to be closed by itself; None for one that is not packed."""
    begin = raw.peek(4)[:4]
    if begin == ZSTD:
        return cast(io.BufferedReader, zstd.ZstdFile(raw))
    if begin[:2] == GZIP:
        return cast(io.BufferedReader, gzip.GzipFile(fileobj=raw))
    return None
