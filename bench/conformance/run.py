"""Holds a server's end against the table: in memory where it echoes, over a socket where it does not."""

import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from bench.conformance.case import CLOSE, Case, Expected
from bench.conformance.echo import EchoEnd
from scripts.stands import frames

PATIENCE_SECONDS, SILENCE_SECONDS, APART_SECONDS = 5.0, 0.02, 0.001
PARTS_LIMIT = 40
# As a page's own servers say it (docs/protocol.md), but in answer to a close.
PRIVATE = {1002: 4400, 1007: 4400, 1009: 4413}


def failure(case: Case) -> str:
    """How the framing of an edge fails a case, when it echoes; nothing where it does not."""
    end, heard = EchoEnd(), b""
    for place, part in enumerate(case.said):
        heard += end.hear(part)
        if place == case.by and (wrong := _difference(case.answers, frames.heard(heard)[0])):
            return f"after part {place + 1}: {wrong}"
    return _difference(case.answers, frames.heard(heard)[0])


def failure_over(case: Case, dial: Callable[[], socket.socket]) -> str:
    """How a real server fails a case that asks for no echo; `dial` gives a connection after its handshake."""
    expected = tuple(_as_said_to_pages(answer, case) for answer in case.answers)
    with dial() as opened:
        heard, ended = b"", False
        with suppress(ConnectionError):
            for part in _fewer(case.said):
                opened.sendall(part)
                # So that the other side, too, sees it in parts.
                more, ended = _read(opened, APART_SECONDS)
                heard += more
        until = time.monotonic() + (PATIENCE_SECONDS if expected else SILENCE_SECONDS)
        while not ended and time.monotonic() < until and len(frames.heard(heard)[0]) <= len(expected):
            more, ended = _read(opened, SILENCE_SECONDS)
            heard += more
            if expected and not more and not _difference(expected, frames.heard(heard)[0]):
                break
    return _difference(expected, frames.heard(heard)[0])


def _read(opened: socket.socket, seconds: float) -> tuple[bytes, bool]:
    """What comes within this time, and whether it was the end."""
    if not select.select([opened], [], [], seconds)[0]:
        return b"", False
    try:
        data = opened.recv(65536)
    except ConnectionError:
        data = b""
    return data, not data


def _fewer(parts: tuple[bytes, ...]) -> list[bytes]:
    """The same in few parts: to a real server a short read costs what a frame costs, and a page has few."""
    size = -(-len(parts) // PARTS_LIMIT)
    return [b"".join(parts[at : at + size]) for at in range(0, len(parts), size)]


def _as_said_to_pages(answer: Expected, case: Case) -> Expected:
    # A close that is wrong is answered with the standard's own codes.
    if answer.kind != CLOSE or case.said[0][0] & 0x0F == CLOSE:
        return answer
    code = int.from_bytes(answer.payload, "big")
    return Expected(CLOSE, PRIVATE.get(code, code).to_bytes(2, "big"))


def _difference(expected: tuple[Expected, ...], heard: list[frames.ServerFrames]) -> str:
    found = tuple(Expected(each.opcode, each.payload) for each in heard)
    return "" if found == expected else f"{_short(found)} instead of {_short(expected)}"


def _short(answers: tuple[Expected, ...]) -> str:
    return ", ".join(f"{kind}:{payload[:16]!r}" for kind, payload in answers) or "nothing"
