"""WebSocket frames (RFC 6455) as far as pages say and hear them: short, unextended. Pure."""

from codecs import getincrementaldecoder
from typing import Final

from tracker.contract import messages
from tracker.contract.drops import Drop
from tracker.contract.socket_bounds import READ_LIMIT

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FINAL: Final = 0x80
CONTROL: Final = 0x08
MASKED: Final = 0x80
CONTROL_LIMIT: Final = 125
WHOLE_TEXT: Final = FINAL | TEXT
# What a frame may begin with: no reserved bits, and whole where it controls.
FIRST: Final = frozenset(
    (CONTINUATION, TEXT, BINARY, *(FINAL | kind for kind in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG)))
)
# Answers to a close: well, a wrong code or none where there must be one, a reason that is no text.
NORMAL, PROTOCOL_ERROR, NO_TEXT = 1000, 1002, 1007
# What a close may say (RFC 6455, 7.4, and IANA's registry): 1004 to 1006 and 1015 are never on the wire.
SAID_CODES: Final = frozenset((*range(1000, 1004), *range(1007, 1015)))
OWN_CODES: Final = range(3000, 5000)
Utf8Decoder = getincrementaldecoder("utf-8")


class NoText(messages.Refused):
    """Bytes that are no UTF-8, where a text must be."""


class WrongClose(messages.Refused):
    """A close that is no frame; whoever says it is leaving."""


def take(data: bytes, at: int) -> tuple[int, bytes, int] | None:
    """The frame at an offset: first byte (FINAL and kind), payload, where the next one begins.

    None while it is not whole. Raises messages.Refused, for what is too big before it is there.
    """
    there = len(data) - at
    if there < 2:
        return None
    first, size = data[at], data[at + 1] - MASKED
    if first not in FIRST or size < 0:
        raise _wrong(first)
    start = at + 6
    if size > CONTROL_LIMIT:
        if first & CONTROL:
            raise _wrong(first)
        if size == CONTROL_LIMIT + 2:
            raise messages.Refused(Drop.TOO_BIG)
        if there < 4:
            return None
        size, start = data[at + 2] << 8 | data[at + 3], at + 8
        if size > READ_LIMIT:
            raise messages.Refused(Drop.TOO_BIG)
        if size <= CONTROL_LIMIT:
            # A length has one spelling, the shortest.
            raise messages.Refused
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


def _wrong(first: int) -> messages.Refused:
    return WrongClose() if first & 0x0F == CLOSE else messages.Refused()


def check_begun(rest: bytes, kind: int = TEXT, before: bytes = b"") -> None:
    """Raise NoText where a text, of whose frame `rest` is there, can be none any more (8.1).

    `kind`: that of a frame that goes on with it; `before`: the end of what came before, not yet a character.
    """
    start = 6 if len(rest) > 1 and rest[1] - MASKED <= CONTROL_LIMIT else 8
    if len(rest) > start and rest[0] & 0x0F == kind:
        try:
            Utf8Decoder().decode(before + unmasked(rest[start:], rest[start - 4 : start]))
        except UnicodeDecodeError:
            raise NoText from None


def text(payload: bytes) -> str:
    """The payload of a whole text. Raises NoText."""
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise NoText from None


def answer_to_close(payload: bytes) -> int:
    """The code with which a close frame of this payload is answered."""
    if not payload:
        return NORMAL
    code = int.from_bytes(payload[:2], "big")
    if len(payload) < 2 or (code not in SAID_CODES and code not in OWN_CODES):
        return PROTOCOL_ERROR
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        return NO_TEXT
    return NORMAL


def frame(kind: int, payload: bytes = b"") -> bytes:
    """A whole frame to a page; at most 125 bytes."""
    return bytes((FINAL | kind, len(payload))) + payload


def close(code: int) -> bytes:
    """The frame that closes."""
    return frame(CLOSE, code.to_bytes(2, "big"))
