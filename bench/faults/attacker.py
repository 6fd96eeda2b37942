"""One address that pours what it can on Footfall: `python -m bench.faults.attacker FLOOD`, while stdin lasts.

As cheap as such programs are: raw frames over epoll. What is refused is tried again at once, but connections
are opened and messages said at a rate: it has no processor of its own here, and must not be the load itself.
"""

import json
import select
import socket
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import uuid4

from bench import visitors
from scripts.stands import frames
from scripts.stands.delays import Delays

STEP_SECONDS = 0.01
EVENTS = 512
RAMP = 128  # connections on their way in at once
HELLO_SECONDS = 1.0  # between two lines of a handshake that never ends
VISITOR = 2**23  # no other program's
CRLF = b"\r\n"
GIANT = frames.frame(frames.TEXT, b"x" * 17 * 1024)
# The first begins a text, the others go on with it, and none ends it.
PIECE = frames.NO_MASK + b"x"
FRAGMENTS = bytes((0x01, 0x81)) + PIECE + 100_000 * (bytes((0x00, 0x81)) + PIECE)
# What is no message, over and over: some 60 KB of it, as often as the other side takes it.
BEGUN, EMPTY = (bytes((first, 0x80)) + frames.NO_MASK for first in (0x01, 0x00))
POURED = {
    "pongs": frames.frame(frames.PONG, b"") * 10_000,
    "pings": frames.frame(frames.PING, b"") * 10_000,
    "continuations": EMPTY * 10_000,
    # Text frames that no page says, of 0 bytes: hardly more than their heads.
    "empties": frames.frame(frames.TEXT, b"") * 10_000,
    # No frame at all: every bit is reserved.
    "bytes": b"\xff" * 60_000,
}
POUR_SECONDS = 0.001


@dataclass(frozen=True)
class Flood:
    """What is poured, on so many connections.

    `sockets`, `messages`, `handshakes`, `giant`, `fragments`, or one of POURED.
    """

    kind: str
    key: str
    port: int
    lines: int
    opens: float = 1000.0  # connections a second
    rate: float = 1000.0  # messages a second on each line

    def text(self) -> str:
        return json.dumps(asdict(self))


@dataclass
class Poured:
    """What came of it."""

    tried: int = 0
    held: int = 0  # the most lines at once whose page was acknowledged
    cpu: float = 0.0  # seconds of the attacker itself
    seconds: float = 0.0
    ends: Counter[str] = field(default_factory=Counter)  # by close code, "refused" or "dropped"
    cut: Delays = field(default_factory=Delays)  # from the first thing said (or the connect) to the end

    def text(self) -> str:
        return json.dumps({**vars(self), "cut": self.cut.buckets()})

    @classmethod
    def read(cls, text: str) -> "Poured":
        said: dict[str, Any] = json.loads(text)
        return cls(**{**said, "ends": Counter(said["ends"]), "cut": Delays(said["cut"])})

    def merge(self, other: "Poured") -> None:
        """Add what another attack did."""
        self.tried += other.tried
        self.held = max(self.held, other.held)
        self.cpu += other.cpu
        self.seconds += other.seconds
        self.ends.update(other.ends)
        self.cut.merge(other.cut)


class AttackerLine:
    """One connection of the attacker."""

    def __init__(self, opened: socket.socket, now: float) -> None:
        self.socket, self.began = opened, now
        self.opened, self.rest = False, b""
        self.held = False
        self.out = memoryview(b"")
        self.due = 0.0  # when it says more
        self.id = str(uuid4())
        self.told = ""  # the code of the close that it heard


