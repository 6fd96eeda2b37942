from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.visitors.identity import derive, live_key, site_day, visitor_id

SALT = bytes(range(32))
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_the_same_visitor_gets_the_same_id() -> None:
    assert visitor_id(SALT, 1, "192.0.2.1", "agent") == visitor_id(SALT, 1, "192.0.2.1", "agent")


@pytest.mark.parametrize(
    "other",
    [
        (bytes(32), 1, "192.0.2.1", "agent"),
        (SALT, 2, "192.0.2.1", "agent"),
        (SALT, 1, "192.0.2.2", "agent"),
        (SALT, 1, "192.0.2.1", "Agent"),
        (SALT, 1, "192.0.2.1a", "gent"),
        (SALT, 11, "92.0.2.1", "agent"),
    ],
)
def test_salt_site_address_and_agent_each_tell_visitors_apart(other: tuple[bytes, int, str, str]) -> None:
    assert visitor_id(*other) != visitor_id(SALT, 1, "192.0.2.1", "agent")
    assert live_key(*other) != live_key(SALT, 1, "192.0.2.1", "agent")


@pytest.mark.parametrize("other", ["2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6", "2001:DB8:1:2:ffff::"])
def test_privacy_addresses_of_one_household_are_one_visitor(other: str) -> None:
    one = "2001:db8:1:2:89ab:cdef:1234:5678"
    assert visitor_id(SALT, 1, one, "agent") == visitor_id(SALT, 1, other, "agent")
    assert live_key(SALT, 1, one, "agent") == live_key(SALT, 1, other, "agent")


def test_two_households_are_two_visitors() -> None:
    assert visitor_id(SALT, 1, "2001:db8:1:2::1", "a") != visitor_id(SALT, 1, "2001:db8:1:3::1", "a")
    assert live_key(SALT, 1, "2001:db8:1:2::1", "a") != live_key(SALT, 1, "2001:db8:1:3::1", "a")


def test_the_live_key_is_not_the_stored_id_even_under_one_key() -> None:
    key = live_key(SALT, 1, "192.0.2.1", "agent")
    assert len(key) == 16
    assert key != visitor_id(SALT, 1, "192.0.2.1", "agent").bytes


def test_one_secret_gives_each_purpose_a_key_of_its_own() -> None:
    key = derive("secret" * 50, "live")
    assert key == derive("secret" * 50, "live")
    assert len({key, derive("secret" * 50, "other"), derive("secret" * 51, "live")}) == 3
    assert len(key) == 32


@given(st.text(st.characters(exclude_categories=[])))
def test_any_header_makes_an_id(agent: str) -> None:
    assert visitor_id(SALT, 1, "2001:db8::1", agent).int >= 0


def test_a_day_is_the_sites_own() -> None:
    late = at("2026-11-21T23:30:00+00:00")
    assert site_day(late, ZoneInfo("UTC")) == date(2026, 11, 21)
    assert site_day(late, BERLIN) == date(2026, 11, 22)
    assert site_day(late, ZoneInfo("America/New_York")) == date(2026, 11, 21)
