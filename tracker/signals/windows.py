"""Windows: what datapoints add up to within 10, 60 and 600 seconds.

Each is computed from the values of its own span: a longer window gathers the values of the shorter ones
within it, never their means. Beyond `DISTINCT_MOST` different numbers in one window, values keep three
digits, so that percentiles and the deviation are within 0.5 % of the truth; count, sum, smallest and largest
stay exact.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from tracker.signals.datapoint import OTHER, VALUE_MOST, Datapoint, Reason, Series, SeriesKind

SPANS = (10, 60, 600)  # seconds; each holds a whole number of those before it
DISTINCT_MOST = 1000
MEMBERS_MOST = 10_000
# Of all sets in all windows: some 80 MB.
MEMBERS_TOGETHER_MOST = 1_000_000
SERIES_MOST = 10_000
PORTION = 200
DIGITS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One window of one series; what its kind has not is None. `at`: its begin, seconds since 1970."""

    series: Series
    seconds: int
    at: int
    count: float
    sum: float | None = None
    last: float | None = None
    least: float | None = None
    most: float | None = None
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    deviation: float | None = None
    distinct: int | None = None


@dataclass(slots=True)
class Sums:
    """What a counter was increased by."""

    count: float = 0.0
    sum: float = 0.0

    def add(self, datapoint: Datapoint) -> None:
        """Take one more."""
        self.count += datapoint.weight
        self.sum += datapoint.value * datapoint.weight

    def gather(self, other: "Sums") -> None:
        """Take all that a later window of the same series holds."""
        self.count += other.count
        self.sum += other.sum

    def row(self, series: Series, seconds: int, at: int) -> Row:
        """What it comes to, as a window of this series."""
        return Row(series, seconds, at, self.count, self.sum)


@dataclass(slots=True)
class GaugeLevels:
    """Where a gauge stood, each time that it was told."""

    count: float = 0.0
    sum: float = 0.0
    last: float = 0.0
    least: float = 0.0
    most: float = 0.0

    def add(self, datapoint: Datapoint) -> None:
        """Take one more."""
        value = datapoint.value
        if not self.count:
            self.least = self.most = value
        elif value < self.least:
            self.least = value
        elif value > self.most:
            self.most = value
        # A gauge that is sent now and then stands where it stands: samples are not more of it.
        self.count += 1
        self.sum += value
        self.last = value

    def gather(self, other: "GaugeLevels") -> None:
        """Take all that a later window of the same series holds."""
        self.least = min(self.least, other.least) if self.count else other.least
        self.most = max(self.most, other.most) if self.count else other.most
        self.count += other.count
        self.sum += other.sum
        self.last = other.last

    def row(self, series: Series, seconds: int, at: int) -> Row:
        """What it comes to, as a window of this series."""
        return Row(series, seconds, at, self.count, self.sum, self.last, self.least, self.most)


@dataclass(slots=True)
class Values:
    """How often each value of a timer, a histogram or a distribution came."""

    count: float = 0.0
    sum: float = 0.0
    least: float = 0.0
    most: float = 0.0
    rounded: bool = False
    weights: dict[float, float] = field(default_factory=dict)

    def add(self, datapoint: Datapoint) -> None:
        """Take one more."""
        _, value, weight, _, _ = datapoint
        self._stretch(value, value)
        self.count += weight
        self.sum += value * weight
        if self.rounded:
            value = rounded(value)
        self.weights[value] = self.weights.get(value, 0.0) + weight
        if len(self.weights) > DISTINCT_MOST and not self.rounded:
            self._round()

    def gather(self, other: "Values") -> None:
        """Take all that a later window of the same series holds."""
        self._stretch(other.least, other.most)
        self.count += other.count
        self.sum += other.sum
        if other.rounded and not self.rounded:
            self._round()
        for value, weight in other.weights.items():
            key = rounded(value) if self.rounded else value
            self.weights[key] = self.weights.get(key, 0.0) + weight
        if len(self.weights) > DISTINCT_MOST and not self.rounded:
            self._round()

    def _stretch(self, least: float, most: float) -> None:
        if not self.weights:
            self.least, self.most = least, most
            return
        if least < self.least:
            self.least = least
        if most > self.most:
            self.most = most

    def _round(self) -> None:
        self.rounded = True
        exact, self.weights = self.weights, {}
        for value, weight in exact.items():
            key = rounded(value)
            self.weights[key] = self.weights.get(key, 0.0) + weight

    def row(self, series: Series, seconds: int, at: int) -> Row:
        """What it comes to, as a window of this series."""
        count = sum(self.weights.values())
        mean = self.sum / count
        squares = sum(weight * (value - mean) ** 2 for value, weight in self.weights.items())
        p50, p90, p99 = self._percentiles(count, (0.5, 0.9, 0.99))
        return Row(
            *(series, seconds, at, count, self.sum, None, self.least, self.most),
            *(p50, p90, p99, (squares / count) ** 0.5),
        )

    def _percentiles(self, count: float, shares: Sequence[float]) -> list[float]:
        """By nearest rank: the smallest value that so much of the weight does not exceed."""
        found: list[float] = []
        below = 0.0
        for value in sorted(self.weights):
            below += self.weights[value]
            # Sums of weights such as 1 / 0.3 miss a whole number by a hair.
            while len(found) < len(shares) and below >= shares[len(found)] * count * (1 - 1e-12):
                found.append(min(max(value, self.least), self.most))
        return found


