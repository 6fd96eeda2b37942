"""Many pages in one thread over epoll: cheap, since the generator shares its cores with the server.

Four fifths of what a load costs here is spent in the kernel. It ends by itself: at its time, or with the
process that started it.
"""

import heapq
import os
import random
import select
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from itertools import count
from uuid import UUID

from bench import visitors
from bench.ledger import EntryKind, Ledger
from bench.plan import Plan, RunOutcome
from scripts.stands import frames

BIND_ADDRESS_NO_PORT = 24  # socket has the name from Python 3.12 on
TICK_SECONDS = 0.1
SAY_AGAIN_SECONDS = 10.0
RESTARTING, OVERLOADED = 4502, 4503
NEVER_AGAIN = range(4400, 4500)
ACK = b'{"t":"ack","id":"'
EVENTS = 512


class LoadPage:
    """One open page, and its connection if it has one."""

    __slots__ = ("acked", "again", "due", "id", "open", "path", "rest", "said_at", "socket", "visitor")

    def __init__(self, page_id: UUID, visitor: int, path: int, due: float) -> None:
        self.id, self.visitor, self.path, self.due = page_id, visitor, path, due
        self.socket: socket.socket | None = None
        self.open = False  # the handshake is done
        self.rest = b""
        self.said_at = 0.0
        self.acked = False
        self.again = False


