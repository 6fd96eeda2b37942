"""The visitor's socket on picows, for `manage.py edge`: the thin adapter with the short way.

Everything runs in the callbacks of the event loop: no task, timer or queue per page or per message.
"""

import time
from sys import intern
from typing import Final, cast
from urllib.parse import unquote
from uuid import UUID

from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
)

from tracker import protocol
from tracker.closes import BROKE_PROTOCOL, TOO_BIG, Declined
from tracker.desk import Outcome
from tracker.drops import Drop
from tracker.edge import Edge, Knock
from tracker.pings import Pings
from tracker.session import Session

# A page says at most 8,192 bytes; up to twice that is still read, so that it can be told 4413.
READ_LIMIT: Final = 16_384
# Browsers do not part such short messages at all; whoever says them byte by byte is no page.
PIECES_LIMIT: Final = 64
# What `Edge.admit` reads; other headers are never copied.
HEADERS: Final = (
    "origin",
    "user-agent",
    "x-forwarded-for",
    "dnt",
    "sec-gpc",
    "x-footfall-demo",
    "x-footfall-demo-address",
)
PREFIX: Final = b"/live/"
TEXT, BINARY, CLOSE = WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CLOSE
CONTINUATION = WSMsgType.CONTINUATION
PICOWS_TOO_BIG: Final = 1009


class Door:
    """Lets visitors in: what all sockets of the process share."""

    def __init__(self, here: Edge) -> None:
        self.here = here
        self.pings = Pings()
        # One for all: picows writes each handshake's answer out before the next one is made.
        self._response = WSUpgradeResponse.create_101_response()
        self._no_headers = type(self._response.headers)()

    def knock(self, request: WSUpgradeRequest) -> WSUpgradeResponseWithListener | None:
        """picows' listener factory: a socket for `/live/KEY`, 404 for anything else."""
        if not request.path.startswith(PREFIX) or b"/" in request.path[len(PREFIX) :]:
            return None
        # Firefox says "keep-alive, Upgrade", which picows does not know.
        said = request.headers.get("connection", "").lower()
        if "upgrade" in (word.strip() for word in said.split(",")):
            request.headers["connection"] = "upgrade"
        return WSUpgradeResponseWithListener(self._response, VisitorSocket(self))

    def read(self, transport: WSTransport) -> Knock:
        """Who knocks; takes the headers from picows, which would keep them as long as the page is open."""
        request = transport.request
        path, request.path = request.path, b""
        headers, request.headers = request.headers, self._no_headers
        peer = transport.underlying_transport.get_extra_info("peername")
        return Knock(
            key=unquote(path[len(PREFIX) :].partition(b"?")[0].decode("ascii", "replace")),
            peer=peer[0] if peer else None,
            # Interned: thousands of pages have the same few browsers.
            headers={name: intern(_text(headers.getall(name))) for name in HEADERS if name in headers},
        )


class VisitorSocket(WSListener):
    """One page's socket."""

    __slots__ = ("_door", "_pieces", "_session", "_transport", "heard", "place")

    def __init__(self, door: Door) -> None:
        self.heard = True
        self.place = 0
        self._door = door
        self._session: Session | None = None
        self._pieces: list[bytes] | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._door.pings.add(self)
        here = self._door.here
        try:
            caller = here.admit(self._door.read(transport))
            self._session = here.open(caller, self.reply, self.close)
        except Declined as refusal:
            # Only now, and not by refusing the handshake: a page learns the code of a close alone.
            here.drop(refusal.reason)
            self.close(refusal.code)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self.heard = True
        kind = frame.msg_type
        if kind == CLOSE:
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
        elif self._session is None or self._session.closed:
            return
        elif kind == TEXT and frame.fin and self._pieces is None:
            self._session.receive(_payload(frame), time.monotonic())
        elif kind in (TEXT, BINARY, CONTINUATION):
            self._hear_piece(self._session, kind, frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._door.pings.remove(self)
        session, self._session = self._session, None
        if session is None:
            return
        if not session.closed and transport.is_close_frame_sent:
            self._count_refusal(transport)
        self._door.here.finished(session)

    def pause_writing(self) -> None:
        # 64 KiB of acks and pongs that nobody reads: this is no page.
        self.cut()

    def resume_writing(self) -> None:
        """It is cut by then."""

    def reply(self, message_id: UUID, outcome: Outcome) -> None:
        if outcome is Outcome.STORED:
            self._transport.send(TEXT, protocol.ack(message_id))
        elif outcome is Outcome.REFUSED and self._session and not self._session.closed:
            self._session.close(BROKE_PROTOCOL, time.monotonic())

    def close(self, code: int) -> None:
        self._transport.send_close(cast(WSCloseCode, code))
        self._door.pings.closing(self)

    def ping(self) -> None:
        self._transport.send_ping()

    def cut(self) -> None:
        self._transport.disconnect(graceful=False)

    def _hear_piece(self, session: Session, kind: WSMsgType, frame: WSFrame) -> None:
        """A frame that is no whole text: part of one, or binary."""
        now = time.monotonic()
        begins = kind != CONTINUATION
        if kind == BINARY or begins is (self._pieces is not None):
            self._refuse(session, BROKE_PROTOCOL, Drop.MALFORMED, now)
            return
        pieces = self._pieces = [] if self._pieces is None else self._pieces
        pieces.append(frame.get_payload_as_bytes())
        if len(pieces) > PIECES_LIMIT or sum(map(len, pieces)) > protocol.FRAME_LIMIT:
            self._refuse(session, TOO_BIG, Drop.TOO_BIG, now)
        elif frame.fin:
            self._pieces = None
            session.receive(_decoded(b"".join(pieces)), now)

    def _refuse(self, session: Session, code: int, reason: Drop, now: float) -> None:
        self._pieces = None
        self._door.here.drop(reason)
        session.close(code, now)

    def _count_refusal(self, transport: WSTransport) -> None:
        """picows itself closed on a frame that it would not read."""
        sent = transport.close_handshake.sent
        if sent and int(cast(int, sent.code)) == PICOWS_TOO_BIG:
            self._door.here.drop(Drop.TOO_BIG)
        elif sent and int(cast(int, sent.code)) != WSCloseCode.OK.value:
            self._door.here.drop(Drop.MALFORMED)


def _payload(frame: WSFrame) -> str | bytes:
    try:
        return frame.get_payload_as_utf8_text()
    except UnicodeDecodeError:
        return frame.get_payload_as_bytes()


def _decoded(payload: bytes) -> str | bytes:
    """Text, or bytes, which no page may say."""
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return payload


def _text(values: list[str]) -> str:
    """A header said twice is joined with commas, as in HTTP; bytes beyond ASCII are Latin-1, as in ASGI."""
    text = ",".join(values)
    return text if text.isascii() else text.encode("ascii", "surrogateescape").decode("latin-1")
