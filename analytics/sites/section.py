"""A section of a site's settings: what it shows, and what becomes of what is sent to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User

from analytics.access.rights import Reader
from tracker.models import Site


@dataclass(frozen=True)
class SectionAnswer:
    """What is said of a change: a sentence where it was saved, and what the section shows then."""

    saved: str = ""
    shown: dict[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """Of HTTP: 422 for what was not taken; the section's own errors say why."""
        return 200 if self.saved else 422


class SettingsSection(Protocol):
    """One of them."""

    @property
    def name(self) -> str:
        """What stands in addresses, and is its element's id."""

    @property
    def title(self) -> str:
        """Its heading."""

    @property
    def template(self) -> str:
        """What shows it."""

    def hidden(self, site: Site, owner: bool) -> bool:
        """Whether somebody with these rights is not shown it at all."""

    def shown(self, reader: Reader, site: Site, owner: bool) -> dict[str, Any]:
        """What its template needs, beside `site`, `section` and `owner`."""

    def change(self, user: User, site: Site, sent: Mapping[str, str]) -> SectionAnswer:
        """Do what an owner sent; the site's row is locked."""


def note(user: User, site: Site, message: str) -> None:
    """Keep who changed what, where the administration shows it."""
    LogEntry.objects.log_actions(
        user.pk, Site.objects.filter(pk=site.pk), CHANGE, change_message=message, single_object=True
    )
