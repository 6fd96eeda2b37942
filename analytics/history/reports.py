"""What the reports of the administration ask of the past, and how they read the answers.

They are the questions of all reports, so the same figures stand everywhere. Pure: who asks is elsewhere.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from analytics.history.question import LONGEST_WAIT, HistoryAnswer, HistoryGoal, HistoryQuestion, Span
from analytics.queries.ranges import Range, midnight
from tracker.models import Site
from tracker.pages.readable_hosts import readable_host, readable_page

TOP = 20
HOUR = timedelta(hours=1)
FIGURES = ("visitors", "visits", "views", "engaged_seconds_per_visit", "engaged_seconds", "bounce_rate")
SHORT = ("visitors", "visits", "views", "bounce_rate")


class Table(StrEnum):
    """The lists of a report."""

    PAGES = "pages"
    ENTRIES = "entries"
    EXITS = "exits"
    REFERRERS = "referrers"
    COUNTRIES = "countries"
    BROWSERS = "browsers"
    SYSTEMS = "systems"
    DEVICES = "devices"
    EVENTS = "events"
    GOALS = "goals"
    CHANNELS = "channels"
    CAMPAIGNS = "campaigns"
    SOURCES = "sources"
    MEDIUMS = "mediums"
    CONTENTS = "contents"
    TERMS = "terms"


# By what each is told apart, and in what it counts.
ASKED: dict[Table, tuple[str, str]] = {
    Table.PAGES: ("page", "views"),
    Table.ENTRIES: ("entry_page", "visits"),
    Table.EXITS: ("exit_page", "visits"),
    Table.REFERRERS: ("referrer", "visits"),
    Table.COUNTRIES: ("country", "visits"),
    Table.BROWSERS: ("browser", "visits"),
    Table.SYSTEMS: ("system", "visits"),
    Table.DEVICES: ("device", "visits"),
    Table.EVENTS: ("event", "events"),
    Table.GOALS: ("goal", "conversions"),
    Table.CHANNELS: ("channel", "visits"),
    Table.CAMPAIGNS: ("utm_campaign", "visits"),
    Table.SOURCES: ("utm_source", "visits"),
    Table.MEDIUMS: ("utm_medium", "visits"),
    Table.CONTENTS: ("utm_content", "visits"),
    Table.TERMS: ("utm_term", "visits"),
}
# Most visits have none: that is no row.
TAGGED = frozenset((Table.CAMPAIGNS, Table.SOURCES, Table.MEDIUMS, Table.CONTENTS, Table.TERMS))
READ_AS: dict[Table, Callable[[str], str]] = {
    **dict.fromkeys((Table.PAGES, Table.ENTRIES, Table.EXITS), readable_page),
    Table.REFERRERS: readable_host,
}


@dataclass(frozen=True)
class ReportFigures:
    """The totals of a range; times in milliseconds, None where there is nothing to average."""

    visitors: int
    visits: int
    views: int
    per_visit_ms: float | None
    per_view_ms: float | None
    # The share of visits of one page view, without an event, and less than 10 s engaged, 0 to 1.
    bounce_rate: float | None


@dataclass(frozen=True)
class Bucket:
    """An hour or a day of the chart."""

    start: datetime
    views: int
    visits: int


@dataclass(frozen=True)
class TableRow:
    """One line of a list; `share` is of all page views, visits or events of the range, 0 to 1."""

    name: str
    count: int
    share: float
    shown: str  # the name as people read it

    @property
    def grouped(self) -> str:
        return f"{self.count:,}"

    @property
    def percent(self) -> str:
        return f"{self.share:.1%}"


def figures_question(
    site: Site,
    days: Range,
    now: datetime,
    measures: tuple[str, ...] = FIGURES,
    wait: float = LONGEST_WAIT,
) -> HistoryQuestion:
    """Totals and a series of a range, beside those of the one before it."""
    before = days.before(now)
    return HistoryQuestion(
        site_id=site.pk,
        zone=site.timezone,
        span=Span(days.first, days.last),
        measures=measures,
        dimensions=("hour" if days.hourly else "day",),
        compared=Span(before.first, before.last),
        wait=wait,
    )


def list_question(
    site: Site, days: Range, table: Table, goals: tuple[HistoryGoal, ...] = (), limit: int = TOP
) -> HistoryQuestion:
    """The longest rows of a list."""
    dimension, measure = ASKED[table]
    return HistoryQuestion(
        site_id=site.pk,
        zone=site.timezone,
        span=Span(days.first, days.last),
        measures=(measure, "visits") if table is Table.GOALS else (measure,),
        dimensions=(dimension,),
        goals=goals if table is Table.GOALS else (),
        # One more for the visits that have none of it.
        limit=limit + (table in TAGGED),
    )


def figures(totals: list[float | None]) -> ReportFigures:
    """The totals that `figures_question` asked for."""
    visitors, visits, views, per_visit, per_view, bounce_rate = totals
    return ReportFigures(
        visitors=int(visitors or 0),
        visits=int(visits or 0),
        views=int(views or 0),
        per_visit_ms=None if per_visit is None else per_visit * 1000,
        per_view_ms=None if per_view is None else per_view * 1000,
        bounce_rate=bounce_rate,
    )


def series(answer: HistoryAnswer, days: Range, measures: tuple[str, ...] = FIGURES) -> list[Bucket]:
    """Page views and visits that began in each hour or day of the range, empty ones too."""
    visits, views = 1 + measures.index("visits"), 1 + measures.index("views")
    told = {_start(row[0], days): row for row in (answer.table.rows if answer.table else ())}
    return [
        Bucket(start, row[views], row[visits]) if (row := told.get(start)) else Bucket(start, 0, 0)
        for start in starts(days)
    ]


def rows(answer: HistoryAnswer, table: Table, total: int, limit: int = TOP) -> list[TableRow]:
    """The rows that `list_question` asked for; `total` is what shares are of, where that is not their own."""
    read = READ_AS.get(table, str)
    told = answer.table.rows if answer.table else []
    if table is Table.EVENTS:
        total = int(answer.totals[0] or 0)
    return [
        TableRow(name, count, count / total if total else 0, read(name))
        for name, count, *_ in told
        if name or table not in TAGGED
    ][:limit]


def starts(days: Range) -> Iterator[datetime]:
    """The first moment of each bucket of a range: of hours, each day has its own."""
    for number in range(days.days):
        day = days.first + timedelta(days=number)
        at, until = midnight(day, days.zone), midnight(day + timedelta(days=1), days.zone)
        yield at
        while days.hourly and (at := at + HOUR) < until:
            yield at


def _start(label: str, days: Range) -> datetime:
    at = datetime.fromisoformat(label)
    return at if days.hourly else midnight(at.date(), days.zone)
