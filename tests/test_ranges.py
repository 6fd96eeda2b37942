"""Ranges of a site's days: presets, custom ones, daylight saving, and what is refused."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from analytics.queries import ranges

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)  # 22 November, 00:30 in Berlin


def test_a_preset_counts_the_days_of_the_sites_zone() -> None:
    today = ranges.read({"range": "today"}, BERLIN, NOW)
    assert today.first == today.last == date(2026, 11, 22)
    assert today.start == datetime(2026, 11, 21, 23, tzinfo=UTC)
    week = ranges.read({"range": "7d"}, BERLIN, NOW)
    assert (week.first, week.last, week.days) == (date(2026, 11, 16), date(2026, 11, 22), 7)
    yesterday = ranges.read({"range": "yesterday"}, BERLIN, NOW)
    assert yesterday.end == today.start


def test_thirty_days_are_shown_unless_asked_otherwise() -> None:
    assert ranges.read({}, BERLIN, NOW).days == 30


def test_a_custom_range_includes_both_days() -> None:
    days = ranges.read({"from": "2026-11-01", "to": "2026-11-03"}, BERLIN, NOW)
    assert days.start == datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert days.end == datetime(2026, 11, 3, 23, tzinfo=UTC)
    assert not days.hourly


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-21", 24)])
def test_a_day_is_as_long_as_the_zone_makes_it(day: str, hours: int) -> None:
    days = ranges.read({"from": day, "to": day}, BERLIN, NOW)
    assert days.end - days.start == timedelta(hours=hours)
    assert days.hourly


@pytest.mark.parametrize(
    "query",
    [
        {"range": "ever"},
        {"range": "30d'; DROP TABLE"},
        {"from": "2026-11-01"},
        {"to": "2026-11-01"},
        {"from": "2026-11-02", "to": "2026-11-01"},
        {"from": "2026-02-30", "to": "2026-03-01"},
        {"from": "20261101", "to": "20261102"},
        {"from": "2026-W10-1", "to": "2026-W10-2"},
        {"from": "0001-01-01", "to": "0001-01-02"},
        {"from": "9999-12-30", "to": "9999-12-31"},
        {"from": "2024-01-01", "to": "2026-01-01"},
        {"from": "٢٠٢٦-١١-٠١", "to": "2026-11-02"},
        {"from": "2026-11-01\0", "to": "2026-11-02"},
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(query: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        ranges.read(query, BERLIN, NOW)


def test_a_running_range_is_compared_up_to_the_same_time_of_day() -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    before = ranges.read({"range": "7d"}, BERLIN, now).before(now)
    assert (before.first, before.last) == (date(2026, 11, 8), date(2026, 11, 14))
    assert before.end == datetime(2026, 11, 14, 12, tzinfo=UTC)


def test_a_running_range_compares_by_the_wall_clock_over_a_clock_change() -> None:
    now = datetime(2026, 10, 25, 12, tzinfo=UTC)  # 13:00 in Berlin, which was on summer time the day before
    before = ranges.read({"range": "today"}, BERLIN, now).before(now)
    assert before.end == datetime(2026, 10, 24, 11, tzinfo=UTC)


def test_a_finished_range_is_compared_with_the_whole_one_before() -> None:
    days = ranges.read({"from": "2026-11-01", "to": "2026-11-07"}, BERLIN, NOW)
    before = days.before(NOW)
    assert (before.start, before.end) == (datetime(2026, 10, 24, 22, tzinfo=UTC), days.start)
