"""A question as a query string asks it: `period=30d&by=page&metrics=views&country=DE&page.match=/blog/*`.

Everything is chosen from closed lists, and a parameter that means nothing is an error: a filter with a wrong
letter in it would else show all there is. Pure: the clock and the first day are arguments.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from analytics.history.dimensions import DIMENSIONS, PAGE_NAMES, TIME, Level
from analytics.history.local_days import DAY
from analytics.history.measures import OF_GOALS, OF_NUMBERS
from analytics.history.question import (
    IS,
    LARGEST_LIMIT,
    LONGEST_WAIT,
    MATCH,
    NOT,
    NOT_MATCH,
    PROPERTY,
    HistoryFilter,
    HistoryGoal,
    HistoryQuestion,
    Span,
    WrongQuestion,
    check,
)
from analytics.history.stay import StayQuestion
from analytics.history.visit_list import ListQuestion, read_place
from analytics.queries.ranges import read_day
from tracker.pages.naming import NO_NAMING

LENGTHS = {"today": 1, "7d": 7, "28d": 28, "30d": 30, "90d": 90}
PERIODS = (*LENGTHS, "yesterday", "month", "quarter", "year", "all", "custom")
COMPARED = ("none", "previous", "year", "weekdays")
IMPORTED = ("yes", "no")
INTERVALS = tuple(name for name in TIME if name != "weekday_hour")
MEASURES_SHOWN = ("visitors", "visits", "views")
GOALS_SHOWN = ("conversions", "conversion_rate", "goal_value")
MOST_DAYS = 3660
# Rows of a page of a list, unless it is said.
PAGE = 50
# From how many days on a series has days, weeks, months, unless it is said.
DAYS_FROM, WEEKS_FROM, MONTHS_FROM = 3, 121, 801
OWN = (
    "period",
    "from",
    "to",
    "compare",
    "interval",
    "by",
    "metrics",
    "limit",
    "offset",
    "order",
    "find",
    "wait",
    "format",
    "conversion",
    "number",
    "segment",
    "imported",
)
# Times whose names say when they were.
DATED = frozenset(TIME) - {"weekday_hour"}
ENDINGS = {".not": NOT, ".match": MATCH, ".notmatch": NOT_MATCH}


@dataclass(frozen=True)
class SavedNames:
    """What is saved for a site that questions speak of: goals, and the filters of segments by number."""

    goals: tuple[HistoryGoal, ...] = ()
    segments: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)


NOTHING_SAVED = SavedNames()


@dataclass(frozen=True)
class StatsQuery:
    """A question, and how it was said."""

    question: HistoryQuestion
    interval: str | None  # None where it is asked by something else
    imported: bool = True  # whether imported figures are told beside it
    first: date | None = None  # the first day of which anything is known

    @property
    def by(self) -> tuple[str, ...]:
        return self.question.dimensions

    @property
    def in_order(self) -> bool:
        """Whether rows are compared in their order: days of another month have other names."""
        return self.by[0] in DATED


def read(
    query: Mapping[str, list[str]],
    site_id: int,
    zone: str,
    now: datetime,
    first: date | None,
    saved: SavedNames = NOTHING_SAVED,
) -> StatsQuery:
    """The question that a query string asks of a site. `first`: its first day, for `period=all`.

    Raises WrongQuestion.
    """
    today = now.astimezone(ZoneInfo(zone)).date()
    span = _span(query, today, first)
    by = tuple(name for text in query.get("by", ()) for name in text.split(",") if name)
    interval = None
    if not by:
        interval = _one_of(query, "interval", INTERVALS, _interval(span))
    elif "interval" in query:
        raise WrongQuestion("interval", "Either by or interval, not both.", ())
    names = tuple(name for text in query.get("metrics", ()) for name in text.split(",") if name)
    shown = GOALS_SHOWN if "goal" in by else MEASURES_SHOWN
    filters = filters_of(query, saved)
    goals, conversion = _goals(query, by, filters, names, saved)
    if any(name in OF_NUMBERS for name in names) and "number" not in query:
        raise WrongQuestion("number", "Say which property has the numbers: number=NAME.")
    question = HistoryQuestion(
        site_id=site_id,
        zone=zone,
        span=span,
        measures=tuple(dict.fromkeys(names)) if "metrics" in query else shown,
        dimensions=by or (interval or "day",),
        filters=filters,
        goals=goals,
        conversion=conversion,
        number=_last(query, "number", ""),
        compared=_compared(_one_of(query, "compare", COMPARED, "none"), span),
        order=_last(query, "order", ""),
        find=_last(query, "find", ""),
        limit=_number(query, "limit", 100),
        offset=_number(query, "offset", 0),
        wait=_wait(query),
    )
    if question.compared and len(by) > 1 and any(name in DATED for name in by):
        problem = "What is told apart by times and by something else cannot be compared."
        raise WrongQuestion("compare", problem, ("none",))
    check(question)
    imported = _one_of(query, "imported", IMPORTED, "yes") == "yes"
    return StatsQuery(question, interval, imported, first)


# What a list may be asked by, and how long people stay, beside filters.
OF_LISTS = ("period", "from", "to", "limit", "segment", "after", "wait")
OF_STAYS = ("period", "from", "to", "segment", "wait", "format", "by")
# What a file tells of how long people stay: there after so many seconds, or scrolled down so far.
STAY_TABLES = ("seconds", "depth")


def read_list(
    query: Mapping[str, list[str]],
    what: str,
    site_id: int,
    zone: str,
    now: datetime,
    first: date | None,
    saved: SavedNames = NOTHING_SAVED,
) -> ListQuestion:
    """The list that a query string asks for, of visits or events. Raises WrongQuestion."""
    _check_names(query, OF_LISTS)
    own = {name: values for name, values in query.items() if name != "after"}
    own = {"limit": [str(PAGE)], "metrics": ["visits"], **own}
    question = read(own, site_id, zone, now, first, saved).question
    after = _last(query, "after", "")
    return ListQuestion(what, question, read_place(after, "after") if after else None)


def read_stay(
    query: Mapping[str, list[str]],
    site_id: int,
    zone: str,
    now: datetime,
    first: date | None,
    saved: SavedNames = NOTHING_SAVED,
) -> StayQuestion:
    """How long readers stay whom a query string keeps. Raises WrongQuestion."""
    _check_names(query, OF_STAYS)
    own = {name: values for name, values in query.items() if name not in ("format", "by")}
    asked = read({"metrics": ["views"], **own}, site_id, zone, now, first, saved).question
    return StayQuestion(msgspec.structs.replace(asked, dimensions=()))


def read_stay_table(query: Mapping[str, list[str]]) -> str:
    """Which of `STAY_TABLES` a file is to have. Raises WrongQuestion."""
    return _one_of(query, "by", STAY_TABLES, STAY_TABLES[0])


def _check_names(query: Mapping[str, list[str]], allowed: tuple[str, ...]) -> None:
    for name in query:
        if name in OWN and name not in allowed:
            raise WrongQuestion(name, "There is no such parameter here.", (*allowed, *FILTERED))


def filters_of(
    query: Mapping[str, list[str]], saved: SavedNames = NOTHING_SAVED
) -> tuple[HistoryFilter, ...]:
    """The filters of a query string, with those of the segments that it names. Raises WrongQuestion."""
    filters = list(_filters(query))
    for name in query.get("segment", ()):
        if name not in saved.segments:
            raise WrongQuestion("segment", "There is no such segment.", tuple(saved.segments))
        filters += _filters(saved.segments[name])
    names = tuple(goal.name for goal in saved.goals)
    for each in filters:
        named = each.dimension == "goal" and each.operator in (IS, NOT)
        if named and any(value not in names for value in each.values):
            raise WrongQuestion("goal", "There is no such goal.", names)
    return tuple(filters)


def _goals(
    query: Mapping[str, list[str]],
    by: tuple[str, ...],
    filters: tuple[HistoryFilter, ...],
    measures: tuple[str, ...],
    saved: SavedNames,
) -> tuple[tuple[HistoryGoal, ...], str]:
    """The goals that a question needs, and the one that is measured."""
    names = tuple(goal.name for goal in saved.goals)
    conversion = _last(query, "conversion", "")
    if "conversion" in query and conversion not in names:
        raise WrongQuestion("conversion", "There is no such goal.", names)
    if "goal" in by or any(each.dimension == "goal" for each in filters):
        return saved.goals, conversion
    if not any(name in OF_GOALS for name in measures):
        return (), ""
    # Of any of them, where none is named.
    return tuple(goal for goal in saved.goals if goal.name == conversion or not conversion), conversion


def _span(query: Mapping[str, list[str]], today: date, first: date | None) -> Span:
    custom = "from" in query or "to" in query
    period = _one_of(query, "period", PERIODS, "custom" if custom else "30d")
    if custom and period != "custom":
        raise WrongQuestion("period", "from and to need period=custom, or none.", PERIODS)
    if period == "custom":
        since, until = _day(query, "from"), _day(query, "to")
        if until < since:
            raise WrongQuestion("to", "The last day must not lie before the first.")
        if (until - since).days >= MOST_DAYS:
            raise WrongQuestion("to", f"At most {MOST_DAYS} days.")
        return Span(since, until)
    if period in LENGTHS:
        return Span(today - (LENGTHS[period] - 1) * DAY, today)
    if period == "yesterday":
        return Span(today - DAY, today - DAY)
    if period == "all":
        return Span(max(min(first or today, today), today - (MOST_DAYS - 1) * DAY), today)
    month = {"month": today.month, "quarter": today.month - (today.month - 1) % 3, "year": 1}[period]
    return Span(today.replace(month=month, day=1), today)


def _compared(how: str, span: Span) -> Span | None:
    days = (span.last - span.first).days + 1
    if how == "none":
        return None
    if how == "year":
        return Span(_year_before(span.first), _year_before(span.last))
    if how == "weekdays":
        days = -(-days // 7) * 7
    back = timedelta(days=days)
    return Span(span.first - back, span.last - back)


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)


def _interval(span: Span) -> str:
    days = (span.last - span.first).days + 1
    if days < DAYS_FROM:
        return "hour"
    return "day" if days < WEEKS_FROM else "week" if days < MONTHS_FROM else "month"


def _filters(query: Mapping[str, list[str]]) -> Iterable[HistoryFilter]:
    for parameter, values in query.items():
        if parameter in OWN:
            continue
        name, operator = parameter, "is"
        for ending, means in ENDINGS.items():
            if parameter.endswith(ending):
                name, operator = parameter.removesuffix(ending), means
        if name not in FILTERED and not name.startswith(PROPERTY):
            raise WrongQuestion(
                parameter, "There is no such parameter.", (*OWN, *FILTERED, f"{PROPERTY}NAME", *ENDINGS)
            )
        if name in PAGE_NAMES:
            values = [NO_NAMING.typed(value) for value in values]
        yield HistoryFilter(name, operator, tuple(values))


FILTERED = tuple(name for name, each in DIMENSIONS.items() if each.level is not Level.TIME)


def _last(query: Mapping[str, list[str]], name: str, default: str) -> str:
    values = query.get(name)
    return values[-1] if values else default


def _one_of(query: Mapping[str, list[str]], name: str, allowed: tuple[str, ...], default: str) -> str:
    value = _last(query, name, default)
    if value not in allowed:
        raise WrongQuestion(name, "This is none of those that there are.", allowed)
    return value


def _number(query: Mapping[str, list[str]], name: str, default: int) -> int:
    text = _last(query, name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        most = f"1 to {LARGEST_LIMIT}" if name == "limit" else "0"
        raise WrongQuestion(name, f"A whole number from {most}.")
    return int(text)


def _wait(query: Mapping[str, list[str]]) -> int:
    text = _last(query, "wait", str(LONGEST_WAIT))
    if not (text.isascii() and text.isdecimal() and len(text) < 3 and int(text) <= LONGEST_WAIT):
        raise WrongQuestion("wait", f"Seconds, from 0 to {LONGEST_WAIT}.")
    return int(text)


def _day(query: Mapping[str, list[str]], name: str) -> date:
    try:
        return read_day(_last(query, name, ""))
    except ValueError as wrong:
        raise WrongQuestion(name, str(wrong)) from None
