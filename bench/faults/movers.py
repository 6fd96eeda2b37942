"""Pages that change edges while the first, which holds their old sockets, cannot be told."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from bench import visitors
from bench.faults.doors import ORIGIN, acked, close_code
from bench.faults.stand import Stand
from bench.figures import Figure
from bench.watch import Api
from tracker.contract.close_codes import CLAIMED

PATIENCE, EVERY_SECONDS = 10.0, 0.05


class Movers:
    """So many pages on a site of their own, open at the first of two edges."""

    def __init__(self, stack: ExitStack, stand: Stand, ports: tuple[int, ...], count: int) -> None:
        self._stack = stack
        self._here, self._there = ports
        self._key = stand.product.add_site(visitors.ORIGIN_HOST)
        self._api = Api(stand.port, self._key, stand.token)
        stack.callback(self._api.close)
        self._ids = [uuid4() for _ in range(count)]
        self._acked = 0
        self._before = self._open(self._here, again=False)
        self._kept = 0  # old sockets that were not closed as they should be
        self._took = float("inf")

    def move(self) -> None:
        """Come again through the other edge; the old sockets stay as they are."""
        self._open(self._there, again=True)

    def wait(self) -> None:
        """Now the first edge can be told: until it has let go of all, and everybody is counted once."""
        since = time.monotonic()
        self._kept = sum(not _claimed(opened) for opened in self._before)
        while not self._right():
            if time.monotonic() - since > PATIENCE:
                return
            time.sleep(EVERY_SECONDS)
        self._took = time.monotonic() - since

    def figures(self, run: str, goal: float) -> Iterator[Figure]:
        """What became of them, some seconds later."""
        count = len(self._ids)
        note = f"{count} pages"
        yield Figure(run, "pages that moved: counted once after", self._took, "s", goal, True, note)
        yield Figure(run, "pages that moved: not let go as claimed", self._kept, "", 0, at_most=True)
        wrong = abs(self._api.live()["tabs"] - count)
        yield Figure(run, "pages that moved: counted too many or few", wrong, "", 0, at_most=True)
        unsaid = 2 * count - self._acked
        yield Figure(run, "pages that moved: not acknowledged", unsaid, "", 0, at_most=True)

    def _right(self) -> bool:
        live = self._api.live()
        return live["tabs"] == len(self._ids) and not live["stale"]

    def _open(self, port: int, again: bool) -> list[ClientConnection]:
        opened = []
        for visitor, page in enumerate(self._ids):
            socket = self._stack.enter_context(
                connect(
                    f"ws://127.0.0.1:{port}/live/{self._key}",
                    origin=Origin(ORIGIN),
                    user_agent_header=visitors.user_agent(visitor),
                    compression=None,
                    source_address=(visitors.address(visitor), 0),
                )
            )
            socket.send(visitors.page_message(page, 0, visitor, again).decode())
            self._acked += len(acked(socket, page))
            opened.append(socket)
        return opened


def _claimed(opened: ClientConnection) -> bool:
    try:
        return close_code(opened) == CLAIMED
    except TimeoutError:
        return False
