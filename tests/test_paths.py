"""Paths: where the people on a page came from and went to, from stored page views, and on the board."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from analytics.board import paths
from tests.cast import Cast, make_cast
from tests.stored import visit
from tracker.live.filters import Filters
from tracker.models import PageView, Site

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def steps(
    site: Site, *pages: str, until: datetime = NOW, **more: frozenset[str]
) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], int]]:
    """What comes before the pages, and what after, with how often."""
    around: dict[str, Any] = paths.around(site, Filters.of(pages=pages, **more), until)
    before, after = (
        {(row["kind"], row["name"]): row["steps"] for row in around[side]} for side in ("from", "to")
    )
    assert around["steps"] == sum(after.values())
    return before, after


def test_steps_follow_the_order_of_each_visit(cast: Cast) -> None:
    visit(cast.site, NOW - 20 * MINUTE, "/", "/pricing", "/signup", visitor=1)
    visit(cast.site, NOW - 10 * MINUTE, "/", "/pricing", "/pricing", visitor=2, referrer="Google")
    visit(cast.site, NOW - 9 * MINUTE, "/pricing", "/", visitor=3, referrer="Google")
    # Steps of others, and of other sites, are none of ours.
    visit(cast.site, NOW - 9 * MINUTE, "/other", visitor=4)
    visit(cast.strange_site, NOW - 9 * MINUTE, "/pricing", visitor=5)
    before, after = steps(cast.site, "/pricing")
    assert before == {("page", "/"): 2, ("source", "Google"): 1}
    assert after == {("page", "/signup"): 1, ("left", ""): 1, ("page", "/"): 1}


def test_who_has_not_left_is_still_here(cast: Cast) -> None:
    made = visit(cast.site, NOW - 5 * MINUTE, "/", "/pricing")
    PageView.objects.filter(visit_id=made.id, path="/pricing").update(ended_at=None)
    before, after = steps(cast.site, "/pricing")
    assert (before, after) == ({("page", "/"): 1}, {("here", ""): 1})


def test_only_the_last_half_hour_counts_but_what_led_there_is_known(cast: Cast) -> None:
    visit(cast.site, NOW - 50 * MINUTE, "/pricing", "/late", visitor=1)
    visit(cast.site, NOW - 31 * MINUTE, "/before", "/pricing", visitor=2)
    before, after = steps(cast.site, "/pricing")
    assert (before, after) == ({("page", "/before"): 1}, {("left", ""): 1})


def test_several_pages_are_taken_as_one(cast: Cast) -> None:
    visit(cast.site, NOW - 20 * MINUTE, "/", "/a", "/b", "/a", "/end", visitor=1)
    visit(cast.site, NOW - 20 * MINUTE, "/b", "/other", "/a", visitor=2, referrer="Google")
    before, after = steps(cast.site, "/a", "/b")
    assert before == {("page", "/"): 1, ("source", "Google"): 1, ("page", "/other"): 1}
    assert after == {("page", "/end"): 1, ("page", "/other"): 1, ("left", ""): 1}


def test_other_filters_keep_their_people(cast: Cast) -> None:
    visit(cast.site, NOW - 20 * MINUTE, "/", "/a", visitor=1, country="DE", browser="Firefox")
    visit(cast.site, NOW - 20 * MINUTE, "/", "/a", visitor=2, country="FR", browser="Firefox")
    visit(cast.site, NOW - 20 * MINUTE, "/b", "/a", visitor=3, country="DE")
    kept, of = frozenset({"DE"}), frozenset({"Firefox"})
    assert steps(cast.site, "/a", countries=kept, browsers=of) == ({("page", "/"): 1}, {("left", ""): 1})


def test_steps_are_those_up_to_the_moment_that_is_asked_for(cast: Cast) -> None:
    visit(cast.site, NOW - 20 * MINUTE, "/", "/a", "/end")
    moment = NOW - 18.5 * MINUTE
    assert steps(cast.site, "/a", until=moment) == ({("page", "/"): 1}, {("here", ""): 1})
    assert steps(cast.site, "/a", until=NOW - 19.5 * MINUTE) == ({}, {})


def test_the_longest_rows_are_told_and_always_who_left(cast: Cast) -> None:
    for number in range(8):
        for n in range(2):
            visit(cast.site, NOW - 9 * MINUTE, "/", f"/to/{number}", visitor=10 * number + n)
    visit(cast.site, NOW - 9 * MINUTE, "/", visitor=99)
    _, after = steps_shown(cast.site)
    assert after == [*((f"/to/{number}", 2) for number in range(5)), ("", 1)]


def steps_shown(site: Site) -> tuple[int, list[tuple[str, int]]]:
    around = paths.around(site, Filters.of(pages=frozenset({"/"})), NOW)
    return around["steps"], [(row["name"], row["steps"]) for row in around["to"]]


def test_only_who_may_see_the_board_is_told(cast: Cast) -> None:
    expected = {"owner": 200, "viewer": 200, "superuser": 200, "outsider": 404, "customer": 404}
    for name, status in expected.items():
        client = Client()
        client.force_login(cast.everyone()[name])
        answer = client.get(f"/sites/{cast.site.key}/paths.json", {"page": "/"})
        assert answer.status_code == status, name
    client.force_login(cast.owner)
    address = f"/sites/{cast.site.key}/paths.json"
    wrong: list[dict[str, str]] = [{}, {"country": "DE"}, {"page": "/", "t": "soon"}]
    assert [client.get(address, query).status_code for query in wrong] == [400] * 3
    # Typed, it stands for the name in which it is encoded, and which no page has.
    assert client.get(address, {"page": "a\0"}).status_code == 200
