"""Page views of the last 60 seconds: what rises between two looks, and what began before the first."""

from datetime import UTC, datetime

import pytest
from asgiref.sync import async_to_sync

from analytics.live.rolling import RollingMinute, begun_by_second
from tests.stored import visit
from tracker.models import PageView, Site

NOW = 1_800_000_030.5
MINUTE = int(NOW // 60)


def test_what_rises_counts_for_sixty_seconds_and_what_stood_does_not() -> None:
    rolling = RollingMinute()
    rolling.look({MINUTE - 1: 40, MINUTE: 7}, NOW)
    assert rolling.views(NOW) == 0
    rolling.look({MINUTE - 1: 41, MINUTE: 9}, NOW + 1)
    assert rolling.views(NOW + 1) == 3
    # Old minutes go, and new ones begin at nothing.
    rolling.look({MINUTE: 9, MINUTE + 1: 2}, NOW + 40)
    assert rolling.views(NOW + 40) == 5
    assert rolling.views(NOW + 60) == 5
    assert rolling.views(NOW + 61.5) == 2
    assert rolling.views(NOW + 101) == 0


def test_what_both_know_of_counts_once() -> None:
    rolling = RollingMinute()
    rolling.look({MINUTE: 5}, NOW)
    rolling.look({MINUTE: 7}, NOW)
    rolling.begin({int(NOW): 3, int(NOW) - 10: 4, int(NOW) - 61: 50})
    assert rolling.views(NOW) == 7


@pytest.mark.django_db
def test_the_beginning_is_read_by_the_second() -> None:
    site = Site.objects.create(domain="one.example", hosts=["one.example"])
    for ago, paths in ((0.2, ("/a", "/b")), (30, ("/c",)), (59.9, ("/d",)), (60.1, ("/e",))):
        visit(site, datetime.fromtimestamp(NOW - ago, UTC), *paths)
    read = async_to_sync(begun_by_second)(PageView.objects.filter(site_id=site.pk), NOW)
    assert sum(read.values()) == 4
    assert read[int(NOW - 30)] == 1
