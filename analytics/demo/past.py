"""The demo site's past: who came on the days before, when, and on which walk, as the live visitors would.

Pure. Some hundred walks and some thousand people are worked out once. A visit of the past is one of each,
and a moment: from that, Postgres writes out its page views by itself (`analytics.demo.filling`).
"""

import json
import math
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Final, NamedTuple

from analytics.demo.facts import BRAND, EVENTS, PLACES, SURGES, Source
from analytics.demo.people import COMES_AGAIN, People
from analytics.demo.rhythm import source
from analytics.demo.walk import Stay, walk
from tracker.contract.spans import VISIT_GAP
from tracker.pages import page_url, referrers
from tracker.visitors import agents

DAYS: Final = 8
# Deciding on a walk takes as long as a hundred rows: some serve all of the past, and so do people.
WALKS, SURGING_WALKS, CROWD = 300, 30, 3000
# Readers of the past take their time: half the rows for as many people at once. Each walk has its own pace.
SLOWER: Final = (1.4, 2.6)
# From Monday on; and of an hour: quiet at four in the morning, most after lunch and in the evening.
WEEK: Final = (1.0, 1.05, 1.08, 1.02, 0.94, 0.66, 0.6)
# When, before now, how long, and how many times the ordinary rate a link brought on top.
BURST: Final = (timedelta(days=3, hours=2), timedelta(minutes=45), 3.0)
SHOWN_AGAIN: Final = (0.6, 1.5)  # of what this hour would have: the past and the live visitors fit together
MINUTE_MS: Final = 60_000
GAP_MS: Final = int(VISIT_GAP.total_seconds() * 1000)


class StayOfThePast(NamedTuple):
    """A page view of a walk. Milliseconds count from its beginning; `…_before`: on its earlier pages."""

    walk: int
    number: int
    begins_ms: int
    ends_ms: int
    engaged_ms: int
    engaged_before: int
    events_before: int
    depth: int
    path: str
    query: str
    title: str
    event: str
    properties: str


class Whence(NamedTuple):
    """Where a walk begins, and where it came from."""

    walk: int
    entry_path: str
    referrer: str
    referrer_url: str
    channel: str
    utm_source: str
    utm_medium: str
    utm_campaign: str
    utm_term: str
    utm_content: str


class PersonOfThePast(NamedTuple):
    """What is stored of who came."""

    person: int
    browser: str
    system: str
    device: str
    country: str
    language: str
    width: int


class VisitOfThePast(NamedTuple):
    """One visit, `at_ms` after the past's beginning; `views` of its page views had begun when that ends."""

    id: str
    at_ms: int
    walk: int
    person: int
    visitor: str
    views: int


