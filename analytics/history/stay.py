"""How long readers stay: of the page views of a question, how many are there after so many seconds. Pure.

A page view that is still open has stayed for so long at least: leaving it out would make those look short who
came last. So the curve is the product-limit estimator (E. L. Kaplan and P. Meier, "Nonparametric estimation
from incomplete observations", Journal of the American Statistical Association 53, 1958), which is the plain
share of page views where none is open.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

import msgspec

from analytics.history.question import HistoryQuestion

# Evenly along a logarithmic axis, and round.
SECONDS = (
    *(0.0, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0),
    *(75.0, 90.0, 120.0, 150.0, 180.0, 240.0, 300.0, 360.0, 480.0, 600.0, 720.0, 900.0, 1200.0, 1500.0),
    *(1800.0, 2400.0, 3000.0, 3600.0, 5400.0, 7200.0, 10800.0, 14400.0, 21600.0, 28800.0, 43200.0, 86400.0),
)
PERCENT = tuple(range(0, 101, 10))
# Products of many shares end a little beside what they are.
NEARLY = 1e-9


class StayQuestion(msgspec.Struct, frozen=True, tag=True):
    """How long page views stay that the filters of `question` keep."""

    question: HistoryQuestion


class StayPoint(msgspec.Struct, frozen=True):
    """After so many seconds: the share that is still there, and how many page views were seen to be."""

    seconds: float
    share: float
    views: int


class DepthPoint(msgspec.Struct, frozen=True):
    """How many page views were scrolled down to so many percent of the page, or further; and their share."""

    percent: int
    share: float
    views: int


class StayAnswer(msgspec.Struct, frozen=True, tag=True):
    """The curve up to where nobody is left, and how far down people scrolled.

    `open`: page views that were not over at `as_of`. `median`, `p90`: seconds after which half, or nine of
    ten, are gone; None where so many are not gone yet.
    """

    as_of: datetime
    views: int
    open: int
    median: float | None
    p90: float | None
    curve: list[StayPoint]
    depth: list[DepthPoint]
    missing_days: list[date]
    damaged_days: list[date]


class Lasted(NamedTuple):
    """Page views that lasted for so many ms; so many of them were over then."""

    ms: int
    over: int
    views: int


class StayCurve(NamedTuple):
    """How readers leave: the points of the curve, and when half and nine of ten have."""

    points: list[StayPoint]
    median: float | None
    p90: float | None


def curve_of(rows: Sequence[Lasted]) -> StayCurve:
    """The curve of page views that lasted for so long; `rows` in order of that, each ms once."""
    there, share = sum(row.views for row in rows), 1.0
    points: list[StayPoint] = []
    gone: dict[float, float] = {}
    grid = [round(seconds * 1000) for seconds in SECONDS]
    for row in rows:
        while len(points) < len(grid) and grid[len(points)] <= row.ms:
            points.append(StayPoint(SECONDS[len(points)], share, there))
        share *= 1 - row.over / there
        there -= row.views
        for left in (0.5, 0.1):
            if share <= left + NEARLY:
                gone.setdefault(left, row.ms / 1000)
    if rows and len(points) < len(grid):
        points.append(StayPoint(SECONDS[len(points)], share if share > NEARLY else 0.0, there))
    return StayCurve(points, gone.get(0.5), gone.get(0.1))
