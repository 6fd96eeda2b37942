"""The minutes, hours, days, weeks or months that a span of days falls into, numbered from 0. Pure.

Hours are of the day: they begin with it, so that a day of 25 hours has 25, and one of 24.5 a last one of half
an hour. Weeks begin on Monday. Hours of the week go by the clock on the wall instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from analytics.history.local_days import LocalDay, micros
from tracker.contract.zones import zone_of

STEPS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
HOURS_OF_WEEK = 7 * 24
# What a series has at most: a chart shows fewer, and each is a row of the answer.
MOST_BUCKETS = 3000


@dataclass
class Buckets:
    """The buckets of one dimension of time; empty without one."""

    dimension: str | None
    labels: list[str] = field(default_factory=list)
    # How many of them have begun.
    begun: int = 0
    # Of each day: its first bucket.
    bases: dict[date, int] = field(default_factory=dict)
    # From when to when: number, begin and end in µs; of hours of the week there are many.
    spans: list[tuple[int, int, int]] = field(default_factory=list)

    def sql(self, at: str) -> str:
        """The bucket of a row that has the columns of its day and `utc_offset`; `at`: its moment in µs."""
        if self.dimension in STEPS:
            step = STEPS[self.dimension] // timedelta(microseconds=1)
            return f"base + (({at} - begins) // {step})::INTEGER"
        if self.dimension == "weekday_hour":
            return f"base + ((({at} // 1000000 + utc_offset) // 3600) % 24)::INTEGER"
        return "base"


def buckets(dimension: str | None, days: Sequence[LocalDay], until: datetime) -> Buckets:
    """The buckets of these days, one after another; spans end at `until`."""
    made = Buckets(dimension)
    if dimension in STEPS:
        _steps(made, STEPS[dimension], days, until)
    elif dimension == "weekday_hour":
        _hours_of_week(made, days, until)
    elif dimension:
        _whole_days(made, dimension, days, until)
    else:
        made.bases = {day.day: 0 for day in days}
    return made


def count(dimension: str, days: int) -> int:
    """About how many buckets so many days have."""
    return {"minute": 1440 * days, "hour": 24 * days}.get(dimension, days)


def _steps(made: Buckets, step: timedelta, days: Sequence[LocalDay], until: datetime) -> None:
    for day in days:
        made.bases[day.day] = len(made.labels)
        zone = zone_of(day.zone)
        at = day.begins
        while at < day.ends:
            if at < until:
                made.spans.append((len(made.labels), micros(at), micros(min(at + step, day.ends, until))))
                made.begun = len(made.labels) + 1
            made.labels.append(at.astimezone(zone).isoformat(timespec="minutes"))
            at += step


def _hours_of_week(made: Buckets, days: Sequence[LocalDay], until: datetime) -> None:
    made.labels = [f"{number // 24 + 1}-{number % 24:02}" for number in range(HOURS_OF_WEEK)]
    made.begun = HOURS_OF_WEEK
    for day in days:
        base = made.bases[day.day] = day.day.weekday() * 24
        zone = zone_of(day.zone)
        at = day.begins
        while at < day.ends and at < until:
            local = at.astimezone(zone)
            whole = at + timedelta(hours=1) - timedelta(minutes=local.minute, seconds=local.second)
            # The clock may be changed before the hour is over.
            end = min(whole, day.ends, until, *(since for since, _ in day.offsets if since > at))
            made.spans.append((base + local.hour, micros(at), micros(end)))
            at = end


def _whole_days(made: Buckets, dimension: str, days: Sequence[LocalDay], until: datetime) -> None:
    for day in days:
        label = label_of(dimension, day.day)
        if not made.labels or made.labels[-1] != label:
            made.labels.append(label)
        number = made.bases[day.day] = len(made.labels) - 1
        if day.begins < until:
            made.begun = len(made.labels)
            made.spans.append((number, micros(day.begins), micros(min(day.ends, until))))


def label_of(dimension: str, day: date) -> str:
    """The name of the day, week (its Monday) or month that holds a day."""
    if dimension == "month":
        return f"{day:%Y-%m}"
    if dimension == "week":
        day -= timedelta(days=day.weekday())
    return day.isoformat()
