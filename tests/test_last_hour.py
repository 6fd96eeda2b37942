"""The sites' last hour: right for each site, read once per minute, and carried on after an outage."""

from datetime import UTC, datetime

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.live.last_hour import SitesHour
from tests.stored import visit
from tracker.models import Site

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC).timestamp() // 60 * 60 + 30
MINUTE = 60


def moment(ago: float) -> datetime:
    return datetime.fromtimestamp(NOW - ago, UTC)


def sites() -> tuple[Site, Site]:
    first = Site.objects.create(domain="one.example", hosts=["one.example"])
    return first, Site.objects.create(domain="two.example", hosts=["two.example"])


def read(hours: SitesHour, now: float) -> None:
    async_to_sync(hours.read)(now)


def test_each_site_has_its_own_minutes_of_the_last_hour_only() -> None:
    one, two = sites()
    visit(one, moment(3 * MINUTE), "/a", "/b")
    visit(one, moment(0), "/now")
    visit(one, moment(60 * MINUTE), "/too-old")
    visit(two, moment(59 * MINUTE), "/oldest")
    hours = SitesHour()
    read(hours, NOW)
    assert hours.of(one.pk, NOW) == [0] * 56 + [1, 1, 0, 1]
    assert hours.of(two.pk, NOW) == [1] + [0] * 59
    assert hours.of(two.pk + 1, NOW) == [0] * 60


def test_the_minutes_move_on_and_only_the_running_ones_are_read_again() -> None:
    one, _ = sites()
    visit(one, moment(10 * MINUTE), "/early")
    visit(one, moment(0), "/first")
    hours = SitesHour()
    read(hours, NOW)
    # Stored after it was read, in the minute that was running, and in one that had long been over.
    visit(one, moment(0), "/second")
    visit(one, moment(10 * MINUTE), "/late")
    later = NOW + MINUTE
    read(hours, later)
    assert hours.of(one.pk, later) == [0] * 48 + [1] + [0] * 9 + [2, 0]


def test_after_a_clock_was_set_back_it_is_read_again() -> None:
    one, _ = sites()
    hours = SitesHour()
    read(hours, NOW + 10 * MINUTE)
    visit(one, moment(0), "/now")
    read(hours, NOW)
    assert hours.of(one.pk, NOW) == [0] * 59 + [1]


def test_what_is_fresh_is_not_asked_for_again() -> None:
    hours = SitesHour()
    with CaptureQueriesContext(connection) as queries:
        read(hours, NOW)
        read(hours, NOW + 1)
    assert len(queries) == 1
