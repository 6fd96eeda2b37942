"""What a span of time meant to people: who was there before, in and after it, and what is usual then. Pure.

Usual is what the same weekday had at the same time of day, in each of the weeks before that were counted.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import msgspec

from analytics.history.local_days import day_at
from analytics.history.question import WrongQuestion
from tracker.contract.zones import zone_of

# What a flag, which is a moment, stands for.
FLAG_SPAN = timedelta(minutes=10)
LONGEST_SPAN = timedelta(days=1)
# Before and after are as long as the span: shorter would be noise, longer another time of day.
LEAST_BESIDE, MOST_BESIDE = timedelta(minutes=5), timedelta(hours=1)
# What has only just begun is no "after" yet.
LEAST_AFTER = timedelta(minutes=1)
WEEKS = 4
WEEK = timedelta(weeks=1)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


class ImpactQuestion(msgspec.Struct, frozen=True, tag=True):
    """What the time from `since` until before `until` meant; `first`: the first day that was counted."""

    site_id: int
    zone: str
    since: datetime
    until: datetime
    first: date | None


class MeanPresence(msgspec.Struct, frozen=True):
    """Visitors at once, averaged over a time, and over the same time of the weeks before."""

    since: datetime
    until: datetime
    visitors: float
    usual: float | None


class Impact(msgspec.Struct, frozen=True, tag=True):
    """What a span meant, as of a moment. `after` is None while the span runs, or has just ended.

    `people`: distinct visitors who had a page open in it. `ended`: page views that were open in it and ended
    there. `weeks`: the days of the weeks before that `usual` is the mean of, the latest first.
    """

    as_of: datetime
    running: bool
    before: MeanPresence
    during: MeanPresence
    after: MeanPresence | None
    people: int
    usual_people: float | None
    ended: int
    usual_ended: float | None
    weeks: list[date]
    damaged_days: list[date]


class ImpactWindow(NamedTuple):
    """A time from `since` until before `until`, in UTC."""

    since: datetime
    until: datetime

    @property
    def seconds(self) -> float:
        return (self.until - self.since).total_seconds()


class ImpactWeek(NamedTuple):
    """The windows of one week: before, in and after the span; the last only where it has begun."""

    windows: tuple[ImpactWindow, ...]

    @property
    def since(self) -> datetime:
        return self.windows[0].since

    @property
    def until(self) -> datetime:
        return self.windows[-1].until


def check_impact(question: ImpactQuestion, now: datetime) -> None:
    """Whether this can be asked. Raises WrongQuestion."""
    if question.since < EARLIEST:
        raise WrongQuestion("from", f"Say a time since {EARLIEST:%Y}.")
    if question.until <= question.since:
        raise WrongQuestion("to", "A span ends after it begins.")
    if question.until - question.since > LONGEST_SPAN:
        raise WrongQuestion("to", "A span is a day long at most.")
    if question.since >= now:
        raise WrongQuestion("from", "This is still to come.")


def weeks_of(question: ImpactQuestion, now: datetime) -> list[ImpactWeek]:
    """The week of the span, then those before that were counted, the latest first.

    They begin when the clock of the site said the same, and are as long: over a change of clocks, too.
    """
    length = question.until - question.since
    beside = min(max(length, LEAST_BESIDE), MOST_BESIDE)
    lasted = min(length, now - question.since)
    since_then = min(now - question.until, beside)
    after = since_then if since_then >= LEAST_AFTER else None
    this, *before = _begins(question)
    counted = [since for since in before if _was_counted(question, since - beside)]
    return [_week(since, beside, lasted, after) for since in (this, *counted)]


def _begins(question: ImpactQuestion) -> Iterator[datetime]:
    yield question.since
    zone = zone_of(question.zone)
    clock = question.since.astimezone(zone).replace(tzinfo=None, fold=0)
    for back in range(1, WEEKS + 1):
        yield (clock - back * WEEK).replace(tzinfo=zone).astimezone(UTC)


def _was_counted(question: ImpactQuestion, since: datetime) -> bool:
    # Of the first day nobody knows when counting began.
    return question.first is not None and day_at(since, question.zone).day > question.first


def _week(since: datetime, beside: timedelta, lasted: timedelta, after: timedelta | None) -> ImpactWeek:
    until = since + lasted
    windows = [ImpactWindow(since - beside, since), ImpactWindow(since, until)]
    if after is not None:
        windows.append(ImpactWindow(until, until + after))
    return ImpactWeek(tuple(windows))
