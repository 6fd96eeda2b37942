"""What happened on a site up to a moment, from Postgres: the stream before anybody watched, and in replay."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from analytics.queries import filtering
from tracker.contract.spans import LONGEST_PAGE_VIEW
from tracker.live.dimensions import COLUMNS
from tracker.live.filters import Filters
from tracker.live.stream import NEWEST, Happening
from tracker.models import Event, PageView
from tracker.visitors.identity import mark

# Rows come off the end of an index. Filters look at each row, and rare names would have them look at the
# whole day of a large site.
# Edge and connection of page views of logs (`analytics.access_logs`), which nobody holds.
LOGGED = (0, 1)
SPAN, FILTERED_SPAN = timedelta(hours=24), timedelta(hours=1)
ROUNDED = timedelta(milliseconds=1)


def before(site_id: int, moment: datetime, filters: Filters) -> list[Happening]:
    """The newest NEWEST happenings until `moment`, newest first; of events, those of the newest NEWEST."""
    since = moment - (FILTERED_SPAN if filters else SPAN)
    views = PageView.objects.filter(
        filtering.kept(filters), site_id=site_id, began_at__gt=since, began_at__lte=moment
    )
    return _newest(site_id, since, moment, views, filters, NEWEST)


def after(site_id: int, since: datetime, filters: Filters, most: int) -> list[Happening]:
    """The newest `most` happenings after a moment, newest first."""
    views = PageView.objects.filter(filtering.kept(filters), site_id=site_id, began_at__gt=since)
    return _newest(site_id, since, datetime.now(UTC), views, filters, most)


def logged(site_id: int, ids: Sequence[UUID], first: float, last: float) -> list[Happening]:
    """These page views of logs, which began between two moments, oldest first."""
    began = (datetime.fromtimestamp(first, UTC) - ROUNDED, datetime.fromtimestamp(last, UTC) + ROUNDED)
    views = PageView.objects.filter(site_id=site_id, began_at__range=began, id__in=ids)
    return _of_views(site_id, began[0] - SPAN, views, NEWEST * 4)[::-1]


def _newest(
    site_id: int,
    since: datetime,
    moment: datetime,
    views: QuerySet[PageView],
    filters: Filters,
    most: int,
) -> list[Happening]:
    happenings = _of_views(site_id, since, views, most)
    happenings += _events(site_id, since, moment, filters, most)
    return sorted(happenings, key=lambda each: each.at, reverse=True)[:most]


def _of_views(site_id: int, since: datetime, views: QuerySet[PageView], most: int) -> list[Happening]:
    """The newest `most` of these page views, newest first."""
    columns = ("id", "began_at", "visit_id", "visitor", "edge", "connection", *COLUMNS)
    rows = list(views.order_by("-began_at").values_list(*columns)[:most])
    pages = _pages_before(site_id, since, {visit for _, _, visit, *_ in rows})
    return [
        Happening(
            own_id,
            began_at.timestamp(),
            mark(visitor),
            "",
            tuple(names),
            pages.get(own_id),
            logged=(edge, connection) == LOGGED,
        )
        for own_id, began_at, _, visitor, edge, connection, *names in rows
    ]


def _pages_before(site_id: int, since: datetime, visits: set[UUID]) -> dict[UUID, str]:
    """The page before each page view of these visits, by its id; the first of a visit has none."""
    views = PageView.objects.filter(
        site_id=site_id, visit_id__in=visits, began_at__gt=since - LONGEST_PAGE_VIEW
    )
    found: dict[UUID, str] = {}
    last: dict[UUID, str] = {}
    for own_id, visit, path in views.order_by("began_at", "id").values_list("id", "visit_id", "path"):
        if visit in last:
            found[own_id] = last[visit]
        last[visit] = path
    return found


def named(site_id: int, nameless: Sequence[Happening], filters: Filters) -> list[Happening]:
    """These events with the names of their page views, oldest first; those that the filters keep."""
    first, last = (datetime.fromtimestamp(pick(each.at for each in nameless), UTC) for pick in (min, max))
    events = Event.objects.filter(
        site_id=site_id,
        # What is kept of a moment is exact to the microsecond, and weeks are found by it.
        at__range=(first - ROUNDED, last + ROUNDED),
        id__in=[each.id for each in nameless],
    )
    return _of_pages(site_id, last - SPAN, filters, events.order_by("at"))


def _events(site_id: int, since: datetime, moment: datetime, filters: Filters, most: int) -> list[Happening]:
    events = Event.objects.filter(site_id=site_id, at__gt=since, at__lte=moment).order_by("-at")[:most]
    return _of_pages(site_id, since, filters, events)


def _of_pages(site_id: int, since: datetime, filters: Filters, rows: QuerySet[Event]) -> list[Happening]:
    events = list(rows.values_list("id", "at", "name", "page_view_id", "visit_id"))
    pages = PageView.objects.filter(
        filtering.kept(filters),
        site_id=site_id,
        began_at__gt=since - LONGEST_PAGE_VIEW,
        visit_id__in={visit for *_, visit in events},
        id__in={page for *_, page, _ in events},
    )
    of_page = {
        own_id: (mark(visitor), tuple(names))
        for own_id, visitor, *names in pages.values_list("id", "visitor", *COLUMNS)
    }
    pages_before = _pages_before(site_id, since, {visit for *_, visit in events})
    return [
        Happening(own_id, at.timestamp(), of_page[page][0], name, of_page[page][1], pages_before.get(page))
        for own_id, at, name, page, _ in events
        if page in of_page
    ]
