"""What measures are put together from: parts of one day, which add up over days. Pure.

Visitors are of a day, visits and page views too, so what is counted of a day never has to be counted again:
only medians and the like need all rows at once. Columns are those of `measures`.
"""

from typing import NamedTuple

from analytics.history.measures import BOUNCED, Of

# How parts of two days come to one.
SUM, MOST, FIRST_MOST = "sum({name})", "max({name})", "first({name} ORDER BY peak DESC, {name})"


class Part(NamedTuple):
    """A part; `sql` aggregates rows, of which `{kept}` says which stand for their visit."""

    of: Of
    sql: str
    merged: str = SUM


PARTS: dict[str, Part] = {
    "visitors": Part(Of.VISITS, "{visitors}"),
    "visits": Part(Of.VISITS, "count(*) FILTER (WHERE {kept})"),
    "bounces": Part(Of.VISITS, f"count(*) FILTER (WHERE {{kept}} AND {BOUNCED})"),
    "singles": Part(Of.VISITS, "count(*) FILTER (WHERE {kept} AND visit_views = 1)"),
    "visit_us": Part(Of.VISITS, "sum(visit_ended - visit_began) FILTER (WHERE {kept})"),
    "visit_engaged_us": Part(Of.VISITS, "sum(visit_engaged_ms) FILTER (WHERE {kept}) * 1000"),
    "conversions": Part(Of.VISITS, "count(*) FILTER (WHERE {kept} AND converted)"),
    "goal_value": Part(Of.VISITS, "sum(goal_value) FILTER (WHERE {kept})"),
    "views": Part(Of.VIEWS, "count(*)"),
    "events": Part(Of.VIEWS, "sum(events)::BIGINT"),
    "value": Part(Of.VIEWS, "sum(event_value)"),
    "open_us": Part(Of.VIEWS, "sum(ended - began)"),
    "closed": Part(Of.VIEWS, "count(ended)"),
    "engaged_us": Part(Of.VIEWS, "sum(engaged_ms) * 1000"),
    "depths": Part(Of.VIEWS, "sum(depth)"),
    "peak": Part(Of.PRESENCE, "max(level)", MOST),
    "peak_at": Part(
        Of.PRESENCE, "first(moment ORDER BY level DESC, moment) FILTER (WHERE level > 0)", FIRST_MOST
    ),
    # Visitors times microseconds.
    "presence": Part(Of.PRESENCE, "sum(level * after)::DOUBLE"),
}


class FromParts(NamedTuple):
    """A measure as parts come to it; `sql` is over their names, and `length`, the row's time in µs."""

    parts: tuple[str, ...]
    sql: str


def _mean(part: str, number: str, unit: str = "1e6") -> FromParts:
    return FromParts((part, number), f"{part} / {unit} / nullif({number}, 0)")


def _itself(name: str) -> FromParts:
    return FromParts((name,), f"coalesce({name}, 0)")


FROM_PARTS: dict[str, FromParts] = {
    **{name: _itself(name) for name in ("visitors", "visits", "views", "events", "bounces", "value")},
    **{name: _itself(name) for name in ("conversions", "goal_value")},
    "conversion_rate": _mean("conversions", "visits", "1"),
    "views_per_visit": FromParts(("views", "visits"), "coalesce(views, 0) / nullif(visits, 0)"),
    "bounce_rate": _mean("bounces", "visits", "1"),
    "single_page_rate": _mean("singles", "visits", "1"),
    "visit_seconds": _mean("visit_us", "visits"),
    "open_seconds": _mean("open_us", "closed"),
    "engaged_seconds": _mean("engaged_us", "views"),
    "engaged_seconds_per_visit": _mean("visit_engaged_us", "visits"),
    "depth": _mean("depths", "views", "1"),
    "at_once_peak": FromParts(("peak",), "peak"),
    "at_once_peak_at": FromParts(("peak", "peak_at"), "peak_at"),
    "at_once_mean": FromParts(("presence",), "presence / length"),
}


# Totals, and what is told apart by time alone, have these: every table of a page asks for some of them.
OF_ALL = tuple(
    name
    for name, part in PARTS.items()
    if part.of is not Of.PRESENCE and name not in ("conversions", "goal_value")
)
# What these come to.
ALL_TOTALS = tuple(name for name, each in FROM_PARTS.items() if set(each.parts) <= set(OF_ALL))


def parts_of(measures: tuple[str, ...]) -> tuple[str, ...] | None:
    """The parts that these measures need; None where one of them needs all rows at once."""
    if any(name not in FROM_PARTS for name in measures):
        return None
    needed = {part for name in measures for part in FROM_PARTS[name].parts}
    return tuple(name for name in PARTS if name in needed)
