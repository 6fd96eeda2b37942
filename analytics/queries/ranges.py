"""Ranges of a site's days: what a report or a list covers, in the site's own time zone.

Pure: the clock and the zone are arguments. Every bound is a local midnight made by the zone itself,
so days of 23 and 25 hours come out right.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

PRESETS = {
    "today": "Today",
    "yesterday": "Yesterday",
    "7d": "Last 7 days",
    "30d": "Last 30 days",
    "90d": "Last 90 days",
}
LENGTHS = {"7d": 7, "30d": 30, "90d": 90}
MOST_DAYS = 400
DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")  # of all that ISO 8601 allows, what a date field sends
FIRST, LAST = date(2000, 1, 1), date(2100, 1, 1)


@dataclass(frozen=True)
class Range:
    """Whole days of a site from `first` to `last`, both included; `until` cuts the last one short."""

    first: date
    last: date
    zone: ZoneInfo
    preset: str = ""
    until: datetime | None = None

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def start(self) -> datetime:
        """The first moment of the range, in UTC."""
        return midnight(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The first moment after the range, in UTC."""
        return self.until or midnight(self.last + timedelta(days=1), self.zone)

    @property
    def hourly(self) -> bool:
        """Whether a chart of this range has a bar an hour rather than a bar a day."""
        return self.days <= 2

    def before(self, now: datetime) -> "Range":
        """The equally long range just before, cut at the same time of day where this one still runs."""
        shift = timedelta(days=self.days)
        running = self.start <= now < self.end
        until = (now.astimezone(self.zone).replace(fold=0) - shift).astimezone(UTC) if running else None
        return Range(self.first - shift, self.last - shift, self.zone, until=until)

    def __str__(self) -> str:
        if self.first == self.last:
            return f"{self.first:%-d %B %Y}"
        return f"{self.first:%-d %B %Y} – {self.last:%-d %B %Y}"


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, at which a day begins in a zone."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def read(query: Mapping[str, str], zone: ZoneInfo, now: datetime, preset: str = "30d") -> Range:
    """The range that a query string asks for, by `range=PRESET` or `from=&to=` (ISO dates, both included).

    With neither, `preset`. Raises ValueError with a sentence fit to be shown.
    """
    if query.get("from") or query.get("to"):
        return _custom(query.get("from", ""), query.get("to", ""), zone)
    return _preset(query.get("range") or preset, zone, now)


def _preset(name: str, zone: ZoneInfo, now: datetime) -> Range:
    today = now.astimezone(zone).date()
    if name == "today":
        return Range(today, today, zone, name)
    if name == "yesterday":
        return Range(today - timedelta(days=1), today - timedelta(days=1), zone, name)
    if name in LENGTHS:
        return Range(today - timedelta(days=LENGTHS[name] - 1), today, zone, name)
    raise ValueError(f"The range must be one of {', '.join(PRESETS)}.")


def _custom(first_text: str, last_text: str, zone: ZoneInfo) -> Range:
    if not (first_text and last_text):
        raise ValueError("Give both the first and the last day.")
    first, last = read_day(first_text), read_day(last_text)
    if last < first:
        raise ValueError("The last day must not lie before the first.")
    if (last - first).days >= MOST_DAYS:
        raise ValueError(f"At most {MOST_DAYS} days at a time.")
    return Range(first, last, zone)


def read_day(text: str) -> date:
    """A day that somebody wrote. Raises ValueError with a sentence, also where no zone could have it."""
    try:
        day = date.fromisoformat(text) if DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not FIRST <= day < LAST:
        raise ValueError("A day is written like 2026-11-21, between 2000 and 2099.")
    return day
