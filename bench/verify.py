"""Holds what Footfall says against the ledger: live counts while a run goes on, Postgres at its end."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg

from bench import visitors
from bench.ledger import Entry, EntryKind, Reader
from scripts.stands.delays import Delays

OPEN = "SELECT 1 FROM tracker_pageview WHERE id BETWEEN %s AND %s AND ended_at IS NULL LIMIT 1"
SETTLE_SECONDS = 1.0  # what a page opens or closes may take to be counted


@dataclass(frozen=True)
class Sight:
    """One live count, between the least and the most that the ledger allows for its moment."""

    at: float
    tabs: int
    least: int
    most: int
    visitors: int
    least_visitors: int
    most_visitors: int
    stale: int = 0  # edges that it said were not heard

    @property
    def drift(self) -> int:
        """By how many tabs or visitors the count was wrong."""
        return max(
            self.least - self.tabs,
            self.tabs - self.most,
            self.least_visitors - self.visitors,
            self.visitors - self.most_visitors,
            0,
        )

    @property
    def exact(self) -> bool:
        """Whether only one count was right: nothing had changed for the time to settle."""
        return self.least == self.most


class Truth:
    """Who is open, by the ledger."""

    def __init__(self, settle: float) -> None:
        self._settle = settle
        self._open: dict[UUID, int] = {}
        self._visitors: Counter[int] = Counter()
        self._recent: deque[tuple[float, bool, UUID, int]] = deque()

    def note(self, entry: Entry) -> None:
        """Take the next happening."""
        if entry.kind is EntryKind.SAID and entry.page not in self._open:
            self._open[entry.page] = entry.visitor
            self._visitors[entry.visitor] += 1
            self._recent.append((entry.at, True, entry.page, entry.visitor))
        elif (
            entry.kind in (EntryKind.CLOSED, EntryKind.LOST) and self._open.pop(entry.page, None) is not None
        ):
            self._visitors[entry.visitor] -= 1
            if not self._visitors[entry.visitor]:
                del self._visitors[entry.visitor]
            self._recent.append((entry.at, False, entry.page, entry.visitor))

    def sight(self, asked: float, at: float, live: Mapping[str, Any]) -> Sight:
        """Judge a live count that was asked for at `asked` and known at `at`, the last moment noted."""
        while self._recent and self._recent[0][0] < asked - self._settle:
            self._recent.popleft()
        new = {page: visitor for _, opened, page, visitor in self._recent if opened and page in self._open}
        gone = {page: visitor for _, opened, page, visitor in self._recent if not opened}
        fresh = Counter(new.values())
        unsure = sum(self._visitors[visitor] == count for visitor, count in fresh.items())
        left = sum(visitor not in self._visitors for visitor in set(gone.values()))
        return Sight(
            at=at,
            tabs=live["tabs"],
            least=len(self._open) - len(new),
            most=len(self._open) + len(gone.keys() - self._open.keys()),
            visitors=live["visitors"],
            least_visitors=len(self._visitors) - unsure,
            most_visitors=len(self._visitors) + left,
            stale=live.get("stale", 0),
        )


class LiveCheck:
    """Live counts of one site, held against the ledgers of a run that goes on."""

    def __init__(
        self, ledgers: list[str], ask: Callable[[], Mapping[str, Any]], settle: float = SETTLE_SECONDS
    ) -> None:
        """`ask` gives the live object of this moment; it may raise OSError while nobody answers."""
        self.sights: list[Sight] = []
        self.unanswered: list[float] = []
        self._reader = Reader(ledgers)
        self._truth = Truth(settle)
        self._ask = ask
        self._answers: deque[tuple[float, float, Mapping[str, Any]]] = deque()

    def look(self) -> None:
        """Ask once, and judge all answers for which the ledgers have been told by now."""
        asked = time.time()
        try:
            live = self._ask()
        except OSError:
            self.unanswered.append(asked)
        else:
            self._answers.append((asked, time.time(), live))
        self._judge()

    def watch(self, seconds: float, every: float = 1.0) -> None:
        """Look again and again."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            began = time.monotonic()
            self.look()
            time.sleep(max(0.0, min(left, began + every - time.monotonic())))

    def settled(self, seconds: float = 5.0) -> "LiveCheck":
        """Judge what was asked last, once the ledgers have been told; self."""
        until = time.monotonic() + seconds
        while self._answers and time.monotonic() < until:
            time.sleep(0.05)
            self._judge()
        return self

    @property
    def drift(self) -> int:
        """The worst wrong count."""
        return max((sight.drift for sight in self.sights), default=0)

    @property
    def exact(self) -> int:
        """How many counts could be right in one way only."""
        return sum(sight.exact for sight in self.sights)

    def healed(self, after: float) -> float:
        """Seconds from `after` until every later count was right; 0 when none was wrong."""
        wrong = [sight.at for sight in self.sights if sight.at >= after and sight.drift]
        later = [sight.at for sight in self.sights if wrong and sight.at > wrong[-1]]
        if not wrong:
            return 0.0
        return (later[0] if later else float("inf")) - after

    def _judge(self) -> None:
        while self._answers:
            asked, at, live = self._answers[0]
            entries = self._reader.until(at)
            if entries is None:
                return
            self._answers.popleft()
            for entry in entries:
                self._truth.note(entry)
            self.sights.append(self._truth.sight(asked, at, live))


