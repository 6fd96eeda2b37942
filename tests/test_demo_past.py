"""The demo's past: eight days that look lived in, stored once."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random

import psycopg
import pytest
from django.db.models import Max, Sum
from django.utils import timezone

from analytics.demo.filling import fill, since
from analytics.demo.past import BURST, Past, VisitOfThePast, busyness
from analytics.demo.people import People
from tests.weeks import own_weeks
from tracker.contract.spans import VISIT_GAP
from tracker.models import Event, Minute, PageView, Site, Visit
from tracker.postgres.connect import connect
from tracker.rollups import minutes
from tracker.visitors.countries import Countries

pytestmark = pytest.mark.django_db(transaction=True)
NOW = timezone.now()


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    with own_weeks() as connection:
        yield connection


class WatchedPast(Past):
    """A past, while whose visits are copied a board looks at the page views."""

    def visits(self, since: datetime, now: datetime) -> Iterator[VisitOfThePast]:
        with connect() as board:
            board.execute("SET lock_timeout = '5s'")
            assert board.execute("SELECT count(*) FROM tracker_pageview").fetchone() == (0,)
        yield from super().visits(since, now)


def past_of(site: Site, average: float) -> Past:
    rng, countries = Random(1), Countries("")
    return WatchedPast(rng, site.domain, People(rng, countries.of), countries.of, average)


def test_eight_days_are_there_once_and_look_lived_in(connection: psycopg.Connection) -> None:
    site = Site.objects.create(domain="demo.example", hosts=["demo.example"], demo=True)
    begin = since(connection, site.pk, NOW)
    assert begin
    assert timedelta(days=8) <= NOW - begin < timedelta(days=9)
    # As the product does at its start: the past is later than that.
    minutes.roll_up(connection, NOW)
    stored = fill(connection, site.pk, past_of(site, 6), begin, NOW)
    assert PageView.objects.count() == stored > 10_000
    assert since(connection, site.pk, NOW) is None
    assert Minute.objects.filter(site_id=site.pk).count() > 7 * 1000
    assert since(connection, site.pk, NOW + timedelta(hours=3)) is not None

    moments = list(PageView.objects.values_list("began_at", "ended_at"))
    assert all(begin <= start <= (end or NOW) <= NOW for start, end in moments)
    days = Counter((NOW - start).days for start, _ in moments)
    assert set(days) >= set(range(8))
    assert all(busyness(start) > 0 for start, _ in moments[:100])
    hours = Counter(start.hour for start, _ in moments)
    assert hours[14] > 3 * hours[3], "nights are quiet"
    at, lasts, _ = BURST
    ago = NOW - at
    inside = sum(ago <= start < ago + lasts for start, _ in moments)
    before = sum(ago - lasts <= start < ago for start, _ in moments)
    assert inside > 2 * before, "one link brought many at once"

    visits = {visit.id: visit for visit in Visit.objects.all()}
    views = Counter(PageView.objects.values_list("visit_id", flat=True))
    assert views == {key: visit.views for key, visit in visits.items()}
    events = Counter(Event.objects.values_list("visit_id", flat=True))
    assert events == {key: visit.events for key, visit in visits.items() if visit.events}
    for first in PageView.objects.filter(id__in=visits):
        visit = visits[first.id]
        assert (first.began_at, first.path) == (visit.began_at, visit.entry_path), (
            "named after its first page view"
        )
    assert set(views) <= set(PageView.objects.values_list("id", flat=True))
    spent = dict(PageView.objects.values_list("visit_id").annotate(Sum("engaged_ms")))
    assert spent == {key: visit.engaged_ms for key, visit in visits.items()}
    ends = dict(PageView.objects.values_list("visit_id").annotate(Max("ended_at")))
    assert ends == {key: visit.ended_at for key, visit in visits.items()}
    assert any(end == NOW for end in ends.values()), "until the live visitors come"
    # Whoever comes again within the gap goes on with the visit.
    by_visitor: dict[object, list[Visit]] = defaultdict(list)
    for visit in sorted(visits.values(), key=lambda visit: visit.began_at):
        by_visitor[visit.visitor].append(visit)
    assert max(map(len, by_visitor.values())) > 1, "some come again"
    for own in by_visitor.values():
        assert all(later.began_at - one.ended_at > VISIT_GAP for one, later in pairwise(own))
        assert len({visit.began_at.date() for visit in own}) == 1, "a visitor is one day's"

    # What was rolled up is what a sweep finds.
    noon = NOW.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=36)
    with connection.cursor() as cursor:
        rolled = minutes.rolled_up(cursor, site.pk, noon, noon + timedelta(hours=6))
        assert rolled == minutes.sweep(cursor, site.pk, noon, noon + timedelta(hours=6))
    assert len(rolled) == 360
    for name in ("referrer", "channel", "country", "browser", "utm_campaign"):
        assert len({getattr(visit, name) for visit in visits.values()}) > 2, name
