"""WebSocket frames (RFC 6455) as far as pages say and hear them: short, unextended. Pure."""

from typing import Final

from tracker.contract import messages
from tracker.contract.drops import Drop

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FINAL: Final = 0x80
CONTROL: Final = 0x08
MASKED: Final = 0x80
CONTROL_LIMIT: Final = 125
# A page says at most 8,192 bytes; up to twice that is still read, so that it can answer to 4413.
READ_LIMIT: Final = 16_384
WHOLE_TEXT: Final = FINAL | TEXT
# What a frame may begin with: no reserved bits, and whole where it controls.
FIRST: Final = frozenset(
    (CONTINUATION, TEXT, BINARY, *(FINAL | kind for kind in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG)))
)


def take(data: bytes, at: int) -> tuple[int, bytes, int] | None:
    """The frame at an offset: first byte (FINAL and kind), payload, where the next one begins.

    None while it is not whole. Raises messages.Refused, for what is too big before it is there.
    """
    there = len(data) - at
    if there < 2:
        return None
    first, size = data[at], data[at + 1] - MASKED
    if first not in FIRST or size < 0:
        raise messages.Refused
    start = at + 6
    if size > CONTROL_LIMIT:
        if first & CONTROL:
            raise messages.Refused
        if size == CONTROL_LIMIT + 2:
            raise messages.Refused(Drop.TOO_BIG)
        if there < 4:
            return None
        size, start = data[at + 2] << 8 | data[at + 3], at + 8
        if size > READ_LIMIT:
            raise messages.Refused(Drop.TOO_BIG)
    end = start + size
    if len(data) < end:
        return None
    return first, unmasked(data[start:end], data[start - 4 : start]), end


def unmasked(payload: bytes, mask: bytes) -> bytes:
    """What a page said, without its mask of 4 bytes."""
    size = len(payload)
    # As one large number: 1 µs for a page's message, where byte by byte takes 20.
    over = int.from_bytes((mask * (size // 4 + 1))[:size], "little")
    return (int.from_bytes(payload, "little") ^ over).to_bytes(size, "little")


def frame(kind: int, payload: bytes = b"") -> bytes:
    """A whole frame to a page; at most 125 bytes."""
    return bytes((FINAL | kind, len(payload))) + payload


def close(code: int) -> bytes:
    """The frame that closes."""
    return frame(CLOSE, code.to_bytes(2, "big"))
