"""What a client says in one case, and what it must be answered."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MASK = b"\x37\xfa\x21\x3d"  # of RFC 6455's own examples
FINAL, MASKED = 0x80, 0x80


class Expected(NamedTuple):
    """A frame that must come: its kind and payload. Of a close the payload is its code."""

    kind: int
    payload: bytes


@dataclass(frozen=True)
class Case:
    """One case: parts that are said one after the other, each of them read by itself."""

    number: str  # Autobahn's, as in "5.12"
    title: str
    said: tuple[bytes, ...]
    answers: tuple[Expected, ...]
    # The part with which the last answer must be there: what is wrong is refused as soon as it can be.
    by: int

    @property
    def section(self) -> int:
        return int(self.number.partition(".")[0])

    @property
    def echoes(self) -> bool:
        """Whether only a server that echoes can be held to it."""
        return any(answer.kind in (TEXT, BINARY) for answer in self.answers)


def frame(kind: int, payload: bytes = b"", final: bool = True, reserved: int = 0) -> bytes:
    """A client's frame, masked, with its length in the fewest bytes."""
    first, size = final << 7 | reserved << 4 | kind, len(payload)
    if size < 126:
        head = bytes((first, MASKED | size))
    elif size < 65_536:
        head = bytes((first, MASKED | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, MASKED | 127)) + size.to_bytes(8, "big")
    return head + MASK + bytes(byte ^ MASK[place % 4] for place, byte in enumerate(payload))


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    """A client's close."""
    return frame(CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason)


def closed(code: int) -> Expected:
    return Expected(CLOSE, code.to_bytes(2, "big"))


def octets(*said: bytes) -> tuple[bytes, ...]:
    """Each byte a part of its own."""
    return tuple(bytes((byte,)) for byte in b"".join(said))


def pieces(kind: int, payload: bytes, size: int) -> Iterator[bytes]:
    """A message in frames of so many bytes."""
    for at in range(0, max(1, len(payload)), size):
        yield frame(CONTINUATION if at else kind, payload[at : at + size], at + size >= len(payload))
