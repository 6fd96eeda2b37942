"""The section of settings in which days, pages and a visitor's day are erased, and what is on its way."""

import math
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from analytics.access.rights import Reader
from analytics.erasing import erasure_request
from analytics.erasing.erasure_request import WrongErasure
from analytics.models import Erasure
from analytics.queries.ranges import read_day
from analytics.sites.row_number import row_number
from analytics.sites.section import SectionAnswer, note
from tracker.models import Site

SHOWN = 20
# How often a page that stands open looks at what runs, and at what waits for long.
LEAST_SECONDS = 2
MOST_SECONDS = 60


class ErasureSection:
    """What is erased is gone for ever, so it waits for a while in which it can be kept."""

    name = "erase"
    title = "Erase"
    template = "settings/erase.html"

    def hidden(self, site: Site, owner: bool) -> bool:
        """It is for those who may do it."""
        return not owner

    def shown(self, reader: Reader, site: Site, owner: bool) -> dict[str, Any]:
        """What waits, runs, and was erased; how long it waits; when to look again."""
        erasures = list(Erasure.objects.filter(site_id=site.pk)[:SHOWN])
        return {
            "erasures": erasures,
            "again": seconds_until_changed(erasures),
            "erase_wait": spoken(settings.FOOTFALL_ERASE_WAIT),
            "asked": {},
        }

    def change(self, user: User, site: Site, sent: Mapping[str, str]) -> SectionAnswer:
        """Ask for an erasure, keep what waits, or wait no longer."""
        match sent.get("do"):
            case "cancel" | "now" as what:
                return self._decide(user, site, what, sent.get("erasure", ""))
            case "days" | "pages" | "visitor" as kind:
                return self._ask(user, site, kind, sent)
        return SectionAnswer(shown={"problem": "Nothing was asked for."})

    def _decide(self, user: User, site: Site, what: str, number: str) -> SectionAnswer:
        decide = erasure_request.cancel if what == "cancel" else erasure_request.begin_now
        if not decide(row_number(number), site.pk):
            return SectionAnswer(shown={"problem": "It has begun, or is over: that cannot be changed."})
        site.refresh_from_db()
        note(user, site, "Cancelled an erasure." if what == "cancel" else "Had an erasure begin at once.")
        return SectionAnswer("Everything is kept" if what == "cancel" else "It begins within seconds")

    def _ask(self, user: User, site: Site, kind: str, sent: Mapping[str, str]) -> SectionAnswer:
        wait, who = timedelta(seconds=settings.FOOTFALL_ERASE_WAIT), user.get_username()
        try:
            first, last = _day(sent.get("first", "")), _day(sent.get("last", ""))
            if not typed_name(site, sent.get("typed", "")):
                raise WrongErasure(f"Type the site’s name, {site.shown}, to erase what it counted.")
            if kind == "pages":
                erasure_request.pages(site, who, wait, sent.get("pattern", ""), first, last)
            elif first is None:
                raise WrongErasure("Say which day.")
            elif kind == "days":
                erasure_request.days(site, who, wait, first, last or first)
            else:
                erasure_request.visitors_day(site, who, wait, sent.get("visitor", ""), first)
        except WrongErasure as wrong:
            return SectionAnswer(shown={"problem": str(wrong), "asked": sent})
        # Not what: the note is kept for longer.
        note(user, site, f"Asked for an erasure ({kind}).")
        return SectionAnswer(
            f"It begins in {spoken(settings.FOOTFALL_ERASE_WAIT)}; until then it can be kept"
        )


def seconds_until_changed(erasures: Iterable[Erasure]) -> int:
    """After how many seconds they may well say something else; 0: they stay as they are."""
    now = timezone.now()
    waits = [
        min(MOST_SECONDS, max(LEAST_SECONDS, math.ceil((each.begins_at - now).total_seconds())))
        if each.state == Erasure.State.WAITING
        else LEAST_SECONDS
        for each in erasures
        if each.state in (Erasure.State.WAITING, Erasure.State.RUNNING)
    ]
    return min(waits, default=0)


def typed_name(site: Site, typed: str) -> bool:
    """Whether somebody typed the name of the site."""
    return typed.strip().lower() in (site.shown.lower(), site.domain)


def spoken(seconds: int) -> str:
    """A time to wait, in words."""
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            number = seconds // length
            return f"{number} {unit}{'s' if number > 1 else ''}"
    return f"{seconds} seconds" if seconds else "a moment"


def _day(text: str) -> date | None:
    try:
        return read_day(text.strip()) if text.strip() else None
    except ValueError as wrong:
        raise WrongErasure(str(wrong)) from None