@dataclass(slots=True)
class MemberRoom:
    """How many members more all sets together may hold, and how many found no room."""

    left: int
    missed: int = 0


@dataclass(slots=True)
class Members:
    """Who was in a set: 64 bits of each, since a text may be as long as a message."""

    room: MemberRoom
    count: float = 0.0
    members: set[int] = field(default_factory=set)

    def add(self, datapoint: Datapoint) -> None:
        """Take one more."""
        self.count += datapoint.weight
        self._keep(hash(datapoint.member))

    def gather(self, other: "Members") -> None:
        """Take all that a later window of the same series holds, which lets go of it."""
        self.count += other.count
        other.let_go()
        for member in other.members:
            self._keep(member)

    def let_go(self) -> None:
        """Make room for the members of others: this window is over."""
        self.room.left += len(self.members)

    def _keep(self, member: int) -> None:
        if member in self.members or len(self.members) >= MEMBERS_MOST:
            return
        if not self.room.left:
            self.room.missed += 1
            return
        self.room.left -= 1
        self.members.add(member)

    def row(self, series: Series, seconds: int, at: int) -> Row:
        """What it comes to, as a window of this series."""
        return Row(series, seconds, at, self.count, distinct=len(self.members))


# What a window holds of a series, by the series' kind.
Gathered = Sums | GaugeLevels | Values | Members
GATHERED: dict[SeriesKind, Callable[[], Gathered]] = {
    SeriesKind.COUNTER: Sums,
    SeriesKind.GAUGE: GaugeLevels,
    SeriesKind.TIMER: Values,
    SeriesKind.HISTOGRAM: Values,
    SeriesKind.DISTRIBUTION: Values,
}


