"""The way to days by years and months, as Django's lists have it: links to ranges. Pure."""

import calendar
from datetime import date, timedelta
from typing import NamedTuple

from analytics.queries.ranges import Range

DAY = timedelta(days=1)


class DayStep(NamedTuple):
    """A link to a year, a month or a day."""

    label: str
    first: date
    last: date
    chosen: bool


class DayLevel(NamedTuple):
    """Years, months of one year, or days of one month."""

    title: str
    steps: list[DayStep]


def day_levels(days: Range, first: date | None, today: date) -> list[DayLevel]:
    """All years since the first day; the months of the year that the range is in, the days of its month."""
    first = min(first or today, today, days.first)
    last = max(today, days.last)
    if first.year < today.year - 99:
        first = first.replace(year=today.year - 99, day=1)
    levels = [DayLevel("Year", [_year(year, days) for year in range(first.year, last.year + 1)])]
    begin, end = days.first, days.last
    if begin.year != end.year:
        return levels
    months = [
        _month(begin.year, month, days)
        for month in range(1, 13)
        if _month(begin.year, month, days).first <= last and _month(begin.year, month, days).last >= first
    ]
    levels.append(DayLevel("Month", months))
    if begin.month != end.month:
        return levels
    month = _month(begin.year, begin.month, days)
    count = (month.last - month.first).days + 1
    of_month = [month.first + number * DAY for number in range(count)]
    steps = [DayStep(f"{day.day}", day, day, day == begin == end) for day in of_month if first <= day <= last]
    return [*levels, DayLevel("Day", steps)]


def _year(year: int, days: Range) -> DayStep:
    first, last = date(year, 1, 1), date(year, 12, 31)
    return DayStep(f"{year}", first, last, days.first.year == days.last.year == year)


def _month(year: int, month: int, days: Range) -> DayStep:
    first = date(year, month, 1)
    last = first.replace(day=calendar.monthrange(year, month)[1])
    return DayStep(f"{first:%B}", first, last, first <= days.first and days.last <= last)
