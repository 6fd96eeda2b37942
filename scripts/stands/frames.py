"""WebSocket frames as a client says and hears them, by hand: the generator shares its cores with the server.

Frames are masked with zeros: legal, the same work for the server, and none for us.
"""

import struct
from typing import Final, NamedTuple

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
NO_MASK = b"\0\0\0\0"
# One key for all: what it protects against (caches in the middle) is not on the loopback.
KEY, ACCEPTS = "dGhlIHNhbXBsZSBub25jZQ==", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole masked frame; payloads to 65,535 bytes."""
    if len(payload) < 126:
        return bytes((0x80 | opcode, 0x80 | len(payload))) + NO_MASK + payload
    return struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, len(payload)) + NO_MASK + payload


GOING_AWAY: Final = frame(CLOSE, struct.pack("!H", 1001))


def handshake(path: str, host: str, headers: dict[str, str]) -> bytes:
    """An upgrade request."""
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{more}\r\n"
    ).encode()


class ServerFrames(NamedTuple):
    """One frame from the server."""

    opcode: int
    payload: bytes


def answer(data: bytes) -> tuple[bool, bytes] | None:
    """Whether a handshake's answer accepts, and what follows it; None while it is not whole."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    return data.startswith(b"HTTP/1.1 101") and ACCEPTS in data[:end], data[end + 4 :]


def heard(data: bytes) -> tuple[list[ServerFrames], bytes]:
    """The whole, unfragmented frames in `data`, and the rest."""
    found: list[ServerFrames] = []
    at = 0
    while len(data) >= at + 2:
        size, start = data[at + 1] & 0x7F, at + 2
        if size == 126:
            size, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif size == 127:
            size, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        if len(data) < start + size:
            break
        found.append(ServerFrames(data[at] & 0xF, data[start : start + size]))
        at = start + size
    return found, data[at:]
