"""Boards whose page reads nothing, or shows nothing: what they cost who serves them, and the other boards."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from bench import processes
from bench.faults.stand import Stand, standing
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.targets import Ground
from bench.watch import Board
from scripts.stands import frames
from scripts.stands.delays import Delays
from scripts.stands.logins import log_in

RUN = "slow-board"
PAGES, PATHS = 2_000, 2_000
TURNOVER = 4.0  # pages a second: every tick has something to tell
OTHERS = 4
LOOK_SECONDS = 0.5
CUT_SECONDS = 30.0
# Within it all slow ones are gone, so that the next turn is a quiet one.
TURN_SECONDS = 32.0
# What it takes to let them in is not what they cost while they are slow.
LET_IN_SECONDS = 3.0
MORE_PERCENT, GROWTH = 10.0, 8.0
MEBIBYTE = 2**20
# As /proc/net/tcp writes them.
ESTABLISHED, LOOPBACK = "01", "0100007F"


class TimedBoard(Board):
    """Notes how old each snapshot is when it comes."""

    def __init__(self, port: int, key: str, cookie: str) -> None:
        self.delays = Delays()
        super().__init__(port, key, cookie)

    def _show(self, payload: bytes) -> None:
        self.delays.add(time.time() - json.loads(payload)["seq"] / 1000)
        super()._show(payload)


class SilentBoard(Board):
    """Reads, and answers pings, but never says that it has shown anything."""

    def __init__(self, port: int, key: str, cookie: str) -> None:
        super().__init__(port, key, cookie)
        self.own_port = int(self._socket.getsockname()[1])

    def close(self) -> None:
        # Its server has closed it by then.
        with suppress(OSError):
            super().close()

    def _show(self, payload: bytes) -> None:
        self.snapshots += 1


class DeafBoard:
    """Reads nothing: the kernels' buffers fill up, and then the server's."""

    def __init__(self, port: int, key: str, cookie: str) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect(("127.0.0.1", port))
        host = f"127.0.0.1:{port}"
        self._socket.sendall(
            frames.handshake(f"/board/{key}", host, {"Origin": f"http://{host}", "Cookie": cookie})
        )

    @property
    def own_port(self) -> int:
        return int(self._socket.getsockname()[1])

    def close(self) -> None:
        self._socket.close()


def slow_board(on: Ground, quick: bool) -> Iterator[Figure]:
    """Boards that stop reading or answering: bounded memory, cut in time, and the others do not notice."""
    with standing(on, edges=2) as stand:
        yield from slow_board_at(stand, quick)


def slow_board_at(stand: Stand, quick: bool) -> Iterator[Figure]:
    """The run at any stand."""
    each, turns = (2, 1) if quick else (10, 3)
    cookie = log_in(stand.port, "admin", stand.product.password)
    quiet, noisy = Delays(), Delays()
    slow: list[Slow] = []
    with VisitorFleet(stand.plan(PAGES, paths=PATHS)) as fleet, ExitStack() as stack:
        fleet.wait_full()
        fleet.tell(f"turnover {TURNOVER}")
        others = [
            stack.enter_context(closing(TimedBoard(stand.port, stand.key, cookie))) for _ in range(OTHERS)
        ]
        for _ in range(turns):
            # With none as with some: what the looks cost the boards here is the same.
            for number, delays in ((0, quiet), (each, noisy)):
                with ExitStack() as turn:
                    boards = Slow(stand, cookie, number, turn)
                    _through(others, delays, boards.watch)
                slow += [boards] if number else []
        fleet.tell("stop")
        fleet.finish()
    more = (noisy.at(0.99) / quiet.at(0.99) - 1) * 100
    note = f"{quiet.at(0.99) * 1000:.1f} → {noisy.at(0.99) * 1000:.1f} ms over {len(quiet)}, {len(noisy)}"
    goal = None if quick else MORE_PERCENT
    yield Figure(RUN, "others' snapshot delay p99, more", more, "%", goal, True, note)
    for kind in ("deaf", "silent"):
        cut = max(turn.cut[kind] for turn in slow)
        yield Figure(RUN, f"{kind} boards cut after, worst", cut, "s", CUT_SECONDS, True, f"{turns} × {each}")
    grown = max(turn.grown for turn in slow) / MEBIBYTE
    web = f"web process, {slow[-1].before / MEBIBYTE:.0f} MB with {2 * each} of them just let in"
    yield Figure(RUN, "memory, more while they are slow", grown, "MB", GROWTH, True, web)


class Slow:
    """Slow boards of both kinds, open when it is made; `watch` sees how they end."""

    def __init__(self, stand: Stand, cookie: str, each: int, stack: ExitStack) -> None:
        boards: dict[str, type[DeafBoard] | type[SilentBoard]] = {"deaf": DeafBoard, "silent": SilentBoard}
        self._began = time.monotonic()
        self._stand = stand
        self._ports = {
            kind: {
                stack.enter_context(closing(board(stand.port, stand.key, cookie))).own_port
                for _ in range(each)
            }
            for kind, board in boards.items()
        }
        self.cut = dict.fromkeys(boards, float("inf"))  # seconds until the last one of a kind was
        time.sleep(LET_IN_SECONDS)
        self.before = processes.rss(stand.pids("web"))
        self.grown = 0

    def watch(self) -> None:
        """Until all should be gone."""
        while (passed := time.monotonic() - self._began) < TURN_SECONDS:
            held = _held(self._stand.port)
            for kind, theirs in self._ports.items():
                if not theirs & held:
                    self.cut[kind] = min(self.cut[kind], passed)
            self.grown = max(self.grown, processes.rss(self._stand.pids("web")) - self.before)
            time.sleep(LOOK_SECONDS)


def _through(boards: list[TimedBoard], into: Delays, turn: Callable[[], None]) -> None:
    """Let a turn pass, and note what the boards saw meanwhile."""
    for board in boards:
        board.delays = Delays()
    turn()
    for board in boards:
        into.merge(board.delays)


def _held(port: int) -> set[int]:
    """The ports of those who still have a connection to a port of the loopback, as its server sees it."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    mine = f"{LOOPBACK}:{port:04X}"
    theirs = [line[2].split(":") for line in lines if line[1] == mine and line[3] == ESTABLISHED]
    # Visitors come from addresses of their own, and from the same ports.
    return {int(number, 16) for address, number in theirs if address == LOOPBACK}
