"""The report's chart as numbers for an SVG: bars of page views, and before them, darker, those of visits.

Drawn on the server with attributes only: it needs no script, obeys the strict policy, and prints.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from analytics.history.reports import Bucket
from analytics.queries.ranges import Range

WIDTH, HEIGHT = 960, 240
LEFT, BOTTOM, TOP = 44, 24, 10
LABELS = 8  # at most so many along the time axis


@dataclass(frozen=True)
class Bar:
    """One hour or day: where its two bars stand, and what a pointer on them is told."""

    x: float
    width: float
    views_y: float
    views_height: float
    visits_y: float
    visits_height: float
    title: str


@dataclass(frozen=True)
class Label:
    """A text beside an axis."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Chart:
    """A chart ready to be drawn."""

    bars: list[Bar]
    lines: list[Label]
    times: list[Label]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT


def draw(buckets: Sequence[Bucket], days: Range) -> Chart:
    """The chart of a report's series."""
    step = nice_step(max((bucket.views for bucket in buckets), default=0))
    highest = step * 4
    floor = HEIGHT - BOTTOM
    unit = (floor - TOP) / highest
    slot = (WIDTH - LEFT) / max(len(buckets), 1)
    gap = min(slot * 0.2, 6)
    bars = []
    for number, bucket in enumerate(buckets):
        views, visits = bucket.views * unit, bucket.visits * unit
        bars.append(
            Bar(
                x=round(LEFT + number * slot + gap / 2, 2),
                width=round(slot - gap, 2),
                views_y=round(floor - views, 2),
                views_height=round(views, 2),
                visits_y=round(floor - visits, 2),
                visits_height=round(visits, 2),
                title=f"{moment(bucket, days)}: {_said(bucket)}",
            )
        )
    lines = [Label(LEFT, round(floor - step * n * unit, 2), f"{step * n:,}") for n in range(5)]
    every = -(-len(buckets) // LABELS) or 1
    times = [
        Label(round(LEFT + (number + 0.5) * slot, 2), HEIGHT - 6, tick(bucket, days))
        for number, bucket in enumerate(buckets)
        if number % every == 0
    ]
    return Chart(bars, lines, times)


def nice_step(highest: int) -> int:
    """A round number of which four reach over `highest`: 1, 2, 5, 10, 20, 50 …"""
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if step * 4 >= highest:
                return step
        size *= 10


def moment(bucket: Bucket, days: Range) -> str:
    at = bucket.start.astimezone(days.zone)
    return f"{at:%-d %b %Y, %H:%M}" if days.hourly else f"{at:%a %-d %b %Y}"


def tick(bucket: Bucket, days: Range) -> str:
    at = bucket.start.astimezone(days.zone)
    return f"{at:%H:%M}" if days.hourly else f"{at:%-d %b}"


def _said(bucket: Bucket) -> str:
    return ", ".join(
        f"{number:,} {what if number == 1 else what + 's'}"
        for number, what in ((bucket.views, "page view"), (bucket.visits, "visit"))
    )
