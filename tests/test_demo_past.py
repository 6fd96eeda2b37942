"""The demo's past: eight days that look lived in, stored once."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from random import Random

import psycopg
import pytest
from django.utils import timezone

from analytics.demo.filling import fill, since
from analytics.demo.past import BURST, Past, busyness
from analytics.demo.people import People
from tests.weeks import own_weeks
from tracker.models import Event, Minute, PageView, Site, Visit
from tracker.rollups import minutes
from tracker.visitors.countries import Countries

pytestmark = pytest.mark.django_db(transaction=True)
NOW = timezone.now()


@pytest.fixture
def connection() -> Iterator[psycopg.Connection]:
    with own_weeks() as connection:
        yield connection


def past_of(site: Site, average: float) -> Past:
    rng, countries = Random(1), Countries("")
    return Past(rng, site.pk, site.domain, People(rng, countries.of), countries.of, average)


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
    for name in ("referrer", "channel", "country", "browser", "utm_campaign"):
        assert len({getattr(visit, name) for visit in visits.values()}) > 2, name
