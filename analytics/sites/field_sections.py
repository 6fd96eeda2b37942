"""Sections of settings that are fields of the site: each has some of the form that the admin has whole."""

import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.admin.utils import construct_change_message
from django.contrib.auth.models import User

from analytics.access.rights import Reader
from analytics.sites.section import SectionAnswer, note
from analytics.sites.site_form import SiteForm
from tracker.models import Site

# Beside those of places: others are names of the past, or of offsets that know no summer.
PLACELESS = ("UTC",)


class SectionForm(SiteForm):
    """Some fields of a site; what it checks beside them is the site's as it is."""

    def __init__(self, names: tuple[str, ...], readable: bool, *args: Any, **options: Any) -> None:
        """`readable`: only to be read."""
        super().__init__(*args, **options)
        for name in [name for name in self.fields if name not in names]:
            del self.fields[name]
        self.order_fields(names)
        for field in self.fields.values():
            field.disabled = readable
        if "timezone" in self.fields:
            self.fields["timezone"].widget = forms.Select(choices=zone_choices(self.instance.timezone))


@dataclass(frozen=True)
class FieldSection:
    """A section whose fields are the site's."""

    name: str
    title: str
    fields: tuple[str, ...]
    words: str = ""
    template: str = "settings/fields.html"

    def hidden(self, site: Site, owner: bool) -> bool:
        """Everybody reads what a site counts."""
        return False

    def shown(self, reader: Reader, site: Site, owner: bool) -> dict[str, Any]:
        """The form; viewers cannot write into it."""
        return {"form": self._form(site, owner, None)}

    def change(self, user: User, site: Site, sent: Mapping[str, str]) -> SectionAnswer:
        """Save these fields, or show what is wrong with them."""
        form = self._form(site, True, sent)
        if not form.is_valid():
            return SectionAnswer(shown={"form": form})
        if form.changed_data:
            form.save()
            note(user, site, construct_change_message(form, None, False))  # type: ignore[arg-type]
        return SectionAnswer("Saved", {"form": self._form(site, True, None)})

    def _form(self, site: Site, owner: bool, sent: Mapping[str, str] | None) -> SectionForm:
        names = self.fields if owner else tuple(name for name in self.fields if name != "hosts_follow")
        return SectionForm(names, not owner, sent, instance=site)


def zone_choices(*more: str) -> list[tuple[str, str]]:
    """Time zones as people choose them, each under its name; and those named besides."""
    names = {name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/")}
    return [(name, name.replace("_", " ")) for name in sorted({*names, *PLACELESS, *more})]