class Past:
    """What happened on a site with these people, `average` of them there at a busy moment."""

    def __init__(
        self, rng: Random, host: str, people: People, country_of: Callable[[str], str], average: float
    ) -> None:
        self._rng = rng
        self.stays: list[StayOfThePast] = []
        self.whence: list[Whence] = []
        self.people = [_stored(number, people, country_of) for number in range(CROWD)]
        self._views: list[list[StayOfThePast]] = []
        for number in range(WALKS + SURGING_WALKS):
            self._add(number, source(rng) if number < WALKS else SURGES[0], host)
        lasts = sum(views[-1].ends_ms for views in self._views[:WALKS]) / 1000 / WALKS
        self._rate = average / lasts

    def visits(self, since: datetime, now: datetime) -> Iterator[VisitOfThePast]:
        """All visits that began from `since` on, in order; nothing goes on after `now`."""
        rng, random = self._rng, self._rng.random
        least, most = SHOWN_AGAIN
        level = min(max(1 / busyness(now), least), most) * self._rate
        gone: deque[tuple[int, str, int]] = deque()
        day: date | None = None
        whole, begin_ms = _milliseconds(now - since), 0
        while begin_ms < whole:
            moment = since + timedelta(milliseconds=begin_ms)
            if moment.date() != day:
                # A visitor is one day's: who comes on another is somebody else.
                day = moment.date()
                gone.clear()
            ordinary = busyness(moment) * level
            surge = self._rate * BURST[2] if now - BURST[0] <= moment < now - BURST[0] + BURST[1] else 0.0
            at, end = float(begin_ms), min(begin_ms + MINUTE_MS, whole)
            # The rate stands still for a minute; arrivals at random have no memory of the one before.
            while (at := at + rng.expovariate(ordinary + surge) * 1000) < end:
                surging = surge and random() < surge / (ordinary + surge)
                number = WALKS + int(random() * SURGING_WALKS) if surging else int(random() * WALKS)
                at_ms, views = int(at), self._views[number]
                # Whoever comes back within the gap would have gone on with the visit.
                if gone and random() < COMES_AGAIN and gone[0][0] + GAP_MS < at_ms:
                    _, visitor, person = gone.popleft()
                else:
                    visitor, person = f"{rng.getrandbits(128):032x}", int(random() * CROWD)
                left, begun = whole - at_ms, len(views)
                if left < views[-1].ends_ms:
                    begun = sum(view.begins_ms < left for view in views)
                gone.append((at_ms + views[-1].ends_ms, visitor, person))
                # In order: an index takes them in half the time that it takes for ids at random.
                visit = f"{at_ms:012x}{rng.getrandbits(80):020x}"
                yield VisitOfThePast(visit, at_ms, number, person, visitor, begun)
            begin_ms = end

    def _add(self, number: int, whence: Source, host: str) -> None:
        made, pace = walk(self._rng, whence), self._rng.uniform(*SLOWER)
        views: list[StayOfThePast] = []
        at = engaged = events = 0
        for place, stay in enumerate(made.stays):
            view = _stay(number, place, stay, at, pace)._replace(engaged_before=engaged, events_before=events)
            views.append(view)
            at, engaged, events = view.ends_ms, engaged + view.engaged_ms, events + bool(view.event)
        self._views.append(views)
        self.stays += views
        url = page_url.read(f"https://{host}{views[0].path}?{views[0].query}")
        found = referrers.read(whence.referrer, lambda other: other == host, url.utm, url.ref, url.paid)
        utm = (url.utm.source, url.utm.medium, url.utm.campaign, url.utm.term, url.utm.content)
        named = (word.lower() for word in utm)
        self.whence.append(Whence(number, views[0].path, found.source, found.url, found.channel, *named))


def busyness(at: datetime) -> float:
    """How busy a moment of the week is, about 1 on a weekday's afternoon."""
    hour = at.astimezone(UTC).hour + at.minute / 60
    day = math.cos((hour - 14.5) / 24 * math.tau)
    evening = math.exp(-(((hour - 20.5) / 1.6) ** 2))
    wave = 0.06 * math.sin(at.timestamp() / 1100) + 0.05 * math.sin(at.timestamp() / 397)
    return WEEK[at.weekday()] * max(0.12, 0.58 + 0.42 * day + 0.22 * evening + wave)


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


def _stay(walk: int, number: int, stay: Stay, begins: int, pace: float) -> StayOfThePast:
    lasts, last = int(stay.seconds * 1000 * pace), stay.moments[-1]
    _, event, properties = EVENTS[stay.path] if stay.event else (0.0, "", {})
    return StayOfThePast(
        walk=walk,
        number=number,
        begins_ms=begins,
        ends_ms=begins + lasts,
        engaged_ms=min(int(last.engaged_ms * pace), lasts),
        engaged_before=0,
        events_before=0,
        depth=last.depth,
        path=stay.path,
        query=stay.query,
        title=f"{PLACES[stay.path].title} – {BRAND}",
        event=event,
        properties=json.dumps(properties),
    )


def _stored(number: int, people: People, country_of: Callable[[str], str]) -> PersonOfThePast:
    person = people.next()
    agent, country = agents.read(person.user_agent), country_of(person.address)
    who = (agent.browser, agent.system, agent.device, country, person.language, person.width)
    return PersonOfThePast(number, *who)
