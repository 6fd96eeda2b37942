"""How an entry stands in a file of the spool: its length, its checksum, a mark, and itself as MessagePack.

The mark is eight random bytes that stand in the file's name, too. Nothing that a visitor says can look like
it, so that behind damaged bytes the next whole record is found for sure. It stands within the entry, as a
field that readers of the first release pass over: old and new processes read each other's files. Their own
have no mark; there a next record is whatever has a checksum that holds and makes an entry.
"""

import re
import struct
import zlib
from collections.abc import Iterator

import msgspec

from tracker.storing.entries import Entry, EventEntry, PageEntry

HEAD = struct.Struct(">II")  # length and CRC-32 of the body
MARK_BYTES = 8
# What begins a body: which kind it is, and how many fields follow.
PAGE, EVENT = b"p", b"e"
FRONT = 2
# An entry takes a few hundred bytes; what a page may say bounds it by some 50 KB.
LONGEST_BODY = 1 << 20
_FIXED_MAP, _MOST_FIELDS = 0x80, 15
_LENGTH = struct.Struct(">I")
# A field named `mark` of 12 bytes: the mark, and the length once more, so that a damaged length is known.
_FIELD = b"\xa4mark\xc4" + bytes((MARK_BYTES + _LENGTH.size,))
_UNMARKED = re.compile(rb"(?=\0[\0-\x0f].{6}[pe])", re.DOTALL)

_encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode
_page = msgspec.msgpack.Decoder(PageEntry).decode
_event = msgspec.msgpack.Decoder(EventEntry).decode


def record_of(entry: Entry, mark: bytes = b"") -> bytes:
    """An entry as it is written; who waits for it is not.

    Raises ValueError (UnicodeEncodeError among them), OverflowError or msgspec.MsgspecError for what cannot
    be written down.
    """
    waiting, entry.done = entry.done, []
    try:
        fields = _encode(entry)
    finally:
        entry.done = waiting
    kind = PAGE if isinstance(entry, PageEntry) else EVENT
    body = kind + (_marked(fields, mark) if mark else fields)
    return HEAD.pack(len(body), zlib.crc32(body)) + body


def entry_of(body: bytes) -> Entry:
    """The entry of a whole record. Raises msgspec.MsgspecError where it makes no sense."""
    return _page(body[1:]) if body[:1] == PAGE else _event(body[1:])


class RecordFormat:
    """How records of one file are told from damage; `mark` is empty for files of the first release."""

    def __init__(self, mark: bytes) -> None:
        self._sign = _FIELD + mark if mark else b""
        # What it takes to see that a record begins.
        self.beginning = HEAD.size + FRONT + len(self._sign) + (_LENGTH.size if mark else 0)

    def length(self, beginning: bytes) -> int | None:
        """The length of the body of the record that begins so; None where none does."""
        if len(beginning) < self.beginning:
            return None
        if not _plausible(beginning) or beginning[HEAD.size : HEAD.size + 1] not in (PAGE, EVENT):
            return None
        length = int.from_bytes(beginning[: _LENGTH.size])
        if self._sign:
            (said,) = _LENGTH.unpack_from(beginning, self.beginning - _LENGTH.size)
            signed = beginning.startswith(self._sign, HEAD.size + FRONT)
            return length if signed and said == length else None
        return length

    def begins(self, window: bytes) -> Iterator[int]:
        """Where in these bytes records may begin, in their order."""
        if not self._sign:
            yield from (found.start() for found in _UNMARKED.finditer(window))
            return
        before = HEAD.size + FRONT
        at = window.find(self._sign)
        while at >= 0:
            if at >= before:
                yield at - before
            at = window.find(self._sign, at + 1)

    def torn(self, beginning: bytes, left: int) -> bool:
        """Whether `left` bytes that begin so are a record whose end was never written."""
        if left < self.beginning:
            front, sign = beginning[HEAD.size : HEAD.size + 1], beginning[HEAD.size + FRONT :]
            return (
                (left < _LENGTH.size or _plausible(beginning))
                and front in (b"", PAGE, EVENT)
                and self._sign.startswith(sign[: len(self._sign)])
            )
        length = self.length(beginning)
        return length is not None and length > left - HEAD.size


def whole(head: bytes, body: bytes) -> bool:
    """Whether a body is the one that its head tells of."""
    return head == HEAD.pack(len(body), zlib.crc32(body))


def _plausible(beginning: bytes) -> bool:
    return FRONT <= int.from_bytes(beginning[: _LENGTH.size]) <= LONGEST_BODY


def _marked(fields: bytes, mark: bytes) -> bytes:
    """A map with one field more, at its front: the mark, and how long the whole body will be."""
    count = fields[0] - _FIXED_MAP
    if not 0 <= count < _MOST_FIELDS:
        raise TypeError("an entry of so many fields needs another way to be marked")
    length = 1 + len(fields) + len(_FIELD) + MARK_BYTES + _LENGTH.size
    return bytes((fields[0] + 1,)) + _FIELD + mark + _LENGTH.pack(length) + fields[1:]
