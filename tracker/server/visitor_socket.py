"""The visitor's socket of `manage.py edge`: the thin adapter with the short way.

Everything runs in the listener's callback: no task, timer or queue per page or per message, and no buffer but
the kernel's. What a page does not read in time is its end.
"""

import asyncio
import socket
import struct
import time
from http import HTTPStatus
from typing import Final, Protocol
from uuid import UUID

from tracker.contract import messages
from tracker.contract.close_codes import Declined
from tracker.contract.drops import Drop
from tracker.conversation.services import Outcome
from tracker.conversation.session import Session
from tracker.edge.edge import Edge
from tracker.server import frames, handshake, http_head
from tracker.server.frames import BINARY, CLOSE, CONTINUATION, FINAL, PING, PONG, TEXT, WHOLE_TEXT
from tracker.server.ping_wheel import PingWheel
from tracker.visitors.request import VisitorRequest

READ: Final = 16_384
# As plain numbers: combining the enum costs more than the rest of the call.
MSG_DONTWAIT: Final = int(socket.MSG_DONTWAIT)
MSG_MORE: Final = int(socket.MSG_MORE)
# Browsers do not part such short messages at all; whoever says them byte by byte is no page.
PIECES_LIMIT: Final = 64
# For SO_LINGER: closing drops what is under way, and says so to the other side; or lets it arrive first.
RESET: Final = struct.pack("ii", 1, 0)
ORDERLY: Final = struct.pack("ii", 0, 0)
GOODBYE: Final = frames.close(1000)
PINGING: Final = frames.frame(PING)


class Surroundings(Protocol):
    """What a socket needs of the listener that let it in (`tracker.server.listener.Listener`)."""

    edge: Edge
    pings: PingWheel

    def gone(self, descriptor: int) -> None:
        """The socket with this descriptor is about to be closed."""


