"""Page views of the last 60 seconds: what rises between two looks, and what began before the first."""

import json
import time
from datetime import UTC, datetime
from typing import cast

import pytest
from asgiref.sync import async_to_sync

from analytics.board.stream import BoardStream
from analytics.board.ticker import Ticker, WatchedSite
from analytics.live.rolling import RollingMinute, begun_by_age
from analytics.live.snapshot import Snapshots
from analytics.live.state import LiveState
from tests.stored import visit
from tracker.live.counters import MINUTES, Counters
from tracker.live.filters import NO_FILTERS, Filters
from tracker.liveness.activity import Activities
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
    rolling.begin({0: 3, 10: 4, 61: 50}, NOW)
    assert rolling.views(NOW) == 7


class Unfollowed:
    """A `LiveState` of which nothing but the stream is asked, and nobody asks for that."""

    def stream(self, site_id: int, filters: Filters) -> None:
        """None is followed."""


@pytest.mark.parametrize("ahead", [-600, 30, 70])
def test_the_clock_that_dates_snapshots_is_not_the_one_that_counts(ahead: int) -> None:
    live = cast(LiveState, Unfollowed())
    ticker = Ticker(live, Snapshots(lambda: time.time() + ahead), Activities())
    watched = WatchedSite(1, "key", BoardStream(live, 1, NO_FILTERS), before={}, rate=0)
    counters = Counters(NOW)
    now = time.monotonic()
    assert watched.due(counters, now)
    counters.add(MINUTES, MINUTE, 300)
    assert watched.due(counters, now)
    assert json.loads(ticker._made(watched, counters)[1])["rate"] == 300
    watched.told_at, watched.version = now, counters.version
    assert not watched.due(counters, now + 1), "nothing has changed"


@pytest.mark.django_db
def test_the_beginning_is_read_by_the_second() -> None:
    site = Site.objects.create(domain="one.example", hosts=["one.example"])
    for ago, paths in ((0.2, ("/a", "/b")), (30, ("/c",)), (59.9, ("/d",)), (60.1, ("/e",))):
        visit(site, datetime.fromtimestamp(NOW - ago, UTC), *paths)
    read = async_to_sync(begun_by_age)(PageView.objects.filter(site_id=site.pk), NOW)
    assert sum(read.values()) == 4
    assert read[30] == 1
