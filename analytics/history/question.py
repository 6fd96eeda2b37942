"""A question about a site's past, as the process that answers it is handed it, and the answer. Pure."""

from datetime import date, datetime
from typing import Any

import msgspec

from analytics.history.dimensions import DIMENSIONS, TIME, Level
from analytics.history.measures import MEASURES, ORDERED_BY

IS, NOT, MATCH, NOT_MATCH = "is", "not", "match", "notmatch"
OPERATORS = (IS, NOT, MATCH, NOT_MATCH)
PROPERTY = "property:"
PAGE_GOAL, EVENT_GOAL = "page", "event"
GOAL_KINDS = (PAGE_GOAL, EVENT_GOAL)
MOST_GOALS = 50
MOST_DIMENSIONS, MOST_FILTERS, MOST_VALUES, LONGEST_VALUE = 2, 20, 100, 2048
LARGEST_LIMIT, FURTHEST_OFFSET = 10_000, 10_000_000
# Seconds: less than the patience with a question, which is still to be answered then.
LONGEST_WAIT = 10


class WrongQuestion(ValueError):
    """A question that cannot be asked: which field is wrong, why, and what is allowed there."""

    def __init__(self, field: str, message: str, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.field, self.message, self.allowed = field, message, allowed


class HistoryFilter(msgspec.Struct, frozen=True):
    """Which rows are kept: those whose value of a dimension is one of these, or matches one; or none."""

    dimension: str
    operator: str
    values: tuple[str, ...]


class HistoryGoal(msgspec.Struct, frozen=True):
    """What visits may reach: a page like this, or an event; an event with a property like this, too.

    `pattern` and `value` as in filters, with `*` and `**`; an empty value: whatever the property is.
    """

    name: str
    kind: str
    pattern: str
    property: str = ""
    value: str = ""


class Span(msgspec.Struct, frozen=True):
    """Days of a site, both included."""

    first: date
    last: date


class HistoryQuestion(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What is asked: measures of a span of days, whole or by dimensions, and of another span beside it."""

    site_id: int
    zone: str
    span: Span
    measures: tuple[str, ...]
    dimensions: tuple[str, ...] = ()
    filters: tuple[HistoryFilter, ...] = ()
    # Those that filters and dimensions speak of, and the one whose conversions are measured, by its name;
    # without one: any of them.
    goals: tuple[HistoryGoal, ...] = ()
    conversion: str = ""
    # The property whose numbers are measured.
    number: str = ""
    compared: Span | None = None
    # What is compared ends as early in its last day as the day that runs has come.
    order: str = ""
    # Rows only whose name has this text in it, in large or small letters.
    find: str = ""
    limit: int = 100
    offset: int = 0
    # Seconds that days which are being prepared are waited for: later than that, they are told as missing.
    wait: float = LONGEST_WAIT


class AnswerTable(msgspec.Struct, frozen=True):
    """Rows of an answer: values of dimensions, then of measures, in the order of the question."""

    rows: list[list[Any]]
    found: int
    # What the rows add up to, all of them; None for what does not add up.
    sums: list[Any]


class HistoryAnswer(msgspec.Struct, frozen=True, tag=True):
    """What a question is answered with."""

    as_of: datetime
    totals: list[Any]
    table: AnswerTable | None
    compared_totals: list[Any] | None
    compared_table: AnswerTable | None
    # Days that are not prepared yet, and that are damaged: nothing of them is in the figures.
    missing_days: list[date]
    damaged_days: list[date]


def is_property(name: str) -> bool:
    """Whether this names a property of events: `property:plan`."""
    return name.startswith(PROPERTY) and len(name) > len(PROPERTY)


def level_of(name: str) -> Level:
    """What a dimension tells apart: visits, page views, events, goals or times. Raises KeyError."""
    return Level.EVENT if is_property(name) else DIMENSIONS[name].level


def check(question: HistoryQuestion) -> None:
    """Whether a question can be asked. Raises WrongQuestion."""
    allowed = tuple(DIMENSIONS)
    for name in question.dimensions:
        if not is_property(name) and name not in DIMENSIONS:
            raise WrongQuestion("by", "There is no such dimension.", (*allowed, "property:NAME"))
    if len(question.dimensions) > MOST_DIMENSIONS:
        raise WrongQuestion("by", f"At most {MOST_DIMENSIONS} dimensions at a time.")
    if len(set(question.dimensions)) < len(question.dimensions):
        raise WrongQuestion("by", "Each dimension once.")
    if sum(level_of(name) is Level.TIME for name in question.dimensions) > 1:
        raise WrongQuestion("by", "At most one dimension of time.", tuple(TIME))
    if not question.measures:
        raise WrongQuestion("metrics", "Ask for one at least.", tuple(MEASURES))
    for name in question.measures:
        if name not in MEASURES:
            raise WrongQuestion("metrics", "There is no such measure.", tuple(MEASURES))
    check_filters(question.filters)
    _check_goals(question)
    order = question.order.removeprefix("-")
    if order and order not in (*question.measures, *question.dimensions):
        raise WrongQuestion(
            "order",
            "Order by what is asked for, with - before it for the largest first.",
            (*question.measures, *question.dimensions),
        )
    if len(question.find) > LONGEST_VALUE:
        raise WrongQuestion("find", f"A text has {LONGEST_VALUE} characters at most.")
    if question.find and (not question.dimensions or level_of(question.dimensions[0]) is Level.TIME):
        raise WrongQuestion("find", "Only among names: with by, and a dimension that is no time first.")
    if not 1 <= question.limit <= LARGEST_LIMIT:
        raise WrongQuestion("limit", f"From 1 to {LARGEST_LIMIT}.")
    if not 0 <= question.offset <= FURTHEST_OFFSET:
        raise WrongQuestion("offset", f"From 0 to {FURTHEST_OFFSET}.")


def check_filters(filters: tuple[HistoryFilter, ...]) -> None:
    """Whether these can be filtered by. Raises WrongQuestion."""
    if len(filters) > MOST_FILTERS:
        raise WrongQuestion("filters", f"At most {MOST_FILTERS} filters.")
    filterable = tuple(name for name, each in DIMENSIONS.items() if each.level is not Level.TIME)
    for each in filters:
        if not is_property(each.dimension) and each.dimension not in filterable:
            raise WrongQuestion(each.dimension, "There is no such filter.", (*filterable, "property:NAME"))
        if each.operator not in OPERATORS:
            raise WrongQuestion(each.dimension, "There is no such way to filter.", OPERATORS)
        if not 1 <= len(each.values) <= MOST_VALUES:
            raise WrongQuestion(each.dimension, f"From 1 to {MOST_VALUES} values.")
        if any(len(value) > LONGEST_VALUE for value in each.values):
            raise WrongQuestion(each.dimension, f"A value has {LONGEST_VALUE} characters at most.")


def _check_goals(question: HistoryQuestion) -> None:
    names = tuple(goal.name for goal in question.goals)
    if len(names) > MOST_GOALS:
        raise WrongQuestion("goal", f"At most {MOST_GOALS} goals.")
    if question.conversion and question.conversion not in names:
        raise WrongQuestion("conversion", "There is no such goal.", names)
    if len(question.number) > LONGEST_VALUE:
        raise WrongQuestion("number", f"A name has {LONGEST_VALUE} characters at most.")
    if "goal" not in question.dimensions:
        return
    others = [name for name in question.dimensions if name != "goal"]
    if any(level_of(name) is Level.EVENT and name != "currency" for name in others):
        raise WrongQuestion("by", "Goals are not told apart by events, but by their currency.", ("currency",))
    if "conversion_rate" in question.measures and any(name != "currency" for name in others):
        raise WrongQuestion("metrics", "A goal's rate is of all visits: with by=goal, or with conversion.")


def order_of(question: HistoryQuestion) -> tuple[str, bool]:
    """What rows are ordered by, and whether the largest comes first."""
    if question.order:
        return question.order.removeprefix("-"), question.order.startswith("-")
    if question.dimensions and level_of(question.dimensions[0]) is Level.TIME:
        return question.dimensions[0], False
    return next((name for name in ORDERED_BY if name in question.measures), question.measures[0]), True
