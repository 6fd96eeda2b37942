"""What an owner may write into a site's lists: hosts, addresses, paths, parameters; one per line.

Each check returns the value as it is kept, or raises ValidationError with a sentence that names the bad one.
"""

import ipaddress
import re
from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from tracker.pages.naming import NO_NAMING
from tracker.sites.hosts import MOST_HOSTS, read_host

MOST = MOST_HOSTS
LONGEST_PATH = 512  # characters, percent-encoded
# A page's name where the site shows hosts.
HOSTED = re.compile(r"[^\s/?#*]+\.[^\s/?#*]+/")


class LinesField(forms.CharField):
    """A list, one item per line; each goes through `check`, and reads as `shown` has it."""

    def __init__(
        self,
        *,
        check: Callable[[str], str],
        shown: Callable[[str], str] = str,
        most: int = MOST,
        **options: Any,
    ) -> None:
        super().__init__(required=False, widget=forms.Textarea(attrs={"rows": 4, "cols": 60}), **options)
        self.check, self.shown, self.most = check, shown, most

    def prepare_value(self, value: object) -> object:
        return "\n".join(map(self.shown, value)) if isinstance(value, list) else value

    def clean(self, value: object) -> list[str]:
        text = super().clean(value)
        items = [self.check(line.strip()) for line in text.splitlines() if line.strip()]
        if len(items) > self.most:
            raise ValidationError(f"At most {self.most} lines.")
        return list(dict.fromkeys(items))

    def has_changed(self, initial: object, data: object) -> bool:
        return super().has_changed(self.prepare_value(initial), str(data or "").replace("\r\n", "\n"))


def host(text: str) -> str:
    """A host that carries the snippet: `example.com`, or `*.example.com` for all its subdomains."""
    try:
        return read_host(text)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def address(text: str) -> str:
    """An IP address or a network: `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise ValidationError(
            f"“{text}” is not an IP address or network. Write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32."
        ) from None
    return str(network[0] if network.num_addresses == 1 else network)


def path(text: str) -> str:
    """A page, exact, or the beginning of many: `/admin/*`; kept in the form that names have."""
    kept = NO_NAMING.typed(text)
    if not (text.startswith("/") or HOSTED.match(text)) or "*" in text[:-1] or len(kept) > LONGEST_PATH:
        raise ValidationError(
            f"“{text}” is not a path. It begins with / and may end with * to mean everything that begins so."
        )
    return kept


def parameter(text: str) -> str:
    """The name of a query parameter to keep."""
    if not re.fullmatch(r"[A-Za-z0-9_.\[\]-]{1,64}", text):
        raise ValidationError(f"“{text}” is not the name of a query parameter.")
    return text
