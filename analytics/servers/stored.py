"""Series and their windows as Postgres has them."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from tracker import models
from tracker.signals import own_series
from tracker.signals.datapoint import Series, SeriesKind
from tracker.signals.windows import SPANS, Row

# A page of series, and all windows in one answer: 100,000 are 15 MB of JSON.
SERIES_MOST, WINDOWS_MOST = 1000, 100_000
WINDOWS = """
SELECT series_id, extract(epoch FROM at)::bigint,
    count, sum, last, least, most, p50, p90, p99, deviation, "distinct"
FROM tracker_signal WHERE seconds = %s AND series_id = ANY(%s) AND at >= %s AND at < %s ORDER BY 1, 2, run
"""


class Wanted(NamedTuple):
    """Which series: `names` with `*` for any text, all of `tags`, and words that are in name or tags.

    `sites`: whose own series are among them, by their keys; None for all sites."""

    names: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    find: str = ""
    sites: frozenset[str] | None = None

    def shows(self, series: Series) -> bool:
        """Whether its reader may see a series, and wants its tags."""
        site = own_series.site_of(series)
        hidden = self.sites is not None and site is not None and site not in self.sites
        return not hidden and set(self.tags) <= set(series.tags)


def matching(wanted: Wanted) -> QuerySet[models.SignalSeries]:
    """The series that are wanted, by name and tags; lazy."""
    kept = models.SignalSeries.objects.all()
    if wanted.names:
        either = Q(name__in=[name for name in wanted.names if "*" not in name])
        for name in wanted.names:
            if "*" in name:
                either |= Q(name__regex=_expression(name))
        kept = kept.filter(either)
    for key, value in wanted.tags:
        # One by one: of a tag that is asked for with two values, no series has both.
        kept = kept.filter(tags__contains={key: value})
    if wanted.sites is not None:
        of_a_site = Q(tags__has_key=own_series.SITE) & _begins_with(own_series.OWN_NAMES)
        kept = kept.filter(~of_a_site | Q(tags__site__in=sorted(wanted.sites)))
    for word in wanted.find.split():
        text = Q(name__icontains=word) | Q(tag_text__icontains=word)
        key, colon, value = word.partition(":")
        if colon:
            text |= Q(tags__contains={key: value})
        kept = kept.annotate(tag_text=Cast("tags", TextField())).filter(text)
    return kept.order_by("name", "tags", "kind")


def _begins_with(names: Sequence[str]) -> Q:
    return reduce(or_, (Q(name__startswith=name) for name in names))


def series_of(row: models.SignalSeries) -> Series:
    """A row as the datapoints have it."""
    return Series(row.name, SeriesKind(row.kind), tuple(sorted(row.tags.items())))


def kept_seconds() -> dict[int, int]:
    """For how many seconds windows of each length are kept."""
    hour, day = 3600, 86_400
    kept = (
        settings.FOOTFALL_SIGNAL_HOURS * hour,
        settings.FOOTFALL_SIGNAL_DAYS * day,
        settings.FOOTFALL_SIGNAL_MONTHS * 31 * day,
    )
    return dict(zip(SPANS, kept, strict=True))


def fitting(since: float, until: float, now: float, series: int = 1) -> int:
    """The shortest windows that reach back so far and are not too many for so many series."""
    for seconds, kept in kept_seconds().items():
        if now - since <= kept and (until - since) / seconds * max(1, series) <= WINDOWS_MOST:
            return seconds
    return SPANS[-1]


def windows(of: Mapping[int, Series], seconds: int, since: float, until: float) -> dict[int, list[Row]]:
    """The windows of these series, by id, that begin from `since` until before `until`, oldest first."""
    found: dict[int, list[Row]] = {number: [] for number in of}
    times = [datetime.fromtimestamp(moment, UTC) for moment in (since, until)]
    with connection.cursor() as cursor:
        cursor.execute(WINDOWS, [seconds, list(of), *times])
        for number, at, *values in cursor.fetchall():
            rows = found[number]
            row = Row(of[number], seconds, at, *values)
            if rows and rows[-1].at == at:
                rows[-1] = _together(rows[-1], row)
            else:
                rows.append(row)
    return found


def _expression(pattern: str) -> str:
    """A name with `*` for any text, as Postgres reads it: in one pass, whatever it says."""
    return "^" + ".*".join(map(re.escape, re.split(r"\*+", pattern))) + "$"


def _of(one: float | None, other: float | None, together: Callable[[list[float]], float]) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return together(known) if known else None


def _together(one: Row, other: Row) -> Row:
    """A window with a restart in it: counts and sums add up, percentiles are of the larger part."""
    larger = max(one, other, key=lambda row: row.count)
    return Row(
        *(one.series, one.seconds, one.at, one.count + other.count),
        sum=_of(one.sum, other.sum, sum),
        last=other.last,
        least=_of(one.least, other.least, min),
        most=_of(one.most, other.most, max),
        p50=larger.p50,
        p90=larger.p90,
        p99=larger.p99,
        deviation=larger.deviation,
        distinct=larger.distinct,
    )
