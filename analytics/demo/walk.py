"""What one visitor does: which pages, how long, how attentively. All of it is decided before he comes."""

from dataclasses import dataclass, replace
from random import Random
from typing import Final

from analytics.demo.facts import EVENTS, IN_PLACE, PLACES, Source
from tracker.contract.attention import Attention

LEAVES: Final = 0.34  # after any page
GLANCES: Final = 0.6  # of those who leave after the first page: it was not what they looked for
GLANCE: Final = (2.0, 5.0)  # seconds
PAGES: Final = 12  # at most, in one visit
SPREAD: Final = 0.8  # of the log-normal dwell times
SHORTEST, LONGEST = 2.0, 300.0  # seconds on one page
SECOND_TAB: Final = 0.12


@dataclass(frozen=True, slots=True)
class Moment:
    """What the snippet would say `at` seconds after the page was opened."""

    at: float
    attention: Attention
    engaged_ms: int
    depth: int


BEGINNING: Final = Moment(0.0, Attention.ACTIVE, 0, 0)


@dataclass(frozen=True, slots=True)
class Stay:
    """One page view: how long it lasts and what is said meanwhile; an `event` comes just before its end."""

    path: str
    query: str
    seconds: float
    moments: tuple[Moment, ...]
    event: bool = False
    in_place: bool = False  # no new load: the socket stays
    second_tab_at: float | None = None  # seconds after which a link is opened in a second tab


@dataclass(frozen=True, slots=True)
class Walk:
    """One visit: its page views one after the other, and maybe one beside them in a second tab."""

    referrer: str
    stays: tuple[Stay, ...]
    second_tab: Stay | None = None

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return sum(stay.seconds for stay in self.stays)


def walk(rng: Random, source: Source) -> Walk:
    """A visit of somebody who follows `source`."""
    path = rng.choice(source.entries)
    if rng.random() < LEAVES * GLANCES:
        glance = stay(rng, path, rng.uniform(*GLANCE))
        return Walk(source.referrer, (replace(glance, query=source.query, event=False),))
    second_tab = None
    stays: list[Stay] = []
    for number in range(PAGES):
        away = None
        seconds = dwell(rng, path)
        if number == 0 and rng.random() < SECOND_TAB:
            second_tab = stay(rng, rng.choice(PLACES[path].links))
            left = seconds * rng.uniform(0.2, 0.8)
            away = (left, left + second_tab.seconds)
            seconds += second_tab.seconds
        current = stay(rng, path, seconds, away)
        if number == 0:
            current = replace(current, query=source.query)
        elif path.startswith(IN_PLACE) and stays[-1].path.startswith(IN_PLACE):
            current = replace(current, in_place=True)
        stays.append(current)
        if rng.random() < (LEAVES if number else LEAVES * (1 - GLANCES)):
            break
        path = rng.choice(PLACES[path].links)
    return Walk(source.referrer, tuple(stays), second_tab)


def rest_of(visit: Walk, after: float) -> Walk:
    """The visit as one who looks from its middle on sees it, `after` seconds from its beginning."""
    stays = list(visit.stays)
    while len(stays) > 1 and after >= stays[0].seconds:
        after -= stays.pop(0).seconds
    current = stays[0]
    # How things stand, and what is still to come; engaged time counts from now on.
    last = [BEGINNING, *(moment for moment in current.moments if moment.at <= after)][-1]
    lasting = after - last.at if last.attention is Attention.ACTIVE else 0.0
    before = last.engaged_ms + int(lasting * 1000)
    moments = [replace(last, at=0.0, engaged_ms=0)]
    for moment in current.moments:
        if moment.at > after:
            engaged = max(0, moment.engaged_ms - before)
            moments.append(replace(moment, at=moment.at - after, engaged_ms=engaged))
    stays[0] = replace(current, seconds=current.seconds - after, moments=tuple(moments), second_tab_at=None)
    return Walk(visit.referrer, tuple(stays))


def stay(
    rng: Random, path: str, seconds: float | None = None, away: tuple[float, float] | None = None
) -> Stay:
    """One page view; `away` is when another tab hides it."""
    seconds = seconds if seconds is not None else dwell(rng, path)
    likely = EVENTS[path][0] if path in EVENTS else 0.0
    return Stay(
        path=path,
        query="",
        seconds=seconds,
        moments=tuple(attend(rng, seconds, away)),
        event=rng.random() < likely,
        second_tab_at=away[0] if away else None,
    )


def dwell(rng: Random, path: str) -> float:
    """Seconds spent on a page: log-normal, as people's are."""
    return min(LONGEST, max(SHORTEST, PLACES[path].seconds * rng.lognormvariate(0, SPREAD)))


def attend(rng: Random, seconds: float, away: tuple[float, float] | None) -> list[Moment]:
    """Attention, engaged time and depth over a stay; at its end the page is hidden, as browsers hide it."""
    deepest = 100 * rng.betavariate(2, 1.5)
    moments = []
    engaged = 0.0
    changes = attention_changes(rng, seconds, away)
    for (at, attention), (until, _) in zip(changes, [*changes[1:], (seconds, Attention.HIDDEN)], strict=True):
        # Readers are quick at the top and slow further down.
        depth = deepest * (1 - 0.5 ** (4 * at / seconds))
        if at:
            moments.append(Moment(at, attention, int(engaged * 1000), int(depth)))
        if attention is Attention.ACTIVE:
            engaged += until - at
    moments.append(Moment(seconds, Attention.HIDDEN, int(engaged * 1000), int(deepest)))
    return moments


def attention_changes(
    rng: Random, seconds: float, away: tuple[float, float] | None
) -> list[tuple[float, Attention]]:
    """When attention changes, beginning with active at 0."""
    changes = [(0.0, Attention.ACTIVE)]
    at = 0.0
    while True:
        at += 8 + rng.expovariate(1 / 30)
        if at >= seconds:
            break
        changes.append((at, rng.choices((Attention.IDLE, Attention.HIDDEN), (3, 1))[0]))
        at += 1 + rng.expovariate(1 / 15)
        if at >= seconds:
            break
        changes.append((at, Attention.ACTIVE))
    if away:
        left, back = away
        changes = [change for change in changes if not left <= change[0] <= back]
        changes = sorted([*changes, (left, Attention.HIDDEN), (back, Attention.ACTIVE)])
    return changes
