"""What a report says of a site and a range of its days: figures, a series for the chart, the longest lists.

Every query carries the site and literal bounds of time, so that Postgres opens the partitions of the range
and no others. Visitors are hashed anew each day of the site: distinct per day, and added up over days.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Avg, Count, DateTimeField, F, Func, Model, Q, QuerySet, Value
from django.db.models.functions import TruncDate

from analytics.queries.ranges import Range, midnight
from tracker.models import PageView, Site, Visit
from tracker.pages.readable_hosts import readable_host, readable_page

TOP = 20


class Table(StrEnum):
    """The lists of a report."""

    PAGES = "pages"
    REFERRERS = "referrers"
    COUNTRIES = "countries"
    BROWSERS = "browsers"
    SYSTEMS = "systems"
    DEVICES = "devices"
    CHANNELS = "channels"
    CAMPAIGNS = "campaigns"
    SOURCES = "sources"
    MEDIUMS = "mediums"
    CONTENTS = "contents"
    TERMS = "terms"


COLUMNS: dict[Table, tuple[type[Model], str]] = {
    Table.PAGES: (PageView, "path"),
    Table.REFERRERS: (Visit, "referrer"),
    Table.COUNTRIES: (Visit, "country"),
    Table.BROWSERS: (Visit, "browser"),
    Table.SYSTEMS: (Visit, "system"),
    Table.DEVICES: (Visit, "device"),
    Table.CHANNELS: (Visit, "channel"),
    Table.CAMPAIGNS: (Visit, "utm_campaign"),
    Table.SOURCES: (Visit, "utm_source"),
    Table.MEDIUMS: (Visit, "utm_medium"),
    Table.CONTENTS: (Visit, "utm_content"),
    Table.TERMS: (Visit, "utm_term"),
}
# Most visits have none: that is no row.
TAGGED = frozenset((Table.CAMPAIGNS, Table.SOURCES, Table.MEDIUMS, Table.CONTENTS, Table.TERMS))
"""Pages are counted in page views, everything else in visits."""
READ_AS: dict[Table, Callable[[str], str]] = {Table.PAGES: readable_page, Table.REFERRERS: readable_host}


@dataclass(frozen=True)
class Figures:
    """The totals of a range; times in milliseconds, None where there is nothing to average."""

    visitors: int
    visits: int
    views: int
    per_visit_ms: float | None
    per_view_ms: float | None
    bounces: int

    @property
    def bounce_rate(self) -> float | None:
        """The share of visits with one page view and no event, 0 to 1."""
        return self.bounces / self.visits if self.visits else None


@dataclass(frozen=True)
class Bucket:
    """An hour or a day of the chart."""

    start: datetime
    views: int
    visits: int


@dataclass(frozen=True)
class TableRow:
    """One line of a list; `share` is of all page views or visits of the range, 0 to 1."""

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


def figures(site: Site, days: Range) -> Figures:
    """The totals of a range of days."""
    views = within(PageView, site, days).aggregate(count=Count("*"), mean=Avg("engaged_ms"))
    visits = within(Visit, site, days).aggregate(
        count=Count("*"),
        visitors=Count("visitor", distinct=True),
        mean=Avg("engaged_ms"),
        bounces=Count("id", filter=Q(views=1, events=0)),
    )
    return Figures(
        visitors=visits["visitors"],
        visits=visits["count"],
        views=views["count"],
        per_visit_ms=visits["mean"],
        per_view_ms=views["mean"],
        bounces=visits["bounces"],
    )


def series(site: Site, days: Range) -> list[Bucket]:
    """Page views and visits that began in each hour (up to two days) or day of the range, empty ones too."""
    views, visits = begun(PageView, site, days), begun(Visit, site, days)
    return [Bucket(start, views.get(start, 0), visits.get(start, 0)) for start in starts(days)]


def top(site: Site, days: Range, table: Table, total: int, limit: int = TOP) -> list[TableRow]:
    """The longest rows of a list; `total` is what shares are of."""
    model, column = COLUMNS[table]
    rows = within(model, site, days)
    if table in TAGGED:
        rows = rows.exclude(**{column: ""})
    counted = rows.values_list(column).annotate(count=Count("*")).order_by("-count", column)
    read = READ_AS.get(table, str)
    return [
        TableRow(name, count, count / total if total else 0, read(name)) for name, count in counted[:limit]
    ]


def within(model: type[Model], site: Site, days: Range) -> QuerySet[Any]:
    """The site's rows that began in the range."""
    rows: QuerySet[Any] = model._default_manager.filter(
        site_id=site.pk, began_at__gte=days.start, began_at__lt=days.end
    )
    return rows.order_by()


def begun(model: type[Model], site: Site, days: Range) -> dict[datetime, int]:
    """How many rows began in each bucket that has any, by the bucket's first moment."""
    bucket: Func[Any]
    if days.hourly:
        # From the range's own start, since in some zones hours do not begin with UTC's.
        hour, origin = Value(timedelta(hours=1)), Value(days.start)
        bucket = Func(hour, F("began_at"), origin, function="date_bin", output_field=DateTimeField())
    else:
        bucket = TruncDate("began_at", tzinfo=days.zone)
    rows = within(model, site, days).annotate(bucket=bucket).values_list("bucket").annotate(count=Count("*"))
    return {start if days.hourly else midnight(start, days.zone): count for start, count in rows}


def starts(days: Range) -> Iterator[datetime]:
    """The first moment of each bucket of a range."""
    if days.hourly:
        at = days.start
        while at < days.end:
            yield at
            at += timedelta(hours=1)
    else:
        for number in range(days.days):
            yield midnight(days.first + timedelta(days=number), days.zone)
