"""Visitors who go without a goodbye: their network swallows everything, or their machine falls asleep."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median

from bench import visitors
from bench.faults.apart import apart
from bench.faults.stand import Stand, standing
from bench.figures import Figure
from bench.fleet import VisitorFleet
from bench.targets import Ground
from bench.watch import Board
from scripts.stands import namespace
from scripts.stands.logins import log_in
from scripts.stands.waiting import wait_for

RUN = "silent"
GONE_SECONDS, CLOSED_SECONDS = 25.0, 1.0
WATCH_SECONDS, EVERY_SECONDS = 30.0, 0.02
SETTLE_SECONDS = 10.0
STAYING_PAGES = 20
# By generator process, since each has visitors, and so networks, of its own.
CUT, ASLEEP, LEAVING, STAYING = range(4)


@dataclass
class Group:
    """Pages that go at one moment, from a board on which `others` stay."""

    board: Board
    pages: int
    others: int
    gone: list[float] = field(default_factory=list)  # seconds from that moment, one for each page

    def look(self, since: float) -> bool:
        """Whether the board shows them no more."""
        left = max(0, self.board.live()["tabs"] - self.others)
        self.gone += [time.monotonic() - since] * (self.pages - len(self.gone) - left)
        return not left

    def figures(self, name: str, goal: float) -> Iterator[Figure]:
        """The worst and the median; one that never left took infinitely long."""
        took = self.gone + [float("inf")] * (self.pages - len(self.gone))
        yield Figure(RUN, f"{name}: worst", max(took), "s", goal, True, f"{self.pages} pages")
        yield Figure(RUN, f"{name}: median", median(took), "s")


class Scene:
    """A product with two sites and their boards: one for those who fall asleep, one for all others."""

    def __init__(self, stack: ExitStack, stand: Stand, pages: int) -> None:
        cookie = log_in(stand.port, "admin", stand.product.password)
        keys = stand.key, stand.product.add_site(visitors.ORIGIN_HOST)
        awake, asleep = (Board(stand.port, key, cookie) for key in keys)
        stack.callback(awake.close)
        stack.callback(asleep.close)
        self.fleets = {
            process: stack.enter_context(
                VisitorFleet(stand.plan(size, process=process, returns=False, key=keys[process == ASLEEP]))
            )
            for process, size in ((CUT, pages), (ASLEEP, pages), (LEAVING, pages), (STAYING, STAYING_PAGES))
        }
        self.leaving = Group(awake, pages, pages + STAYING_PAGES)
        self.cut = Group(awake, pages, STAYING_PAGES)
        self.asleep = Group(asleep, pages, 0)

    def settle(self) -> None:
        """Until the boards show everybody."""
        awake, pages = self.cut.board, self.asleep.pages
        wait_for(lambda: awake.live()["tabs"] == 2 * pages + STAYING_PAGES, SETTLE_SECONDS, "everybody")
        asleep = self.asleep.board
        wait_for(lambda: asleep.live()["tabs"] == pages, SETTLE_SECONDS, "those who will sleep")

    def leave(self) -> Group:
        """Let pages close; they, when the board has noticed."""
        since = time.monotonic()
        self.fleets[LEAVING].tell("stop")
        _watch([self.leaving], since)
        return self.leaving

    def stayed(self) -> int:
        """How many of those who stay lost their connection."""
        self.fleets[STAYING].tell("stop")
        return sum(self.fleets[STAYING].finish().errors.values())


def network(process: int) -> str:
    """The addresses of a generator process's visitors, and nobody else's."""
    first, second, *_ = visitors.address(process * 1_000_000).split(".")
    return f"{first}.{second}.0.0/16"


@apart
def silent(on: Ground, quick: bool) -> Iterator[Figure]:
    """Visitors' networks die without a word, or their machines stop: gone from the board within 25 s."""
    pages, spread = (60, 3.0) if quick else (1_000, 12.0)
    with ExitStack() as stack:
        scenes = {}
        for name, edges in (("one process", 0), ("edge", 1)):
            stand = stack.enter_context(standing(on, edges, DATABASE_URL=on.database()))
            scenes[name] = Scene(stack, stand, pages)
        _spread([fleet for scene in scenes.values() for fleet in scene.fleets.values()], pages, spread)
        for name, scene in scenes.items():
            scene.settle()
            yield from scene.leave().figures(f"{name}, closed", CLOSED_SECONDS)
        since = time.monotonic()
        namespace.cut(network(CUT))
        for scene in scenes.values():
            scene.fleets[ASLEEP].signal(signal.SIGSTOP)
        _watch([group for scene in scenes.values() for group in (scene.cut, scene.asleep)], since)
        for name, scene in scenes.items():
            yield from scene.cut.figures(f"{name}, network cut", GONE_SECONDS)
            yield from scene.asleep.figures(f"{name}, machine asleep", GONE_SECONDS)
            yield Figure(
                RUN, f"{name}: connections of others that broke", scene.stayed(), "", 0, at_most=True
            )


def _spread(fleets: list[VisitorFleet], pages: int, seconds: float) -> None:
    """Let all pages be replaced over so long: they are pinged at different moments then, as visitors are."""
    for fleet in fleets:
        fleet.wait_full()
    for fleet in fleets:
        fleet.tell(f"turnover {pages / seconds}")
    time.sleep(seconds)
    for fleet in fleets:
        fleet.tell("turnover 0")


def _watch(groups: list[Group], since: float) -> None:
    """Look at the boards until all of these have left them, or their time is over."""
    while groups and time.monotonic() - since < WATCH_SECONDS:
        groups = [group for group in groups if not group.look(since)]
        time.sleep(EVERY_SECONDS)
