"""What imported figures say to a question, beside Footfall's own answer: never added to it.

They are sums of days under a name. So they know no hours, no names of two kinds at once, and no filter but
one by the names that they are of; where that is not enough they are left out, and the answer says why.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from django.db.models import Min

from analytics.history.buckets import label_of
from analytics.history.dimensions import Level
from analytics.history.patterns import pattern
from analytics.history.question import (
    IS,
    MATCH,
    NOT,
    HistoryFilter,
    HistoryQuestion,
    Span,
    level_of,
    order_of,
)
from analytics.importing import imported_sums
from analytics.importing.figures import DIMENSIONS, TOTAL
from analytics.importing.imported_days import ImportedDays, days_of
from analytics.importing.imported_sums import KNOWN, KeptNames, NamedFigures, told
from analytics.models import ImportedFile
from analytics.queries.time_limit import time_limit
from tracker.models import Site

# Seconds for each query: 110,000 figures of a year took 0.7 on two cores with a load of 14.
PATIENCE = 5.0
WHOLE_DAYS = ("day", "week", "month")
# By these a filter keeps visits that have one; figures of files are of the events themselves.
UNFILTERED = ("event",)
LEFT_OUT = "imported figures left out: "
NO_NAME = "they have nothing of this name"


@dataclass(frozen=True)
class ImportedAnswer:
    """The imported figures of a span, in the order of the question's measures; None for what none tells."""

    products: tuple[str, ...]
    days: list[date]
    # Why something of this is not there, in words for people.
    left_out: str
    totals: list[Any]
    rows: list[list[Any]]
    found: int


class Beside(NamedTuple):
    """What stands beside an answer: of its period, and of what that is compared with."""

    now: ImportedAnswer | None
    before: ImportedAnswer | None


class ImportedAnswering:
    """Answers the questions of one request about a site."""

    def __init__(self, site: Site, first: date | None = None) -> None:
        self._site = site
        self.first = first
        self._days: dict[Span, ImportedDays] = {}

    @classmethod
    async def of(cls, site: Site) -> "ImportedAnswering":
        """With the first day that files of the site tell, None where there are none: most sites have none."""
        found = await ImportedFile.objects.filter(site=site).aaggregate(first=Min("first"))
        return cls(site, found["first"])

    def beside(self, question: HistoryQuestion) -> Beside | None:
        """What stands beside the answer; None for nothing. Raises TooMuch."""
        now, before = self._answer(question, question.span), None
        if question.compared:
            named = now is not None and now.rows and _named(question)
            names = tuple(row[0] for row in now.rows) if now and named else None
            before = self._answer(question, question.compared, names)
        return Beside(now, before) if now or before else None

    def _answer(
        self, question: HistoryQuestion, span: Span, names: tuple[str, ...] | None = None
    ) -> ImportedAnswer | None:
        """What they say of this span, of these names only; None where they say nothing of any of its days."""
        with time_limit(PATIENCE):
            if span not in self._days:
                self._days[span] = days_of(self._site, span.first, span.last)
            days = self._days[span]
            return _answer(question, days, names) if days.by_file else None


def _named(question: HistoryQuestion) -> bool:
    """Whether rows are told apart by a name, not by time."""
    return bool(question.dimensions) and level_of(question.dimensions[0]) is not Level.TIME


def _answer(
    question: HistoryQuestion, days: ImportedDays, names: tuple[str, ...] | None = None
) -> ImportedAnswer:
    nothing: list[Any] = [None] * len(question.measures)
    reason = _reason(question)
    totals, rows, found = nothing, list[list[Any]](), 0
    if not reason:
        whole = _whole(question, days)
        totals = _totals(question, whole) if whole else nothing
        reason = _no_rows(question)
        if not reason and question.dimensions:
            rows, found = _rows(question, days, whole, names)
    # Of rows that are shown, some had nothing in what they are compared with.
    if not reason and names is None:
        reason = _found_nothing(question, totals, rows, found)
    if reason:
        rows, found = [], 0
    return ImportedAnswer(days.products, days.days, LEFT_OUT + reason if reason else "", totals, rows, found)


