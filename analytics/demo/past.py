"""The demo site's past: page views, visits and events of the days before, as the live visitors would leave.

Pure: from a random source, people and a span of time to rows of text as COPY takes them.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from analytics.demo.facts import BRAND, EVENTS, PLACES, SURGES, Source
from analytics.demo.people import People, Person
from analytics.demo.rhythm import source
from analytics.demo.walk import Walk, walk
from tracker.pages import page_url, referrers
from tracker.visitors import agents

DAYS: Final = 8
# Deciding on a walk takes as long as a hundred rows: some serve all of the past, each with its own people.
WALKS, CROWD = 300, 3000
# Readers of the past take their time: half the rows for as many people at once.
SLOWER: Final = 2.0
# From Monday on; and of an hour: quiet at four in the morning, most after lunch and in the evening.
WEEK: Final = (1.0, 1.05, 1.08, 1.02, 0.94, 0.66, 0.6)
# When, before now, how long, and how many times the ordinary rate a link brought on top.
BURST: Final = (timedelta(days=3, hours=2), timedelta(minutes=45), 3.0)
SHOWN_AGAIN: Final = (0.6, 1.5)  # of what this hour would have: the past and the live visitors fit together

PAGE_VIEW_COLUMNS: Final = (
    *("id", "site_id", "began_at", "ended_at", "visit_id", "path", "query", "title", "engaged_ms", "depth"),
    *("edge", "connection", "visitor", "referrer", "referrer_url", "channel"),
    *("browser", "system", "device", "country", "language", "width"),
    *("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"),
)
VISIT_COLUMNS: Final = (
    *("id", "site_id", "began_at", "ended_at", "entry_path", "exit_path", "views", "events", "engaged_ms"),
    *PAGE_VIEW_COLUMNS[12:],
)
EVENT_COLUMNS: Final = ("id", "site_id", "at", "page_view_id", "visit_id", "name", "properties")


@dataclass(slots=True)
class Rows:
    """Lines for COPY, one list for each table."""

    page_views: list[str] = field(default_factory=list)
    visits: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class WalkOfThePast:
    """A walk, and what is stored of where it came from: worked out once."""

    walk: Walk
    whence: str
    campaign: str


class Past:
    """What happened on a site with these people, `average` of them there at a busy moment."""

    def __init__(
        self,
        rng: Random,
        site_id: int,
        host: str,
        people: People,
        country_of: Callable[[str], str],
        average: float,
    ) -> None:
        self._rng, self._site = rng, site_id
        sources = [source(rng) for _ in range(WALKS)]
        self._walks = [_walked(rng, each, host) for each in sources]
        self._burst = [_walked(rng, SURGES[0], host) for _ in range(WALKS // 10)]
        self._people = [_columns(people.next(), country_of) for _ in range(CROWD)]
        seconds = sum(each.walk.seconds for each in self._walks) / WALKS
        self._rate = average / (seconds * SLOWER)

    def days(self, since: datetime, now: datetime) -> Iterator[Rows]:
        """The rows of each day, the oldest first; nothing goes on after `now`."""
        least, most = SHOWN_AGAIN
        level = min(max(1 / busyness(now), least), most)
        at = since
        while at < now:
            midnight = at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
            rows = Rows()
            until = min(midnight, now)
            while at < until:
                surge = BURST[2] if now - BURST[0] <= at < now - BURST[0] + BURST[1] else 0.0
                ordinary = busyness(at) * level
                at += timedelta(seconds=self._rng.expovariate(self._rate * (ordinary + surge)))
                surging = surge and self._rng.random() < surge / (ordinary + surge)
                if at < until:
                    self._visit(rows, at, until, self._burst if surging else self._walks)
            at = until
            yield rows

    def _visit(self, rows: Rows, at: datetime, until: datetime, walks: Sequence[WalkOfThePast]) -> None:
        rng = self._rng
        chosen = walks[int(rng.random() * len(walks))]
        visit, who = chosen.walk, self._people[int(rng.random() * CROWD)]
        # A visitor is one day's: who comes on another is somebody else.
        visitor = f"{hash((who, at.toordinal(), self._site)) & (2**128 - 1):032x}"
        where = f"{visitor}\t{chosen.whence}\t{who}\t{chosen.campaign}"
        visit_id, began, slower = _id(rng), at, SLOWER * rng.uniform(0.7, 1.3)
        views = events = engaged = 0
        path = visit.stays[0].path
        for stay in visit.stays:
            if at >= until:
                break
            path, ended = stay.path, min(at + timedelta(seconds=stay.seconds * slower), until)
            last = stay.moments[-1]
            spent = min(int(last.engaged_ms * slower), (ended - at) // timedelta(milliseconds=1))
            view = _id(rng)
            rows.page_views.append(
                f"{view}\t{self._site}\t{at}\t{ended}\t{visit_id}\t{path}\t{stay.query}\t"
                f"{PLACES[path].title} – {BRAND}\t{spent}\t{last.depth}\t0\t0\t{where}\n"
            )
            if stay.event:
                _, name, properties = EVENTS[path]
                said = json.dumps(properties)
                rows.events.append(f"{_id(rng)}\t{self._site}\t{ended}\t{view}\t{visit_id}\t{name}\t{said}\n")
                events += 1
            views, engaged, at = views + 1, engaged + spent, ended
        rows.visits.append(
            f"{visit_id}\t{self._site}\t{began}\t{at}\t{visit.stays[0].path}\t{path}\t{views}\t{events}\t"
            f"{engaged}\t{where}\n"
        )


def busyness(at: datetime) -> float:
    """How busy a moment of the week is, about 1 on a weekday's afternoon."""
    hour = at.astimezone(UTC).hour + at.minute / 60
    day = math.cos((hour - 14.5) / 24 * math.tau)
    evening = math.exp(-(((hour - 20.5) / 1.6) ** 2))
    wave = 0.06 * math.sin(at.timestamp() / 1100) + 0.05 * math.sin(at.timestamp() / 397)
    return WEEK[at.weekday()] * max(0.12, 0.58 + 0.42 * day + 0.22 * evening + wave)


def _id(rng: Random) -> str:
    return f"{rng.getrandbits(128):032x}"


def _columns(person: Person, country_of: Callable[[str], str]) -> str:
    agent, country = agents.read(person.user_agent), country_of(person.address)
    who = (agent.browser, agent.system, agent.device, country, person.language, str(person.width))
    return "\t".join(who)


def _walked(rng: Random, whence: Source, host: str) -> WalkOfThePast:
    made = walk(rng, whence)
    first = made.stays[0]
    url = page_url.read(f"https://{host}{first.path}?{first.query}")
    found = referrers.read(whence.referrer, lambda other: other == host, url.utm, url.ref, url.paid)
    utm = (url.utm.source, url.utm.medium, url.utm.campaign, url.utm.term, url.utm.content)
    return WalkOfThePast(
        made, f"{found.source}\t{found.url}\t{found.channel}", "\t".join(word.lower() for word in utm)
    )