class Attacker:
    """The loop."""

    def __init__(self, flood: Flood) -> None:
        self.flood = flood
        self.poured = Poured()
        self._poll = select.epoll()
        self._lines: dict[int, AttackerLine] = {}
        self._opening = self._held = 0
        self._due = 0.0
        headers = {"User-Agent": visitors.user_agent(0), "Origin": f"https://{visitors.ORIGIN_HOST}"}
        self._hello = frames.handshake(f"/live/{flood.key}", f"127.0.0.1:{flood.port}", headers)

    def run(self) -> Poured:
        """Go on until stdin ends."""
        self._poll.register(sys.stdin, select.EPOLLIN)
        began = time.monotonic()
        while True:
            now = time.monotonic()
            self._due = max(self._due, now - STEP_SECONDS * 2)
            while self._due <= now and len(self._lines) < self.flood.lines and self._opening < RAMP:
                self._due += 1 / self.flood.opens
                self._open(now)
            for line in list(self._lines.values()) if self.flood.kind != "sockets" else ():
                self._pour(line, now)
            step = POUR_SECONDS if self.flood.kind in POURED else STEP_SECONDS
            for descriptor, _ in self._poll.poll(step, EVENTS):
                if descriptor == sys.stdin.fileno():
                    self.poured.seconds = time.monotonic() - began
                    self.poured.cpu = time.process_time()
                    return self.poured
                if descriptor in self._lines:
                    self._read(self._lines[descriptor])

    def _open(self, now: float) -> None:
        opened = socket.socket()
        opened.bind((visitors.address(VISITOR), 0))
        opened.connect(("127.0.0.1", self.flood.port))
        opened.setblocking(False)
        self._lines[opened.fileno()] = line = AttackerLine(opened, now)
        self._poll.register(opened, select.EPOLLIN)
        self.poured.tried += 1
        if self.flood.kind == "handshakes":
            line.out = memoryview(self._hello[: self._hello.index(CRLF) + 2])
        else:
            self._opening += 1
            line.out = memoryview(self._hello)
        self._send(line)

    def _pour(self, line: AttackerLine, now: float) -> None:
        """Say what is due on a line."""
        if self.flood.kind == "handshakes":
            if now >= line.due:
                line.due = now + HELLO_SECONDS
                line.out = memoryview(b"X-A: b\r\n")
        elif line.opened and self.flood.kind == "messages":
            said = b'{"t":"state","id":"%s","s":"idle","e":1,"d":1}' % line.id.encode()
            many = int((now - line.due) * self.flood.rate)
            if not line.out and many:
                line.due += many / self.flood.rate
                line.out = memoryview(frames.frame(frames.TEXT, said) * many)
        elif line.opened and not line.out:
            line.out = memoryview(POURED.get(self.flood.kind, b""))
        self._send(line)

    def _read(self, line: AttackerLine) -> None:
        try:
            data = line.socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._end(line, line.told or "dropped")
            return
        line.rest += data
        if not line.opened:
            answer = frames.answer(line.rest)
            if answer is None:
                return
            accepted, line.rest = answer
            if not accepted:
                self._end(line, "refused")
                return
            self._let_in(line)
        found, line.rest = frames.heard(line.rest)
        for opcode, payload in found:
            if opcode == frames.CLOSE:
                line.told = str(int.from_bytes(payload[:2], "big"))
                # Who pours frames goes on as long as there is a connection.
                if self.flood.kind not in POURED:
                    self._end(line, line.told)
                    return
            if opcode == frames.TEXT and not line.held:
                line.held = True
                self._held += 1
                self.poured.held = max(self.poured.held, self._held)

    def _let_in(self, line: AttackerLine) -> None:
        line.opened, line.began = True, time.monotonic()
        line.due = line.began
        self._opening -= 1
        page = f'{{"t":"page","id":"{line.id}","u":"https://{visitors.ORIGIN_HOST}/flood"}}'.encode()
        poured = {"giant": GIANT, "fragments": FRAGMENTS}.get(self.flood.kind)
        begun = BEGUN if self.flood.kind == "continuations" else b""
        line.out = memoryview(poured or frames.frame(frames.TEXT, page) + begun)
        self._send(line)

    def _send(self, line: AttackerLine) -> None:
        # What was cut is noticed by reading.
        with suppress(OSError):
            while line.out:
                line.out = line.out[line.socket.send(line.out) :]

    def _end(self, line: AttackerLine, how: str) -> None:
        self.poured.ends[how] += 1
        self.poured.cut.add(time.monotonic() - line.began)
        self._held -= line.held
        if not line.opened and self.flood.kind != "handshakes":
            self._opening -= 1
        del self._lines[line.socket.fileno()]
        line.socket.close()


if __name__ == "__main__":
    print(Attacker(Flood(**json.loads(sys.argv[1]))).run().text(), flush=True)
