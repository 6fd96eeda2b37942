"""Whether imported figures are what was imported, and stand where they may: for `manage.py reconcile`."""

from collections.abc import Iterator

from django.db.models import Count

from analytics.history.question import HistoryQuestion, Span
from analytics.history.reconciling import Check
from analytics.importing.imported_answer import ImportedAnswering
from analytics.importing.imported_days import days_of
from analytics.importing.imported_sums import PLAIN
from analytics.models import HistoryDay, ImportedFile
from analytics.queries.ranges import Range
from tracker.contract.zones import zone_of
from tracker.models import PageView, Site


def checks(site: Site, span: Span) -> Iterator[Check]:
    """Each check when it is done; none where nothing was imported of these days."""
    files = ImportedFile.objects.filter(site=site, first__lte=span.last, last__gte=span.first)
    if not files:
        return
    yield _whole(list(files.annotate(there=Count("told"))))
    yield _apart(site, span)
    yield _adds(site, span)


def _whole(files: list[ImportedFile]) -> Check:
    wrong = [
        f"file {file.pk}: {there:,} of {file.figures:,} figures are there: take it back, and import it again"
        for file in files
        if (there := file.there) != file.figures  # type: ignore[attr-defined]
    ]
    return Check("imported files have all their figures", f"{len(files)} files", wrong)


def _apart(site: Site, span: Span) -> Check:
    """By what is stored of each day, not by which days are taken for the site's own."""
    days, zone = days_of(site, span.first, span.last).days, zone_of(site.timezone)
    sealed = set(HistoryDay.objects.filter(site_id=site.pk, day__in=days).values_list("day", flat=True))
    wrong = []
    for day in days:
        whole = Range(day, day, zone)
        stored = PageView.objects.filter(site=site, began_at__gte=whole.start, began_at__lt=whole.end).count()
        if stored or day in sealed:
            wrong.append(f"{day}: the site counted it itself ({stored:,} page views in Postgres)")
    return Check("imported figures are of days that the site did not count", f"{len(days)} days", wrong)


def _adds(site: Site, span: Span) -> Check:
    asking, sums = ImportedAnswering(site), {}
    for interval in ("day", "week", "month"):
        question = HistoryQuestion(
            site_id=site.pk, zone=site.timezone, span=span, measures=PLAIN, dimensions=(interval,)
        )
        told = asking.beside(question)
        if told is None or told.now is None:
            return Check("imported days add up to weeks and months", "no days", ())
        totals = [value or 0 for value in told.now.totals]
        sums[interval] = [sum(row[at] or 0 for row in told.now.rows) for at in range(1, 1 + len(PLAIN))]
    wrong = [
        f"{name}: {values[at]:,} in all {interval}s, {totals[at]:,} in the whole"
        for interval, values in sums.items()
        for at, name in enumerate(PLAIN)
        if values[at] != totals[at]
    ]
    shown = ", ".join(f"{total:,} {name}" for name, total in zip(PLAIN, totals, strict=True) if total)
    return Check("imported days add up to weeks and months", shown or "no figures", wrong)
