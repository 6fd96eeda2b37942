import zoneinfo
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.identity import derive, live_key, next_midnight, site_day, visitor_id

SALT = bytes(range(32))
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = sorted(zoneinfo.available_timezones() - {"localtime"})


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


@pytest.mark.parametrize(
    ("now", "zone", "midnight"),
    [
        ("2026-11-21T12:00:00+01:00", "Europe/Berlin", "2026-11-22T00:00:00+01:00"),
        # The days of 23 and of 25 hours.
        ("2026-03-29T00:00:00+01:00", "Europe/Berlin", "2026-03-30T00:00:00+02:00"),
        ("2026-10-25T00:00:00+02:00", "Europe/Berlin", "2026-10-26T00:00:00+01:00"),
        # Midnight itself belongs to the day that it begins.
        ("2026-11-22T00:00:00+01:00", "Europe/Berlin", "2026-11-23T00:00:00+01:00"),
        ("2026-11-21T23:59:59.999+01:00", "Europe/Berlin", "2026-11-22T00:00:00+01:00"),
        # 00:00 does not exist: the day begins at 01:00.
        ("2018-11-03T12:00:00-03:00", "America/Sao_Paulo", "2018-11-04T01:00:00-02:00"),
        # 23:00 to 24:00 comes twice.
        ("2018-02-17T23:30:00-02:00", "America/Sao_Paulo", "2018-02-18T00:00:00-03:00"),
        # 00:00 comes twice.
        ("2026-10-31T12:00:00-04:00", "America/Havana", "2026-11-01T00:00:00-04:00"),
        # 00:00 comes twice, and 23:01 of the day before lies between.
        ("2006-10-28T23:30:00-03:30", "America/St_Johns", "2006-10-29T00:00:00-03:30"),
        # 30 December was left out.
        ("2011-12-29T12:00:00-10:00", "Pacific/Apia", "2011-12-31T00:00:00+14:00"),
    ],
)
def test_the_next_midnight_is_when_the_sites_day_begins(now: str, zone: str, midnight: str) -> None:
    assert next_midnight(at(now), ZoneInfo(zone)) == at(midnight)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(ZONES),
)
def test_the_next_midnight_ends_the_day_in_every_zone(moment: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    now = moment.timestamp()
    midnight = next_midnight(now, zone)
    assert now < midnight <= now + timedelta(hours=26).total_seconds()
    assert site_day(midnight - 1, zone) <= site_day(now, zone) < site_day(midnight, zone)