class Engine:
    """The loop. What pages do after an ack or a loss is for the modes to say: `acked`, `lost`, `step`."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.outcome = RunOutcome()
        self.errors: Counter[str] = Counter()
        self.stopped = False
        self._ledger = Ledger(plan.ledger)
        self._poll = select.epoll()
        self._pages: dict[int, LoadPage] = {}
        self._waiting: deque[tuple[float, LoadPage]] = deque()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._order = count()
        self._handshakes: dict[int, bytes] = {}

    # For the modes.

    def acked(self, page: LoadPage, now: float) -> None:
        """The server says that the page is stored."""

    def lost(self, page: LoadPage) -> None:
        """The connection is gone, and the page will not come back."""

    def step(self, now: float) -> float:
        """Do what is due; the seconds until there is more to do."""
        return TICK_SECONDS

    def told(self, words: list[str]) -> None:
        """A line came from the one who started us."""

    # What pages can do.

    @property
    def held(self) -> int:
        """Pages with a connection."""
        return len(self._pages)

    def pages(self) -> list[LoadPage]:
        """Pages with a connection."""
        return list(self._pages.values())

    def new(self, due: float) -> LoadPage:
        """A page of the next visitor, connecting."""
        number = next(self._numbers)
        visitor = self.plan.process * 1_000_000 + number // self.plan.tabs
        page = LoadPage(
            visitors.page_id(self.plan.run, self.plan.process, number),
            visitor,
            (number * 7919 + self.plan.process) % self.plan.paths,
            due,
        )
        self.connect(page)
        return page

    def connect(self, page: LoadPage) -> None:
        """Open the page's socket and ask for the upgrade."""
        opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        ports = self.plan.ports
        try:
            opened.setsockopt(socket.IPPROTO_IP, BIND_ADDRESS_NO_PORT, 1)
            opened.bind((visitors.address(page.visitor), 0))
            opened.connect_ex((self.plan.host, ports[page.visitor % len(ports)]))
        except OSError as error:
            opened.close()
            self._gone(page, f"cannot connect: {os.strerror(error.errno or 0)}", 0)
            return
        page.socket, page.open, page.rest = opened, False, b""
        self._pages[opened.fileno()] = page
        try:
            # On the loopback the connection usually stands as soon as connect returns: one wake-up less.
            opened.send(self._handshake(page.visitor))
            self._poll.register(opened, select.EPOLLIN)
        except BlockingIOError:
            self._poll.register(opened, select.EPOLLOUT)
        except OSError as error:
            self._poll.register(opened, select.EPOLLIN)
            self._broken(page, error)

    def say(self, page: LoadPage, now: float) -> None:
        """Say that the page view begins, or begins again."""
        self._ledger.note(EntryKind.SAID, page.id, page.visitor, page.path)
        page.said_at, page.acked = now, False
        self._waiting.append((now, page))
        self.send(page, visitors.page_message(page.id, page.path, page.visitor, page.again))

    def send(self, page: LoadPage, text: bytes) -> None:
        """Send one text frame. A page whose server reads too slowly is lost: its frames are tiny."""
        if page.socket:
            try:
                page.socket.send(frames.frame(frames.TEXT, text))
            except OSError as error:
                self._broken(page, error)

    def leave(self, page: LoadPage) -> None:
        """Close as a browser does that leaves a page: say so, and go."""
        if page.socket:
            try:
                if page.open:
                    page.socket.send(frames.GOING_AWAY)
            except OSError as error:
                self._broken(page, error)
                return
            if page.said_at:
                self._ledger.note(EntryKind.CLOSED, page.id, page.visitor, page.path)
            self._forget(page)

    def later(self, at: float, do: Callable[[], None]) -> None:
        """Call `do` at a time of the steady clock."""
        heapq.heappush(self._timers, (at, next(self._order), do))

    # The loop.

    def run(self) -> RunOutcome:
        """Go on until `stopped`."""
        self._poll.register(sys.stdin, select.EPOLLIN)
        self._tick()
        started = time.process_time()
        while not self.stopped:
            now = time.monotonic()
            wait = self.step(now)
            while self._timers and self._timers[0][0] <= now:
                heapq.heappop(self._timers)[2]()
            if self._timers:
                wait = min(wait, max(self._timers[0][0] - now, 0))
            for descriptor, event in self._poll.poll(wait, EVENTS):
                if descriptor == sys.stdin.fileno():
                    self._command()
                elif page := self._pages.get(descriptor):
                    self._ready(page, event)
        for page in self.pages():
            self.leave(page)
        self._ledger.close()
        self.outcome.cpu = time.process_time() - started
        self.outcome.errors = dict(self.errors)
        return self.outcome

    def _command(self) -> None:
        text = os.read(sys.stdin.fileno(), 4096).decode()
        # Whoever started us is gone when it can say nothing more.
        self.stopped = self.stopped or not text
        for line in text.splitlines():
            if line == "stop":
                self.stopped = True
            else:
                self.told(line.split())

    def _tick(self) -> None:
        self._ledger.tick()
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= now - SAY_AGAIN_SECONDS:
            said_at, page = self._waiting.popleft()
            if page.said_at == said_at and not page.acked and page.socket:
                self.errors["said again"] += 1
                self.say(page, now)
        self.later(now + TICK_SECONDS, self._tick)

    def _ready(self, page: LoadPage, event: int) -> None:
        assert page.socket
        try:
            if event == select.EPOLLOUT:
                page.socket.send(self._handshake(page.visitor))
                self._poll.modify(page.socket, select.EPOLLIN)
                return
            data = page.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self._broken(page, error)
            return
        if not data:
            self._gone(page, "dropped", 0)
            return
        self._read(page, page.rest + data if page.rest else data)

    def _read(self, page: LoadPage, data: bytes) -> None:
        now = time.monotonic()
        if not page.open:
            answer = frames.answer(data)
            if answer is None:
                page.rest = data
                return
            accepted, data = answer
            if not accepted:
                self._gone(page, "refused", 0)
                return
            page.open = True
            if page.again:
                self.outcome.returns.add(now - page.due)
            self.say(page, now)
        found, page.rest = frames.heard(data)
        for opcode, payload in found:
            if opcode == frames.TEXT and payload.startswith(ACK) and payload[17:53] == str(page.id).encode():
                self._acked(page, now)
            elif opcode == frames.PING and page.socket:
                page.socket.send(frames.frame(frames.PONG, payload))
            elif opcode == frames.CLOSE:
                code = int.from_bytes(payload[:2], "big")
                self._gone(page, f"close {code}", code)
                return

    def _acked(self, page: LoadPage, now: float) -> None:
        if not page.acked:
            page.acked = True
            self.outcome.acked += 1
            self._ledger.note(EntryKind.ACKED, page.id, page.visitor, page.path)
        self.acked(page, now)

    def _broken(self, page: LoadPage, error: OSError) -> None:
        self._gone(page, os.strerror(error.errno or 0).lower(), 0)

    def _gone(self, page: LoadPage, reason: str, code: int) -> None:
        self.errors[reason] += 1
        if page.said_at:
            self._ledger.note(EntryKind.LOST, page.id, page.visitor, code)
        self._forget(page)
        if self.plan.returns and code not in NEVER_AGAIN:
            page.again = page.again or page.said_at > 0
            page.due = time.monotonic() + _patience(code, self.plan.patience)
            self.later(page.due, lambda: self.connect(page))
        else:
            self.lost(page)

    def _forget(self, page: LoadPage) -> None:
        if page.socket:
            self._pages.pop(page.socket.fileno(), None)
            page.socket.close()
            page.socket = None

    def _handshake(self, visitor: int) -> bytes:
        kind = visitor % visitors.AGENTS
        found = self._handshakes.get(kind)
        if found is None:
            headers = {
                "User-Agent": visitors.user_agent(visitor),
                "Origin": f"https://{visitors.ORIGIN_HOST}",
                "Accept-Language": "en-GB,en;q=0.9",
                "Accept-Encoding": "gzip, deflate, br, zstd",
                "Cache-Control": "no-cache",
            }
            host = f"{self.plan.host}:{self.plan.ports[0]}"
            found = self._handshakes[kind] = frames.handshake(f"/live/{self.plan.key}", host, headers)
        return found


def _patience(code: int, most: float) -> float:
    """How long a dropped page waits, as the snippet does."""
    if code == RESTARTING:
        return random.uniform(0, 0.5)  # noqa: S311 (jitter)
    if code == OVERLOADED:
        return random.uniform(30, 60)  # noqa: S311
    return random.uniform(0.5, most)  # noqa: S311