class Windows:
    """All windows that are open; `now` is in seconds since 1970, and goes back with `begin_again` only."""

    def __init__(
        self, now: float, most: int = SERIES_MOST, members_most: int = MEMBERS_TOGETHER_MOST
    ) -> None:
        """`most`: series; `members_most`: of all sets together."""
        self._most = most
        self._room = MemberRoom(members_most)
        self._known: dict[Series, int] = {}  # when it was last heard of: the begin of its shortest window
        self._levels: dict[Series, float] = {}
        self._open: dict[int, dict[Series, Gathered]] = {seconds: {} for seconds in SPANS}
        self._began = _begin(now, SPANS[0])
        self._looked_at = -1  # for series that are silent: the window in which that was
        self.refused: Counter[Reason] = Counter()

    def __len__(self) -> int:
        return len(self._known)

    def is_over(self, now: float) -> bool:
        """Whether the shortest window has ended, and `close` is to be called."""
        return now >= self._began + SPANS[0]

    def add(self, datapoints: Iterable[Datapoint], own: bool = False) -> None:
        """Take datapoints into the windows that are open. `own`: of Footfall, which always has room."""
        current = self._open[SPANS[0]]
        for datapoint in datapoints:
            series = datapoint.series
            gathered = current.get(series)
            if gathered is None:
                series = self._admitted(series, own)
                gathered = current.get(series)
                if gathered is None:
                    gathered = current[series] = self._made(series.kind)
            if series.kind is SeriesKind.GAUGE:
                datapoint = self._absolute(series, datapoint)
            gathered.add(datapoint)

    def _made(self, kind: SeriesKind) -> Gathered:
        return Members(self._room) if kind is SeriesKind.SET else GATHERED[kind]()

    def _absolute(self, series: Series, datapoint: Datapoint) -> Datapoint:
        """A gauge's datapoint as a level. Steps from a level that nobody told begin at 0, as in statsd."""
        if datapoint.relative:
            level = self._levels.get(series, 0.0) + datapoint.value
            datapoint = Datapoint(series, max(-VALUE_MOST, min(level, VALUE_MOST)))
        self._levels[series] = datapoint.value
        return datapoint

    def _admitted(self, series: Series, own: bool) -> Series:
        """The series itself while there is room; names that are made up without end share one."""
        full = len(self._known) >= self._most
        if full and series not in self._known and not own and not self._forget():
            self.refused[Reason.TOO_MANY_SERIES] += 1
            return Series(OTHER, series.kind)
        self._known[series] = self._began
        return series

    def _forget(self) -> bool:
        """Forget those that were silent for all of the longest window; whether there were any.

        Within a window no more of them become so: whoever makes names up without end must not have all
        that are known looked through for each."""
        if self._looked_at == self._began:
            return False
        self._looked_at = self._began
        silent = [each for each, heard in self._known.items() if heard < self._began - SPANS[-1]]
        for each in silent:
            del self._known[each]
            self._levels.pop(each, None)
        return bool(silent)

    def begin_again(self, now: float) -> None:
        """Go on at another time, which may be an earlier one, once `end` was read."""
        self._began, self._looked_at = _begin(now, SPANS[0]), -1
        self._known = dict.fromkeys(self._known, self._began)

    @property
    def filling(self) -> Mapping[Series, Gathered]:
        """The shortest windows, while they fill."""
        return self._open[SPANS[0]]

    def row(self, series: Series) -> Row:
        """One of those that fill, as far as it is. Raises KeyError where nothing came yet."""
        return self.filling[series].row(series, SPANS[0], self._began)

    def rows(self) -> Iterator[Row]:
        """The shortest windows as far as they are, while they fill."""
        return map(self.row, self.filling)

    def close(self, now: float) -> Iterator[list[Row]]:
        """End the windows that are over; their rows come in portions, between which datapoints may be added.

        To be read to its end before the next call: 200 rows take 2 ms, so that no receiver waits for long.
        """
        ended = self._began
        self._began = _begin(now, SPANS[0])
        for seconds, longer in zip(SPANS, (*SPANS[1:], None), strict=True):
            began = _begin(ended, seconds)
            if self._began < began + seconds:
                return
            finished, self._open[seconds] = self._open[seconds], {}
            for portion in _portions(finished.items()):
                yield [gathered.row(series, seconds, began) for series, gathered in portion]
                self._hand_on(portion, longer)

    def end(self) -> Iterator[list[Row]]:
        """What all windows hold, unfinished as they are: where a process stops or a clock is put back."""
        for seconds, longer in zip(SPANS, (*SPANS[1:], None), strict=True):
            began = _begin(self._began, seconds)
            portion = list(self._open[seconds].items())
            yield [gathered.row(series, seconds, began) for series, gathered in portion]
            self._hand_on(portion, longer)
        self._open = {seconds: {} for seconds in SPANS}

    def _hand_on(self, portion: Iterable[tuple[Series, Gathered]], longer: int | None) -> None:
        """What ended goes into the longer window; out of the longest, nowhere."""
        for series, gathered in portion:
            if longer is None:
                if isinstance(gathered, Members):
                    gathered.let_go()
                continue
            # Its rows are made: the longer window may go on with the very object.
            there = self._open[longer].setdefault(series, gathered)
            if there is not gathered:
                there.gather(gathered)  # type: ignore[arg-type]  # of the same kind, as the series is
        if self._room.missed:
            self.refused[Reason.TOO_MANY_MEMBERS] += self._room.missed
            self._room.missed = 0


def _begin(at: float, seconds: int) -> int:
    """When the window that holds `at` began."""
    return int(at // seconds) * seconds


def _portions(items: Iterable[tuple[Series, Gathered]]) -> Iterator[list[tuple[Series, Gathered]]]:
    rest = iter(items)
    while portion := list(islice(rest, PORTION)):
        yield portion


def rounded(value: float) -> float:
    """To three digits."""
    return float(f"{value:.{DIGITS - 1}e}")
