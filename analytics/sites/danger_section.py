"""The section of settings with what cannot be taken back by itself: counting at all, and the key."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from analytics.access.rights import Reader
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


class DangerSection:
    """A site is switched off, and never deleted here: what it counted is not thrown away by a wrong click."""

    name = "danger"
    title = "Danger zone"
    template = "settings/danger.html"

    def hidden(self, site: Site, owner: bool) -> bool:
        """It is for those who may do it."""
        return not owner

    def shown(self, reader: Reader, site: Site, owner: bool) -> dict[str, Any]:
        """The keys that still work."""
        former = site.former_keys.filter(until__gt=timezone.now()).order_by("until")
        return {"former": former, "waits": OLD_KEY_HOURS.items(), "typical": DEFAULT_HOURS}

    def change(self, user: User, site: Site, sent: Mapping[str, str]) -> SectionAnswer:
        """Switch counting off or on; change the key; end what a former key may still do."""
        match sent.get("do"):
            case "off":
                return self._switch_off(user, site, sent)
            case "on":
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
        if sent.get("typed", "").strip().lower() not in (site.shown.lower(), site.domain):
            problem = f"Type the site’s name, {site.shown}, to switch it off."
            return SectionAnswer(shown={"problem": problem, "typed": sent.get("typed", "")})
        site.enabled = False
        site.save(update_fields=["enabled"])
        note(user, site, "Switched off.")
        return SectionAnswer("The site counts nobody any more")

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