def _found_nothing(question: HistoryQuestion, totals: list[Any], rows: list[list[Any]], found: int) -> str:
    """Why what was found is nothing; "" where it is something."""
    by = question.dimensions
    if _named(question) and not found and not question.find:
        return NO_NAME if question.filters else _untold(by[0])
    values = (*totals, *(value for row in rows for value in row[len(by) :]))
    if any(value is not None for value in values):
        return ""
    known = any(measure in KNOWN for measure in question.measures)
    return NO_NAME if question.filters and known else "they say nothing of these figures"


def _reason(question: HistoryQuestion) -> str:
    """Why nothing can be said under these filters; "" where something can."""
    if not question.filters:
        return ""
    (wanted, *more) = question.filters
    by = question.dimensions
    of_names = wanted.dimension in DIMENSIONS and wanted.dimension not in UNFILTERED
    one = wanted.operator == IS and len(wanted.values) == 1
    timed = all(level_of(name) is Level.TIME for name in by)
    if of_names and not more and (by == (wanted.dimension,) or (one and timed)):
        return ""
    return f"{'these filters' if more else 'this filter'} can't be applied to them"


def _no_rows(question: HistoryQuestion) -> str:
    """Why there are no rows; "" where there are."""
    by = question.dimensions
    if len(by) > 1:
        return "they are told apart by one thing at a time"
    if by and level_of(by[0]) is Level.TIME:
        return "" if by[0] in WHOLE_DAYS else "they are of whole days"
    return "" if not by or by[0] in DIMENSIONS else _untold(by[0])


def _untold(dimension: str) -> str:
    return f"they are not told apart by {dimension.replace('_', ' ')}"


def _whole(question: HistoryQuestion, days: ImportedDays) -> NamedFigures | None:
    """What the totals are made of; None where names that are kept cannot be added up."""
    if not question.filters:
        return NamedFigures(days, TOTAL)
    (wanted,) = question.filters
    if wanted.operator == IS and len(wanted.values) == 1:
        return NamedFigures(days, wanted.dimension, _kept(wanted))
    return None


def _kept(wanted: HistoryFilter) -> KeptNames:
    if wanted.operator in (IS, NOT):
        return KeptNames(imported_sums.IS if wanted.operator == IS else imported_sums.NOT, wanted.values)
    # What is escaped there means the same to Postgres.
    names = tuple(f"^(?:{pattern(value)})$" for value in wanted.values)
    return KeptNames(imported_sums.LIKE if wanted.operator == MATCH else imported_sums.UNLIKE, names)


def _totals(question: HistoryQuestion, whole: NamedFigures) -> list[Any]:
    rows = [(product, sums) for _, product, sums in whole.by_day()]
    return told(rows, question.measures, whole.known())


def _rows(
    question: HistoryQuestion,
    days: ImportedDays,
    whole: NamedFigures | None,
    names: tuple[str, ...] | None,
) -> tuple[list[list[Any]], int]:
    (by,) = question.dimensions
    if not _named(question):
        rows = _buckets(by, question.measures, whole) if whole else []
        return rows, len(rows)
    if names is not None:
        shown = NamedFigures(days, by, KeptNames(imported_sums.IS, names))
        return shown.by_name(question.measures, "", False, len(names), 0)
    kept = _kept(question.filters[0]) if question.filters else None
    order, falling = order_of(question)
    if order in question.measures and order not in KNOWN:
        order = next((name for name in question.measures if name in KNOWN), "")
    named = NamedFigures(days, by, kept, question.find)
    return named.by_name(question.measures, order, falling, question.limit, question.offset)


def _buckets(interval: str, measures: Sequence[str], whole: NamedFigures) -> list[list[Any]]:
    known = whole.known()
    found: dict[str, list[tuple[str, dict[str, int]]]] = {}
    for day, product, sums in whole.by_day():
        found.setdefault(label_of(interval, day), []).append((product, sums))
    return [[label, *told(rows, measures, known)] for label, rows in found.items()]
