"""What is measured of the past, each once: these expressions are its definition wherever a figure is shown.

Columns are those of `day_files`, and of the steps in `question_sql`.
"""

from enum import Enum
from typing import NamedTuple


class Of(Enum):
    """Over what a measure is taken."""

    VIEWS = "views"  # every page view that is kept
    VISITS = "visits"  # every visit of which a page view is kept, once
    PRESENCE = "presence"  # the spans of time in which page views that are kept were open
    RATIO = "ratio"  # other measures


class Measure(NamedTuple):
    """A measure; `sql` aggregates rows. `adds`: whether rows of a table, or days, can be added up."""

    of: Of
    sql: str
    adds: bool = False
    needs: tuple[str, ...] = ()


BOUNCED = "visit_views = 1 AND visit_events = 0 AND visit_engaged_ms < 10000"


def _spread(of: Of, name: str, seconds: str) -> dict[str, Measure]:
    return {
        name: Measure(of, f"avg({seconds})"),
        f"{name}_median": Measure(of, f"median({seconds})"),
        f"{name}_p90": Measure(of, f"quantile_cont({seconds}, 0.9)"),
    }


MEASURES: dict[str, Measure] = {
    # Names of visitors are of a day, so that distinct ones of days add up.
    "visitors": Measure(Of.VISITS, "{visitors}", adds=True),
    "visits": Measure(Of.VISITS, "count(*)", adds=True),
    "views": Measure(Of.VIEWS, "count(*)", adds=True),
    "events": Measure(Of.VIEWS, "sum({events})::BIGINT", adds=True),
    "views_per_visit": Measure(Of.RATIO, "views / visits", needs=("views", "visits")),
    "bounces": Measure(Of.VISITS, f"count(*) FILTER (WHERE {BOUNCED})", adds=True),
    "bounce_rate": Measure(Of.VISITS, f"avg(({BOUNCED})::INTEGER)"),
    "single_page_rate": Measure(Of.VISITS, "avg((visit_views = 1)::INTEGER)"),
    **_spread(Of.VISITS, "visit_seconds", "(visit_ended - visit_began) / 1e6"),
    **_spread(Of.VIEWS, "open_seconds", "(ended - began) / 1e6"),
    **_spread(Of.VIEWS, "engaged_seconds", "engaged_ms / 1e3"),
    **_spread(Of.VISITS, "engaged_seconds_per_visit", "visit_engaged_ms / 1e3"),
    "depth": Measure(Of.VIEWS, "avg(depth)"),
    "value": Measure(Of.VIEWS, "sum({value})", adds=True),
    # Of the question's goal: visits that have it, whenever within them.
    "conversions": Measure(Of.VISITS, "count(*) FILTER (WHERE converted)", adds=True),
    "conversion_rate": Measure(Of.VISITS, "avg(coalesce(converted, false)::INTEGER)"),
    "goal_value": Measure(Of.VISITS, "sum(goal_value)", adds=True),
    # Of the question's number, a property of events.
    "number_sum": Measure(Of.VIEWS, "sum(number_sum)", adds=True),
    "number_mean": Measure(Of.VIEWS, "sum(number_sum) / sum(number_count)"),
    "at_once_peak": Measure(Of.PRESENCE, "max(level)"),
    "at_once_peak_at": Measure(
        Of.PRESENCE, "first(moment ORDER BY level DESC, moment) FILTER (WHERE level > 0)"
    ),
    "at_once_mean": Measure(Of.PRESENCE, "sum(level * lasted)"),
}
OF_GOALS = ("conversions", "conversion_rate", "goal_value")
OF_NUMBERS = ("number_sum", "number_mean")
# What a table is ordered by, unless it is said: the first of these that it shows.
ORDERED_BY = ("visitors", "visits", "views", "events", "conversions")
