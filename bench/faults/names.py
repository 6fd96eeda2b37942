"""A cardinality bomb: pages of one site with ever new URLs, from many addresses, while a board watches."""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from uuid import uuid4

from bench import processes, visitors
from bench.faults.stand import Stand, standing
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.targets import Ground
from scripts.stands import frames

RUN = "names"
LINES = 500
# A page may say 20 messages a second.
ROUND_SECONDS = 1 / 18
PATIENCE = 60.0
GROWTH = 64.0
MEBIBYTE = 2**20
OTHER = "(other)"


def names(on: Ground, quick: bool) -> Iterator[Figure]:
    """URLs by the million on one site: bounded memory, a bounded list, and exact totals."""
    # One edge, since each bounds its own names.
    limit = 200 if quick else 10_000
    with standing(on, edges=1, FOOTFALL_NAMES=str(limit)) as stand:
        yield from _passing(stand, 20_000 if quick else 1_000_000)
        yield from _at_once(stand, limit)


def _passing(stand: Stand, count: int) -> Iterator[Figure]:
    """Names that come and go, as fast as they are stored."""
    with ExitStack() as stack:
        stack.enter_context(closing(stand.board()))
        lines = [stack.enter_context(_Line(stand, number)) for number in range(LINES)]
        # What every page and every round needs anyway.
        said = sum(_round(lines, f"/warm/{number}") for number in range(20))
        edges, web = (processes.rss(stand.pids(name)) for name in ("edge", "web"))
        began = time.monotonic()
        while said < count:
            at = time.monotonic()
            said += _round(lines, f"/{said}")
            time.sleep(max(0.0, at + ROUND_SECONDS - time.monotonic()))
        took = time.monotonic() - began
        grown = [
            (processes.rss(stand.pids(name)) - before) / MEBIBYTE
            for name, before in (("edge", edges), ("web", web))
        ]
        with closing(stand.api()) as api:
            tabs = api.live()["tabs"]
    note = f"{said:,} names, {said / took:,.0f} a second"
    yield Figure(RUN, "edge's memory, more", grown[0], "MB", GROWTH, True, note)
    yield Figure(RUN, "web's memory, more", grown[1], "MB", GROWTH, True)
    yield Figure(RUN, "tabs counted wrongly", abs(tabs - LINES), "", 0, True)
    (kept,) = stand.product.rows("SELECT count(*), count(DISTINCT path) AS paths FROM tracker_pageview")
    yield Figure(RUN, "page views not in Postgres", said - kept["count"], "", 0, True)
    yield Figure(RUN, "paths not in Postgres", said - kept["paths"], "", 0, True)


def _at_once(stand: Stand, limit: int) -> Iterator[Figure]:
    """More names open at the same time than a list may hold."""
    pages = limit * 3 // 2
    with VisitorFleet(stand.plan(pages, paths=pages)) as fleet:
        fleet.wait_full()
        with closing(stand.api()) as api:
            until = time.monotonic() + PATIENCE
            # What the first part left has closed by then.
            while (live := api.live())["tabs"] != pages and time.monotonic() < until:
                time.sleep(0.1)
        fleet.tell("stop")
        fleet.finish()
    yield Figure(RUN, "names in the list", live["totals"]["pages"], "", limit + 1, True, f"{pages:,} open")
    first = live["pages"][0]
    other = first["tabs"] if first["name"] == OTHER else 0
    yield Figure(RUN, f"tabs under {OTHER} wrong", abs(other - (pages - limit)), "", 0, True)
    yield Figure(RUN, "tabs of all counted wrongly", abs(live["tabs"] - pages), "", 0, True)


class _Line:
    """One open page that moves from URL to URL, as single-page applications do."""

    def __init__(self, stand: Stand, visitor: int) -> None:
        headers = {
            "User-Agent": visitors.user_agent(visitor),
            "Origin": f"https://{visitors.ORIGIN_HOST}",
        }
        self.socket = socket.create_connection(
            ("127.0.0.1", stand.port), PATIENCE, (visitors.address(visitor), 0)
        )
        self.socket.sendall(frames.handshake(f"/live/{stand.key}", f"127.0.0.1:{stand.port}", headers))
        self.rest = b""
        while (answer := frames.answer(self.rest)) is None:
            self.rest += self.socket.recv(4096)
        accepted, self.rest = answer
        assert accepted, "A page is refused."

    def __enter__(self) -> "_Line":
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()

    def say(self, path: str) -> None:
        url = f"https://{visitors.ORIGIN_HOST}{path}"
        self.socket.sendall(
            frames.frame(frames.TEXT, f'{{"t":"page","id":"{uuid4()}","u":"{url}"}}'.encode())
        )

    def acked(self) -> bool:
        """Read what is there; whether an ack was among it. Raises ConnectionError when it was closed."""
        data = self.socket.recv(65536)
        found, self.rest = frames.heard(self.rest + data)
        for opcode, payload in found:
            if opcode == frames.PING:
                self.socket.sendall(frames.frame(frames.PONG, payload))
            elif opcode == frames.CLOSE:
                raise ConnectionError(f"A page heard {int.from_bytes(payload[:2], 'big')}.")
        if not data:
            raise ConnectionError("A page was dropped.")
        return any(opcode == frames.TEXT for opcode, _ in found)


def _round(lines: list[_Line], path: str) -> int:
    """Each page says a new URL and hears its ack; how many."""
    poll = select.poll()
    waiting = {line.socket.fileno(): line for line in lines}
    for number, line in enumerate(lines):
        line.say(f"{path}/{number}")
        poll.register(line.socket, select.POLLIN)
    while waiting:
        ready = poll.poll(PATIENCE * 1000)
        assert ready, "Acks do not come."
        for descriptor, _ in ready:
            if descriptor in waiting and waiting[descriptor].acked():
                del waiting[descriptor]
    return len(lines)
