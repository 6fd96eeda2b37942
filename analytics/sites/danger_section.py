"""The section of settings with what is not taken back easily: counting at all, the key, the site itself."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from analytics.access.rights import Reader
from analytics.erasing import erasure_request
from analytics.erasing.erasure_request import WrongErasure
from analytics.models import Erasure
from analytics.sites.erasure_section import seconds_until_changed, spoken, typed_name
from analytics.sites.section import SectionAnswer, note
from tracker.contract.site_keys import new_key
from tracker.models import FormerKey, Site

# For how long the old key goes on working, in hours, and in words.
OLD_KEY_HOURS: Mapping[str, str] = {
    "0": "at once",
    "1": "after an hour",
    "24": "after a day",
    "168": "after 7 days",
    "720": "after 30 days",
}
DEFAULT_HOURS = "168"
# Why a site that is to be deleted is not switched on.
REFUSED_ON: Mapping[str, str] = {
    Erasure.State.WAITING: "The site waits to be deleted: keep it, and it counts again.",
    Erasure.State.RUNNING: "The site is being deleted: it cannot be kept.",
}


class DangerSection:
    """A site that is deleted is off at once, and waits for a while in which it can be kept: a wrong click
    throws nothing away."""

    name = "danger"
    title = "Danger zone"
    template = "settings/danger.html"

    def hidden(self, site: Site, owner: bool) -> bool:
        """It is for those who may do it."""
        return not owner

    def shown(self, reader: Reader, site: Site, owner: bool) -> dict[str, Any]:
        """The keys that still work, and whether the site is being deleted."""
        former = site.former_keys.filter(until__gt=timezone.now()).order_by("until")
        deleting = _deletion(site)
        return {
            "former": former,
            "waits": OLD_KEY_HOURS.items(),
            "typical": DEFAULT_HOURS,
            "deleting": deleting,
            "again": seconds_until_changed([deleting] if deleting else []),
            "erase_wait": spoken(settings.FOOTFALL_ERASE_WAIT),
        }

    def change(self, user: User, site: Site, sent: Mapping[str, str]) -> SectionAnswer:
        """Switch counting off or on; change the key; end what a former key may still do."""
        match sent.get("do"):
            case "off":
                return self._switch_off(user, site, sent)
            case "delete":
                return self._delete(user, site, sent)
            case "on":
                if deletion := _deletion(site):
                    return SectionAnswer(shown={"problem": REFUSED_ON[deletion.state]})
                site.enabled = True
                site.save(update_fields=["enabled"])
                note(user, site, "Switched on.")
                return SectionAnswer("The site counts again")
            case "key":
                return self._change_key(user, site, sent)
            case "end":
                site.former_keys.filter(key=sent.get("key", "")).delete()
                note(user, site, "Ended a former key.")
                return SectionAnswer("The old key works no more")
        return SectionAnswer(shown={"problem": "Nothing was asked for."})

    def _switch_off(self, user: User, site: Site, sent: Mapping[str, str]) -> SectionAnswer:
        if not typed_name(site, sent.get("typed", "")):
            problem = f"Type the site’s name, {site.shown}, to switch it off."
            return SectionAnswer(shown={"problem": problem, "typed": sent.get("typed", "")})
        site.enabled = False
        site.save(update_fields=["enabled"])
        note(user, site, "Switched off.")
        return SectionAnswer("The site counts nobody any more")

    def _delete(self, user: User, site: Site, sent: Mapping[str, str]) -> SectionAnswer:
        if not typed_name(site, sent.get("typed_to_delete", "")):
            problem = f"Type the site’s name, {site.shown}, to delete it with all that it counted."
            return SectionAnswer(shown={"problem": problem})
        wait = timedelta(seconds=settings.FOOTFALL_ERASE_WAIT)
        try:
            erasure_request.whole_site(site, user.get_username(), wait)
        except WrongErasure as wrong:
            return SectionAnswer(shown={"problem": str(wrong)})
        note(user, site, "Had the site deleted.")
        return SectionAnswer("The site is off, and waits to be deleted")

    def _change_key(self, user: User, site: Site, sent: Mapping[str, str]) -> SectionAnswer:
        hours = sent.get("hours", DEFAULT_HOURS)
        if hours not in OLD_KEY_HOURS:
            return SectionAnswer(shown={"problem": "Choose when the old key stops working."})
        now = timezone.now()
        if int(hours):
            FormerKey.objects.create(site=site, key=site.key, until=now + timedelta(hours=int(hours)))
        site.key = new_key()
        site.save(update_fields=["key"])
        note(user, site, f"Changed the key; the old one stops {OLD_KEY_HOURS[hours]}.")
        return SectionAnswer(f"The key is {site.key} now")


def _deletion(site: Site) -> Erasure | None:
    return Erasure.objects.filter(
        site_id=site.pk,
        kind=Erasure.Erased.SITE,
        state__in=(Erasure.State.WAITING, Erasure.State.RUNNING),
    ).first()
