"""What a span meant, in a sentence for people. Pure."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from analytics.history.impact import Impact, ImpactQuestion
from tracker.contract.zones import zone_of

# A share of fewer says more than is known.
LEAST_FOR_SHARES = 10
# With fewer people than that, one who comes or goes is a trend.
FEW_PEOPLE = 20


def in_a_sentence(question: ImpactQuestion, impact: Impact) -> str:
    """The sentence, in times of the site's zone."""
    zone = zone_of(question.zone)
    when = _when(question, impact, zone)
    if question.first is None:
        return f"{when}: nothing is known, since nobody has been counted yet."
    if impact.during.until.astimezone(zone).date() < question.first:
        first = _day(question.first, impact.as_of, zone)
        return f"{when}: nothing is known, since counting began on {first}."
    beside = [f"{_mean(impact.before.visitors)} before"]
    if impact.after is not None:
        beside.append(f"{_mean(impact.after.visitors)} after")
    at_once = _mean(impact.during.visitors)
    noun = "visitor" if at_once == "1" else "visitors"
    sentence = f"{when}: {at_once} {noun} at once on average ({', '.join(beside)}), {_compared(impact, zone)}"
    sentence += f"; {_number(impact.people, 'person', 'people')} had a page open, and {_ended(impact)}"
    if max(impact.people, impact.usual_people or 0) < FEW_PEOPLE:
        sentence += "; with so few people this may be chance"
    if impact.damaged_days:
        sentence += "; a day of it is damaged, and not counted"
    return f"{sentence}."


def _when(question: ImpactQuestion, impact: Impact, zone: ZoneInfo) -> str:
    since, until = question.since.astimezone(zone), question.until.astimezone(zone)
    whole = not any(each.second or each.microsecond for each in (since, until))
    clock = "%H:%M" if whole else "%H:%M:%S"
    begin = f"{_day(since.date(), impact.as_of, zone)}, {since:{clock}}"
    if impact.running:
        return f"Since {begin}"
    if until.date() == since.date():
        return f"{begin}–{until:{clock}}"
    return f"{begin} to {_day(until.date(), impact.as_of, zone)}, {until:{clock}}"


def _day(day: date, as_of: datetime, zone: ZoneInfo) -> str:
    year = "" if day.year == as_of.astimezone(zone).year else f" {day.year}"
    return f"{day:%a} {day.day} {day:%b}{year}"


def _compared(impact: Impact, zone: ZoneInfo) -> str:
    weekday = f"{impact.during.since.astimezone(zone):%A}"
    usual, now = impact.during.usual, impact.during.visitors
    if usual is None:
        return f"with no {weekday} before to compare with"
    weeks = len(impact.weeks)
    then = f"the {weekday} before" if weeks == 1 else f"the {weeks} {weekday}s before"
    if usual < LEAST_FOR_SHARES:
        return f"against {_mean(usual)} on {then}"
    share = round((now / usual - 1) * 100)
    if not share:
        return f"as many as on {then}"
    return f"{abs(share):,} % {'more' if share > 0 else 'fewer'} than on {then}"


def _ended(impact: Impact) -> str:
    words = f"{_number(impact.ended, 'page view', 'page views')} ended"
    return words if impact.usual_ended is None else f"{words} (usually {_mean(impact.usual_ended)})"


def _number(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"


def _mean(value: float) -> str:
    if value >= LEAST_FOR_SHARES:
        return f"{round(value):,}"
    return f"{value:.1f}".removesuffix(".0")
