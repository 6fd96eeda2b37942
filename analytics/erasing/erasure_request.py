"""Asking for an erasure, and thinking better of it. What waits can be cancelled, what has begun cannot."""

import uuid
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from analytics.history.local_days import LocalDay
from analytics.models import Erasure
from analytics.queries.ranges import FIRST, LAST
from tracker.models import PageView, Site, Watermark
from tracker.pages.naming import NO_NAMING

LONGEST_PATTERN = 2048
LONGEST_NUMBER = 10
# As `history.day_files` numbers them: in the order of their first page views.
VISITOR = """
SELECT visitor FROM (
    SELECT DISTINCT ON (visitor) visitor, began_at, id FROM tracker_pageview
    WHERE site_id = %(site)s AND began_at >= %(since)s AND began_at < %(before)s
    ORDER BY visitor, began_at, id
) people ORDER BY began_at, id LIMIT 1 OFFSET %(before_them)s
"""


class WrongErasure(Exception):
    """What is to be erased cannot be; the message says why, in words for people."""


def whole_site(site: Site, asked_by: str, wait: timedelta) -> Erasure:
    """Have a site deleted with all that it counted; it counts nobody from now on."""
    waiting = Erasure.objects.filter(
        site_id=site.pk,
        kind=Erasure.Erased.SITE,
        state__in=(Erasure.State.WAITING, Erasure.State.RUNNING),
    )
    if waiting.exists():
        raise WrongErasure("The site is being deleted already.")
    with transaction.atomic():
        made = _made(site, asked_by, wait, Erasure.Erased.SITE, was_enabled=site.enabled)
        site.enabled = False
        site.save(update_fields=["enabled"])
    return made


def days(site: Site, asked_by: str, wait: timedelta, first: date, last: date) -> Erasure:
    """Have all that began on these days of the site go. Raises WrongErasure."""
    _check(first, last)
    return _made(site, asked_by, wait, Erasure.Erased.DAYS, first=first, last=last)


def pages(
    site: Site,
    asked_by: str,
    wait: timedelta,
    pattern: str,
    first: date | None = None,
    last: date | None = None,
) -> Erasure:
    """Have page views go, with their events, whose pages match: `*` within a segment, `**` beyond.

    Raises WrongErasure.
    """
    _check(first, last)
    asked = pattern.strip()
    if not asked:
        raise WrongErasure("Say which pages: a path like /users/anna, or a pattern like /users/*.")
    if len(asked) > LONGEST_PATTERN or "\0" in asked:
        raise WrongErasure("That is no path.")
    typed = NO_NAMING.typed(asked)
    return _made(site, asked_by, wait, Erasure.Erased.PAGES, pattern=typed, first=first, last=last)


def visitors_day(site: Site, asked_by: str, wait: timedelta, visitor: str, day: date) -> Erasure:
    """Have one visitor's day go: its hash, or its number in a sealed day. Raises WrongErasure.

    A number moves when somebody before it goes: so a hash is kept instead, where Postgres has the rows.
    """
    _check(day, day)
    name = visitor.strip()
    if not (name.isascii() and name.isdecimal() and len(name) <= LONGEST_NUMBER):
        try:
            name = str(uuid.UUID(name))
        except ValueError:
            raise WrongErasure(
                "A visitor is named as the list of visits names them: by a hash like "
                "0b6e3c1e-5a7d-4a52-9d37-a0d9c3b0f4a1, or by the number that they have in a sealed day."
            ) from None
        here = LocalDay(day, site.timezone)
        seen = PageView.objects.filter(
            site=site, began_at__gte=here.begins, began_at__lt=here.ends, visitor=name
        )
        if not seen.exists():
            raise WrongErasure(
                "No page view of that day is kept under this visitor’s hash. Of a sealed day whose page views"
                " are gone, visitors have numbers only."
            )
    elif _has_rows(site, day):
        name = _hash_of(site, int(name), day)
    return _made(site, asked_by, wait, Erasure.Erased.VISITOR, visitor=name, first=day, last=day)


def _has_rows(site: Site, day: date) -> bool:
    """Whether Postgres has the rows of a day: those before the mark were dropped once they were sealed."""
    dropped = Watermark.objects.filter(job__in=("raw", f"raw:{site.pk}")).aggregate(at=Max("at"))["at"]
    return dropped is None or LocalDay(day, site.timezone).begins >= dropped


def _hash_of(site: Site, number: int, day: date) -> str:
    here = LocalDay(day, site.timezone)
    span: dict[str, Any] = {"site": site.pk, "since": here.begins, "before": here.ends}
    with connection.cursor() as cursor:
        cursor.execute(VISITOR, {**span, "before_them": max(number - 1, 0)})
        row = cursor.fetchone()
    if row is None or number == 0:
        raise WrongErasure(f"There is no visitor {number} on that day.")
    return str(row[0])


def cancel(erasure_id: int, site_id: int) -> bool:
    """Keep what was to be erased; whether it could still be kept."""
    with transaction.atomic():
        waiting = Erasure.objects.filter(pk=erasure_id, site_id=site_id, state=Erasure.State.WAITING)
        erasure = waiting.select_for_update().first()
        if erasure is None:
            return False
        if erasure.kind == Erasure.Erased.SITE and erasure.was_enabled:
            Site.objects.filter(pk=site_id).update(enabled=True)
        forget(erasure)
        erasure.state = Erasure.State.CANCELLED
        erasure.ended_at = timezone.now()
        erasure.save()
    return True


def begin_now(erasure_id: int, site_id: int) -> bool:
    """Wait no longer; whether it was waiting."""
    waiting = Erasure.objects.filter(pk=erasure_id, site_id=site_id, state=Erasure.State.WAITING)
    return bool(waiting.update(begins_at=timezone.now()))


def forget(erasure: Erasure) -> None:
    """Leave no word of what was erased in the note of it; the caller saves."""
    erasure.pattern = erasure.visitor = erasure.problem = ""


def _check(first: date | None, last: date | None) -> None:
    if first and last and last < first:
        raise WrongErasure("The last day is before the first.")
    if any(day and not FIRST <= day < LAST for day in (first, last)):
        raise WrongErasure("Days lie between 2000 and 2099.")


def _made(site: Site, asked_by: str, wait: timedelta, kind: Erasure.Erased, **what: object) -> Erasure:
    now: datetime = timezone.now()
    return Erasure.objects.create(
        site_id=site.pk,
        key=site.key,
        domain=site.domain,
        kind=kind,
        asked_by=asked_by,
        begins_at=now + wait,
        **what,
    )
