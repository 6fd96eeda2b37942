"""A site's days as they lie in time: of 23, 24, 24.5 or 25 hours, where the zone says so. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from analytics.queries.ranges import midnight
from tracker.contract.zones import zone_of

DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# Clocks are changed at whole quarters of an hour everywhere.
QUARTER = timedelta(minutes=15)


def micros(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - EPOCH) // MICROSECOND


def from_micros(number: int) -> datetime:
    """The moment so many microseconds after 1970, in UTC."""
    return EPOCH + number * MICROSECOND


@dataclass(frozen=True)
class LocalDay:
    """A day of a zone."""

    day: date
    zone: str

    @cached_property
    def begins(self) -> datetime:
        """Its first moment, in UTC."""
        return midnight(self.day, zone_of(self.zone))

    @cached_property
    def ends(self) -> datetime:
        """The first moment of the day after, in UTC."""
        return midnight(self.day + DAY, zone_of(self.zone))

    @cached_property
    def offsets(self) -> list[tuple[datetime, int]]:
        """From when on local time is how many seconds ahead of UTC: one entry, or two where clocks change."""
        zone = zone_of(self.zone)
        found: list[tuple[datetime, int]] = []
        at = self.begins
        while at < self.ends:
            ahead = at.astimezone(zone).utcoffset() or timedelta()
            seconds = round(ahead.total_seconds())
            if not found or found[-1][1] != seconds:
                found.append((at, seconds))
            at += QUARTER
        return found


def day_at(at: datetime, zone: str) -> LocalDay:
    """The day of a zone that holds a moment."""
    return LocalDay(at.astimezone(zone_of(zone)).date(), zone)
