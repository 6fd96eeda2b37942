"""Daphne's WebSocket, which is Autobahn's, with the bounds of an edge: frames that say nothing count, too.

Autobahn takes 26 µs for each frame of no bytes, so that whoever sends them as fast as he can has a process to
himself; and it drops whoever breaks the protocol without a word, so that a broken page comes back for ever.
"""

import time
from http import HTTPStatus
from typing import Any, Final

from autobahn.websocket.types import ConnectionDeny
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import reactor

from tracker.contract.close_codes import BROKE_PROTOCOL, TOO_BIG, TOO_FAST
from tracker.contract.drops import Drop
from tracker.contract.pace import Allowance, Pace
from tracker.contract.socket_bounds import FEW_READS, READ_LIMIT, SHORT_READ, WHOLE_SECONDS
from tracker.server import frames
from tracker.web.nowhere import DENIAL

# RFC 6455's "message too big", as Autobahn says it.
RFC_TOO_BIG: Final = 1009
# What the application is told of a frame that is no message, beyond ASGI: its address pays for that, too.
WORDLESS: Final = {"type": "websocket.wordless"}


class BoundedProtocol(WebSocketProtocol):  # type: ignore[misc]  # daphne has no types
    """One socket of a page or a board. Its `repr`, which daphne logs, tells nobody's address."""

    data: bytes
    muted: bool
    maxMessagePayloadSize: int  # noqa: N815 (Autobahn's name)

    def __init__(self, pace: Pace, whole_seconds: float = WHOLE_SECONDS) -> None:
        """`whole_seconds`: what a frame or message may take from its first byte to its last."""
        super().__init__()
        self._whole_seconds = whole_seconds
        self._allowance = Allowance.of(pace)
        self._asked = False  # whether the application was asked to accept it
        self._asked_for = False  # whether the pong that is being read answers a ping of ours
        self._deaf = False
        self._frames = self._ends = 0  # frames begun; messages and control frames that ended
        self._begun_at = 0.0  # when what is not whole yet began; 0 where nothing is
        self._timer: Any = None

    def __repr__(self) -> str:
        return f"<WebSocket {id(self):x}>"

    def connectionLost(self, *why: Any) -> None:  # noqa: N802 (Twisted's name)
        """What Autobahn answers to whoever waits for the end is the socket, which would so hold itself."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        super().connectionLost(*why)
        self.is_closed = None

    def onConnect(self, request: Any) -> Any:  # noqa: N802 (Autobahn's name)
        """The head is whole; what comes until the application accepts must be frames."""
        self._asked = True
        return super().onConnect(request)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        """Take what came, and count it."""
        if self._deaf:
            return
        if self._asked and self.state == self.STATE_CONNECTING:
            self._keep_for_later(data)
            return
        ends, begun = self._ends, self._frames
        super().dataReceived(data)
        if self._asked and not self._deaf and self.state in (self.STATE_OPEN, self.STATE_CLOSING):
            self._watch_rest(short=len(data) < SHORT_READ and begun == self._frames, ended=ends != self._ends)

    def onFrameBegin(self) -> None:  # noqa: N802 (Autobahn's name)
        """Count each frame, whatever it is: a page's message as well, before it costs more."""
        self._frames += 1
        super().onFrameBegin()
        self._count()
        frame = self.current_frame
        if frame.opcode == frames.CONTINUATION or (frame.opcode < frames.CLOSE and not frame.fin):
            self._tell_wordless()

    def onFrameEnd(self) -> bool | None:  # noqa: N802 (Autobahn's name)
        """Notice what has become whole."""
        going_on: bool | None = super().onFrameEnd()
        if not self.inside_message:
            self._ends += 1
        return going_on

    def onPing(self, payload: bytes) -> None:  # noqa: N802 (Autobahn's name)
        """Answer, and tell."""
        super().onPing(payload)
        self._tell_wordless()

    def onPong(self, payload: bytes) -> None:  # noqa: N802 (Autobahn's name)
        """Tell of one that nobody asked for."""
        if not self._asked_for:
            self._tell_wordless()
        self._asked_for = False

    def onAutoPong(self, *of_ping: Any) -> None:  # noqa: N802 (Autobahn's name)
        """The answer to a ping of ours costs the page nothing."""
        self._allowance.give_back()
        self._asked_for = True

    def onCloseFrame(self, code: int | None, reasonRaw: bytes | None) -> bool | None:  # noqa: N802, N803
        """Answer a close that says what none may say with that, where Autobahn drops it."""
        said = b"" if code is None else code.to_bytes(2, "big") + (reasonRaw or b"")
        answer = frames.answer_to_close(said)
        if answer != frames.NORMAL:
            self._part(answer)
            return True
        # Autobahn knows fewer codes than IANA.
        return bool(super().onCloseFrame(frames.NORMAL if code is not None else None, reasonRaw))

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Take ASGI's denial by HTTP as well, which daphne does not know; its own refusal is 403."""
        if message["type"] == f"{DENIAL}.start":
            self._deny(HTTPStatus(message["status"]))
        else:
            super().handle_reply(message)

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802 (daphne's name)
        """Autobahn lets no application say the standard's own codes; 1011 says that something failed here."""
        self.sendCloseFrame(frames.NORMAL if code is None else code)

    def sendMessage(self, *said: Any, **how: Any) -> None:  # noqa: N802 (Autobahn's name)
        """Autobahn holds what leaves to the limit of what comes, and a snapshot may be larger than that.

        To a socket that is closing nothing is said: ASGI knows no error for that, and Autobahn raises one.
        """
        if self.state != self.STATE_OPEN:
            return
        limit = self.maxMessagePayloadSize
        self.maxMessagePayloadSize = 0
        try:
            super().sendMessage(*said, **how)
        finally:
            self.maxMessagePayloadSize = limit

    def _fail_connection(self, code: int = 0, reason: str = "") -> None:
        """Autobahn's way out of all that breaks the protocol: with a code that a page understands."""
        self.failedByMe = True
        if self.current_frame is None and self.data[:1] and self.data[0] & 0x0F == frames.CLOSE:
            self._part(code)
        elif code == RFC_TOO_BIG:
            self._part(TOO_BIG, Drop.TOO_BIG)
        else:
            self._part(BROKE_PROTOCOL, Drop.MALFORMED)

    def _deny(self, status: HTTPStatus) -> None:
        """Answer in place of a handshake: a status, no body, and the end."""
        self.handshake_deferred.errback(ConnectionDeny(status.value, status.phrase))
        del self.handshake_deferred
        self.server.protocol_disconnected(self)

    def _keep_for_later(self, data: bytes) -> None:
        # Not for Autobahn yet, which would look for another head in it.
        self.data += data
        self._frames += 1
        if self._frames > FEW_READS or len(self.data) > READ_LIMIT:
            self._deaf = True
            self.transport.abortConnection()

    def _count(self) -> None:
        if not self._allowance.take(time.monotonic()):
            self._part(TOO_FAST, Drop.TOO_FAST)

    def _tell_wordless(self) -> None:
        if not self.muted and self.state == self.STATE_OPEN:
            self.application_queue.put_nowait(WORDLESS)

    def _watch_rest(self, short: bool, ended: bool) -> None:
        """What is not whole after this read must be soon. A `short` one that began no frame counts as one."""
        rest = self.data or self.current_frame is not None
        if rest and short:
            self._count()
            self._tell_wordless()
        if self._deaf or not (rest or self.inside_message):
            self._begun_at = 0.0
        elif ended or not self._begun_at:
            self._begun_at = time.monotonic()
            if self._timer is None:
                self._timer = reactor.callLater(self._whole_seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        if not self._begun_at:
            return
        left = self._begun_at + self._whole_seconds - time.monotonic()
        if left > 0:
            self._timer = reactor.callLater(left, self._look)
        else:
            self.dropConnection(abort=True)

    def _part(self, code: int, reason: Drop | None = None) -> None:
        """Say why it ends, count it under `reason`, and read nothing more: what still comes is held back."""
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code)
            if not self.muted:
                self.application_queue.put_nowait(
                    {"type": "websocket.disconnect", "code": code, "refused": reason}
                )
                # Daphne, too, would tell the application of the end.
                self.muted = True
        self._deaf, self.data = True, b""
        self._begun_at = 0.0
        self.transport.pauseProducing()
