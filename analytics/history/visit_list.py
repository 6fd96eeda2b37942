"""Lists of what happened, newest first: visits, one visit with its page views, events. Pure.

A place in a list is named by what it is ordered by, so that a page further on costs what the first one did.
"""

import re
from datetime import date, datetime
from typing import Any

import msgspec

from analytics.history.question import HistoryQuestion, Span, WrongQuestion, check
from analytics.queries.ranges import read_day

VISITS, EVENTS, ONE_VISIT = "visits", "events", "visit"
LARGEST_PAGE = 200
# Of a visit's path, so many pages stand in the list; its page has them all, up to that many.
PATH_PAGES, MOST_VIEWS = 8, 2000
PLACE = re.compile(r"(\d{4}-\d{2}-\d{2})\.(\d{1,17})\.(\d{1,10})")


class ListPlace(msgspec.Struct, frozen=True):
    """Where a visit or event stands: its day, its moment in µs, and its number of that day."""

    day: date
    moment: int
    number: int

    def __str__(self) -> str:
        return f"{self.day}.{self.moment}.{self.number}"


class ListQuestion(msgspec.Struct, frozen=True, tag=True):
    """What is listed: the newest `question.limit` that `question` is about, older than `after`."""

    what: str
    question: HistoryQuestion
    after: ListPlace | None = None


class ListAnswer(msgspec.Struct, frozen=True, tag=True):
    """Rows of a list, and the place after which the next ones come."""

    as_of: datetime
    rows: list[dict[str, Any]]
    next: str | None
    missing_days: list[date]
    damaged_days: list[date]


def read_place(text: str, field: str) -> ListPlace:
    """A place as it was told. Raises WrongQuestion."""
    found = PLACE.fullmatch(text) if text.isascii() else None
    try:
        if found:
            return ListPlace(read_day(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        pass
    raise WrongQuestion(field, "This is no place that a list has told.")


def check_list(asked: ListQuestion) -> None:
    """Whether this can be listed. Raises WrongQuestion."""
    check(asked.question)
    if asked.question.limit > LARGEST_PAGE:
        raise WrongQuestion("limit", f"From 1 to {LARGEST_PAGE}.")


def spans_back(span: Span, first_days: int = 2) -> list[Span]:
    """A span in pieces, the newest first: the first ones are short, since mostly they are enough."""
    pieces, last, days = [], span.last.toordinal(), first_days
    while last >= span.first.toordinal():
        first = max(span.first.toordinal(), last - days + 1)
        pieces.append(Span(date.fromordinal(first), date.fromordinal(last)))
        last, days = first - 1, min(days * 4, 32)
    return pieces
