"""What is said and heard over sockets by hand: half frames, frames without end, wrong closes."""

import select
import socket
import struct
import time

from scripts.stands import frames


def frame(first: int, payload: bytes = b"") -> bytes:
    """A frame with this first byte (final, reserved bits, kind), masked with zeros."""
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else struct.pack("!BH", 0xFE, len(payload))
    return bytes([first]) + length + bytes(4) + payload


def heard_until_end(opened: socket.socket, seconds: float) -> tuple[list[frames.ServerFrames], bool]:
    """The frames that come, until the connection ends or the time is over; whether it ended."""
    data, until = b"", time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if not select.select([opened], [], [], left)[0]:
            break
        try:
            more = opened.recv(65536)
        except ConnectionError:
            more = b""
        if not more:
            return frames.heard(data)[0], True
        data += more
    return frames.heard(data)[0], False


def closes(heard: list[frames.ServerFrames]) -> list[int]:
    """The codes of the closes among these frames."""
    return [int.from_bytes(each.payload[:2], "big") for each in heard if each.opcode == frames.CLOSE]


def close_heard(opened: socket.socket) -> int | None:
    """The code of the close that comes; None when the connection ends without."""
    heard, ended = heard_until_end(opened, 0.0)
    while not closes(heard) and not ended:
        more, ended = heard_until_end(opened, 0.1)
        heard += more
    return next(iter(closes(heard)), None)


def pour(opened: socket.socket, data: bytes, seconds: float) -> tuple[list[frames.ServerFrames], bool]:
    """Say this again and again, as fast as it is taken; what comes meanwhile, and whether it ended."""
    heard, until = b"", time.monotonic() + seconds
    opened.setblocking(False)
    while (left := until - time.monotonic()) > 0:
        readable, writable, _ = select.select([opened], [opened], [], left)
        try:
            if readable:
                more = opened.recv(65536)
                if not more:
                    return frames.heard(heard)[0], True
                heard += more
            if writable:
                opened.send(data)
        except BlockingIOError:
            continue
        except ConnectionError:
            return frames.heard(heard)[0], True
    return frames.heard(heard)[0], False