@dataclass
class Stored:
    """What became of the pages of a run in Postgres."""

    said: int = 0
    acked: int = 0
    lost: int = 0  # acknowledged, and not there
    duplicated: int = 0
    wrong: int = 0  # stored under another path than was said
    invented: int = 0  # stored, and never said
    open: int = 0  # left by their page, and still without an end
    began: Delays = field(default_factory=Delays)  # how far the beginnings are from the ledger's
    ended: Delays = field(default_factory=Delays)

    @property
    def right(self) -> bool:
        """Every acknowledged page view exactly once, as it was said."""
        return not (self.lost or self.duplicated or self.wrong or self.invented)


def stored(database_url: str, run: int, entries: Iterable[Entry]) -> Stored:
    """Hold Postgres against the whole ledger of a run."""
    said: dict[UUID, Entry] = {}
    acked: set[UUID] = set()
    closed: dict[UUID, float] = {}
    for entry in entries:
        if entry.kind is EntryKind.SAID:
            said.setdefault(entry.page, entry)
            closed.pop(entry.page, None)
        elif entry.kind is EntryKind.ACKED:
            acked.add(entry.page)
        elif entry.kind is EntryKind.CLOSED:
            closed[entry.page] = entry.at
    report = Stored(said=len(said), acked=len(acked))
    found: Counter[UUID] = Counter()
    for page, path, began, ended in _rows(database_url, run):
        found[page] += 1
        if page not in said:
            report.invented += 1
            continue
        report.wrong += path != visitors.page_path(said[page].path)
        report.began.add(abs(began - said[page].at))
        if page in closed:
            report.open += ended is None
            if ended is not None:
                report.ended.add(abs(ended - closed[page]))
    report.lost = len(acked - found.keys())
    report.duplicated = sum(count > 1 for count in found.values())
    return report


def wait_ended(database_url: str, run: int, seconds: float) -> None:
    """Until every page view of a run has an end, at most so long: `stored` tells of those without one."""
    until = time.monotonic() + seconds
    with psycopg.connect(database_url, autocommit=True) as connection:
        while time.monotonic() < until and connection.execute(OPEN, _bounds(run)).fetchone():
            time.sleep(0.2)


def _bounds(run: int) -> tuple[UUID, UUID]:
    """The least and the most id of its pages."""
    return UUID(int=run << 96), UUID(int=(run + 1 << 96) - 1)


def _rows(database_url: str, run: int) -> Iterable[tuple[UUID, str, float, float | None]]:
    with psycopg.connect(database_url) as connection, connection.cursor("pages") as cursor:
        cursor.execute(
            "SELECT id, path, extract(epoch FROM began_at)::float8, extract(epoch FROM ended_at)::float8"
            " FROM tracker_pageview WHERE id BETWEEN %s AND %s",
            _bounds(run),
        )
        yield from cursor