class VisitorSocket:
    """One page's socket, from the connection's begin to its end."""

    __slots__ = (
        "_cut",
        "_deaf",
        "_hung_up",
        "_listener",
        "_peer",
        "_pieces",
        "_rest",
        "_said_close",
        "_session",
        "_shaken",
        "_socket",
        "heard",
        "place",
    )

    def __init__(self, listener: Surroundings, opened: socket.SocketType, peer: str | None) -> None:
        # Not before its handshake: the wheel cuts it after a turn without.
        self.heard = False
        self.place = 0
        self._listener = listener
        self._socket = opened
        self._peer = peer
        self._rest = b""  # of a frame that is not whole
        self._session: Session | None = None
        self._pieces: list[bytes] | None = None
        self._shaken = self._said_close = self._deaf = self._cut = self._hung_up = False
        listener.pings.add(self)

    def on_readable(self, hung_up: bool) -> None:
        """There is something to read, or nothing more will come; if it `hung_up`, nothing after this."""
        if self._cut:
            return
        self._hung_up = hung_up
        try:
            data = self._socket.recv(READ, MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._gone()
            return
        if self._deaf:
            return
        if self._rest:
            data, self._rest = self._rest + data, b""
        if self._shaken:
            self._read(data, 0)
        else:
            self._shake(data)

    def reply(self, message_id: UUID, outcome: Outcome) -> None:
        """Tell the page what became of a page view or an event that it sent."""
        text = self._session.answer(message_id, outcome, time.monotonic) if self._session else ""
        if text and not self._said_close:
            self._send(frames.frame(TEXT, text.encode()))

    def close(self, code: int) -> None:
        """Say the close; the other side answers, or is cut."""
        self._said_close = True
        self._send(frames.close(code))
        self._listener.pings.closing(self)

    def ping(self) -> None:
        """Ask the page for a sign of life."""
        if not self._said_close:
            self._send(PINGING)

    def cut(self) -> None:
        """End it without a word; soon, since a session may be in the middle of something."""
        if not self._cut:
            self._cut = True
            asyncio.get_running_loop().call_soon(self._gone)

    def _shake(self, data: bytes) -> None:
        end = data.find(http_head.END) + len(http_head.END)
        if end < len(http_head.END):
            self._rest = data
            if len(data) > http_head.LIMIT:
                self._turn_away(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        try:
            request = handshake.read(data[:end])
        except http_head.Unreadable as error:
            self._turn_away(error.status)
            return
        self._shaken = self.heard = True
        self._send(request.answer)
        self._open_session(VisitorRequest(request.key, self._peer, request.headers))
        if end < len(data):
            self._read(data, end)

    def _open_session(self, request: VisitorRequest) -> None:
        edge = self._listener.edge
        try:
            self._session = edge.open(edge.admit(request), self.reply, self.close)
        except Declined as refusal:
            # Only now, and not by refusing the handshake: a page learns the code of a close alone.
            edge.drop(refusal.reason)
            self.close(refusal.code)

    def _read(self, data: bytes, at: int) -> None:
        self.heard = True
        try:
            while at < len(data) and (frame := frames.take(data, at)):
                first, payload, at = frame
                if first == WHOLE_TEXT and self._pieces is None:
                    if self._session:
                        self._session.receive(_decoded(payload), time.monotonic())
                elif self._hear_rare(first, payload):
                    return
        except messages.Refused as refusal:
            self._refuse(refusal)
            return
        if at < len(data):
            self._rest = data[at:] if at else data

    def _hear_rare(self, first: int, payload: bytes) -> bool:
        """Any frame that is no whole text; whether it was the last. Raises messages.Refused."""
        kind = first & 0x0F
        if kind == CLOSE:
            if not self._hung_up and not self._said_close:
                # With what follows: both leave in one packet, and the page's side is woken once.
                self._send(GOODBYE, MSG_MORE)
            # A browser that leaves hangs up as well: a reset is then one packet instead of four, 3 µs less.
            self._gone(orderly=not self._hung_up)
            return True
        if kind == PING:
            self._send(frames.frame(PONG, payload))
        elif kind != PONG:
            self._hear_piece(first, kind, payload)
        return False

    def _hear_piece(self, first: int, kind: int, payload: bytes) -> None:
        if kind == BINARY or (kind != CONTINUATION) is (self._pieces is not None):
            raise messages.Refused
        pieces = self._pieces = [] if self._pieces is None else self._pieces
        pieces.append(payload)
        if len(pieces) > PIECES_LIMIT or sum(map(len, pieces)) > messages.FRAME_LIMIT:
            raise messages.Refused(Drop.TOO_BIG)
        if first & FINAL:
            self._pieces = None
            if self._session:
                self._session.receive(_decoded(b"".join(pieces)), time.monotonic())

    def _refuse(self, refusal: messages.Refused) -> None:
        """It broke the protocol: whatever else comes is read, so that it hears why, and thrown away."""
        self._deaf = True
        session = self._session
        if session and not session.closed:
            self._listener.edge.drop(refusal.reason)
            session.close(refusal.code, time.monotonic())

    def _turn_away(self, status: HTTPStatus) -> None:
        self._send(handshake.refused(status))
        self._gone()

    def _send(self, data: bytes, how: int = 0) -> None:
        if self._cut:
            return
        try:
            whole = self._socket.send(data, MSG_DONTWAIT | how) == len(data)
        except OSError:
            # It is gone, or reads nothing: this is no page.
            whole = False
        if not whole:
            self.cut()

    def _gone(self, orderly: bool = True) -> None:
        self._cut = True
        descriptor = self._socket.fileno()
        if descriptor < 0:
            return
        self._listener.gone(descriptor)
        if orderly:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ORDERLY)
        self._socket.close()
        self._listener.pings.remove(self)
        session, self._session = self._session, None
        if session:
            self._listener.edge.finished(session)


def _decoded(payload: bytes) -> str | bytes:
    """The payload as text; as bytes, which no page may send, where it is not UTF-8."""
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return payload
