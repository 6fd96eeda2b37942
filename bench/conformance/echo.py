"""A server that echoes, on the framing of an edge: the edge's own says nothing that could be compared."""

from bench.conformance.case import BINARY, CLOSE, FINAL, PING, PONG, TEXT
from tracker.contract.drops import Drop
from tracker.contract.messages import Refused
from tracker.server import frames
from tracker.server.frames import NoText
from tracker.server.pieces import Pieces

TOO_BIG = 1009


class EchoEnd:
    """The server's end of one connection, without the connection."""

    def __init__(self) -> None:
        self.closed = False
        self._rest = b""
        self._pieces: Pieces | None = None
        self._out = b""

    def hear(self, data: bytes) -> bytes:
        """Read what came; what is said to that."""
        self._out, data, at = b"", self._rest + data, 0
        try:
            while not self.closed and (found := frames.take(data, at)):
                first, payload, at = found
                self._answer(first, payload)
            self._rest = data[at:]
            if not self.closed and self._pieces:
                self._pieces.check_begun(self._rest)
            elif not self.closed:
                frames.check_begun(self._rest)
        except Refused as refusal:
            code = frames.NO_TEXT if isinstance(refusal, NoText) else frames.PROTOCOL_ERROR
            self._close(TOO_BIG if refusal.reason is Drop.TOO_BIG else code)
        return self._out

    def _answer(self, first: int, payload: bytes) -> None:
        kind = first & 0x0F
        if kind == CLOSE:
            self._close(frames.answer_to_close(payload))
        elif kind == PING:
            self._say(PONG, payload)
        elif first == FINAL | BINARY and self._pieces is None:
            self._say(BINARY, payload)
        elif kind != PONG:
            self._hear_text(first, payload)

    def _hear_text(self, first: int, payload: bytes) -> None:
        if first == FINAL | TEXT and self._pieces is None:
            self._say(TEXT, frames.text(payload).encode())
            return
        pieces = self._pieces or Pieces()
        whole = pieces.add(first, payload)
        self._pieces = pieces if whole is None else None
        if whole is not None:
            self._say(TEXT, whole.encode())

    def _close(self, code: int) -> None:
        self._say(CLOSE, code.to_bytes(2, "big"))
        self.closed = True

    def _say(self, kind: int, payload: bytes) -> None:
        size = len(payload)
        length = bytes((size,)) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
        self._out += bytes((FINAL | kind,)) + length + payload
