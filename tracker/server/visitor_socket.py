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
from tracker.contract.socket_bounds import FEW_READS, SHORT_READ
from tracker.conversation.services import Outcome
from tracker.conversation.session import Session
from tracker.edge.edge import Edge
from tracker.server import frames, handshake, http_head
from tracker.server.frames import CLOSE, FINAL, PING, PONG, TEXT, WHOLE_TEXT
from tracker.server.pieces import Pieces
from tracker.server.ping_wheel import PingWheel
from tracker.visitors.request import VisitorRequest

READ: Final = 16_384
# As plain numbers: combining the enum costs more than the rest of the call.
MSG_DONTWAIT: Final = int(socket.MSG_DONTWAIT)
MSG_MORE: Final = int(socket.MSG_MORE)
# For SO_LINGER: closing drops what is under way, and says so to the other side; or lets it arrive first.
RESET: Final = struct.pack("ii", 1, 0)
ORDERLY: Final = struct.pack("ii", 0, 0)
PINGING: Final = frames.frame(PING)


class Surroundings(Protocol):
    """What a socket needs of the listener that let it in (`tracker.server.listener.Listener`)."""

    edge: Edge
    pings: PingWheel

    def gone(self, descriptor: int) -> None:
        """The socket with this descriptor is about to be closed."""

    def ignore(self, descriptor: int) -> None:
        """Read nothing more of the socket with this descriptor."""


class VisitorSocket:
    """One page's socket, from the connection's begin to its end."""

    __slots__ = (
        "_cut",
        "_deaf",
        "_hung_up",
        "_listener",
        "_peer",
        "_pieces",
        "_pinged",
        "_reads_left",
        "_rest",
        "_said_close",
        "_session",
        "_shaken",
        "_socket",
        "begun_at",
        "heard",
        "place",
    )

    def __init__(self, listener: Surroundings, opened: socket.SocketType, peer: str | None) -> None:
        # Not before its handshake: the wheel cuts it after a turn without.
        self.heard = False
        self.place = 0
        self.begun_at = 0.0
        self._listener = listener
        self._socket = opened
        self._peer = peer
        self._rest = b""  # of a frame that is not whole
        self._session: Session | None = None
        self._pieces: Pieces | None = None
        self._reads_left = FEW_READS  # of its head; then of what it says after our close
        self._shaken = self._said_close = self._deaf = self._cut = self._hung_up = self._pinged = False
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
        known = len(self._rest)
        if known:
            data, self._rest = self._rest + data, b""
        if self._said_close:
            self._await_goodbye(data)
        elif self._shaken:
            self._read(data, 0, known)
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
        self._reads_left = FEW_READS
        self._send(frames.close(code))
        self._listener.pings.closing(self)

    def ping(self) -> None:
        """Ask the page for a sign of life."""
        if not self._said_close:
            self._pinged = True
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
            self._reads_left -= 1
            if len(data) > http_head.LIMIT or self._reads_left < 0:
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
            self._read(data, end, 0)

    def _open_session(self, request: VisitorRequest) -> None:
        edge = self._listener.edge
        try:
            self._session = edge.open(edge.admit(request), self.reply, self.close)
        except Declined as refusal:
            # Only now, and not by refusing the handshake: a page learns the code of a close alone.
            edge.drop(refusal.reason)
            self.close(refusal.code)

    def _read(self, data: bytes, at: int, known: int) -> None:
        """What the page says; of `data` so many bytes are `known`, of a frame that was not whole."""
        self.heard = True
        ended = False
        try:
            while at < len(data) and not self._said_close and (frame := frames.take(data, at)):
                first, payload, at = frame
                if first == WHOLE_TEXT and self._pieces is None:
                    ended = True
                    if self._session:
                        self._session.receive(frames.text(payload), time.monotonic())
                elif self._hear_rare(first, payload):
                    return
                else:
                    ended = ended or self._pieces is None
            if at < len(data) or self._pieces is not None:
                self._keep(data[at:] if at else data, known, ended)
            elif self.begun_at:
                self.begun_at = 0.0
        except frames.WrongClose:
            self._say_goodbye(frames.PROTOCOL_ERROR)
        except messages.Refused as refusal:
            self._refuse(refusal)

    def _keep(self, rest: bytes, known: int, ended: bool) -> None:
        """Wait for what is not whole: for so long from where it began. Raises messages.Refused."""
        if self._said_close:
            self._await_goodbye(rest)
            return
        self._rest = rest
        if ended or not self.begun_at:
            self.begun_at = time.monotonic()
            self._listener.pings.unfinished(self)
        if rest and known <= len(rest) < known + SHORT_READ and not ended:
            self._count()
        if self._pieces:
            self._pieces.check_begun(rest)
        else:
            frames.check_begun(rest)

    def _count(self) -> None:
        """What is no message costs the page what a message does."""
        if self._session:
            self._session.receive_wordless(time.monotonic())
        # It is told why, and nothing that comes after that is looked at.
        self._deaf = self._said_close

    def _hear_rare(self, first: int, payload: bytes) -> bool:
        """Any frame that is no whole text; whether it was the last. Raises messages.Refused."""
        kind = first & 0x0F
        if kind == CLOSE:
            self._say_goodbye(frames.answer_to_close(payload))
            return True
        if kind == PONG and self._pinged:
            self._pinged = False
            return False
        self._count()
        if self._said_close:
            return True
        if kind == PING:
            self._send(frames.frame(PONG, payload))
        elif kind != PONG:
            self._hear_piece(first, payload)
        return False

    def _say_goodbye(self, code: int) -> None:
        if not self._hung_up:
            # With what follows: both leave in one packet, and the page's side is woken once.
            self._send(frames.close(code), MSG_MORE)
        # A browser that leaves hangs up as well: a reset is then one packet instead of four, 3 µs less.
        self._gone(orderly=not self._hung_up)

    def _hear_piece(self, first: int, payload: bytes) -> None:
        pieces = self._pieces or Pieces()
        text = pieces.add(first, payload)
        self._pieces = pieces if text is None else None
        if text is not None and self._session:
            self._session.receive(text, time.monotonic())

    def _refuse(self, refusal: messages.Refused) -> None:
        """It broke the protocol: what else comes is thrown away; some of it is read, so that it hears why."""
        self._deaf = True
        session = self._session
        if session and not session.closed:
            self._listener.edge.drop(refusal.reason)
            session.close(refusal.code, time.monotonic())

    def _await_goodbye(self, data: bytes) -> None:
        """This side said its close: of what comes only the answer to that is looked for, and not for long."""
        if self._reads_left < 0:
            # It was ignored: what woke us is its end.
            self._gone(orderly=False)
            return
        at = 0
        self._reads_left -= 1
        try:
            while self._reads_left >= 0 and not self._deaf and (frame := frames.take(data, at)):
                first, _, at = frame
                self._reads_left -= 1
                if first == FINAL | CLOSE:
                    self._gone(orderly=not self._hung_up)
                    return
        except messages.Refused:
            self._deaf = True
        if self._reads_left < 0:
            # The kernel then holds it back from saying more, until the wheel cuts it.
            self._deaf = True
            self._listener.ignore(self._socket.fileno())
        self._rest = b"" if self._deaf else data[at:]

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
        # The wheel may still know it, for seconds.
        self._rest, self._pieces, self.begun_at = b"", None, 0.0
        session, self._session = self._session, None
        if session:
            self._listener.edge.finished(session)
