"""Where a visitor came from: the source's name in our table, else its host; and by which channel."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, urlsplit

import msgspec

from tracker.pages.escapes import encoded
from tracker.pages.host_names import ascii_host
from tracker.pages.page_url import Utm
from tracker.pages.sources import APPS, EVERYWHERE, HOSTS

URL_LIMIT: Final = 2048
CHANNELS: Final = ("direct", "search", "social", "ai", "mail", "news", "campaign", "referral")
# What a link's maker says outranks where it was clicked.
MEDIUMS: Final = {
    "email": "mail",
    "e-mail": "mail",
    "newsletter": "mail",
    "social": "social",
    "organic": "search",
}
BY_HOST: Final = {
    host: (name, channel)
    for channel, names in HOSTS.items()
    for name, hosts in names.items()
    for host in hosts.split()
}
DIRECT: Final = ("", "direct", "")
SECOND_LEVEL: Final = {"co", "com", "org", "net", "ne", "or"}


class Referrer(msgspec.Struct, frozen=True, gc=False):
    """`source`: what is counted ("" for direct and own pages); `url`: where exactly, without query."""

    source: str
    channel: str
    url: str


def read(url: str, own: Callable[[str], bool], utm: Utm) -> Referrer:
    """Name the page that a visitor came from.

    `own` tells whether a host is the site's; such a page, a broken URL and none at all are direct.
    """
    source, channel, kept = where(url, own)
    return Referrer(source, campaign_channel(utm.source, utm.medium, utm.campaign) or channel, kept)


def where(url: str, own: Callable[[str], bool]) -> tuple[str, str, str]:
    """Source, channel and the URL to keep, from the referring URL alone."""
    host, named = _named(url)
    return DIRECT if host and own(host) else named


# Most visitors come from a few pages: 12 µs for 0.2. At most some 10 MB, whatever strangers send.
@lru_cache(2048)
def _named(url: str) -> tuple[str, tuple[str, str, str]]:
    """The referring host, "" for none and for apps; and what `where` says if it is not the site's own."""
    try:
        parts = urlsplit(url)
        host = ascii_host(parts.hostname or "")
        port = parts.port
    except ValueError:
        return "", DIRECT
    if parts.scheme == "android-app" and host:
        name, channel = APPS.get(host, (host, "referral"))
        return "", (name, channel, f"android-app://{host}")
    if parts.scheme not in ("http", "https") or not host:
        return "", DIRECT
    name, channel = look_up(host) or (host.removeprefix("www."), "referral")
    return host, (name, channel, without_query(parts, host, port))


def without_query(parts: SplitResult, host: str, port: int | None) -> str:
    """The referring page, without what may be private: user, query, fragment."""
    place = f"[{host}]" if ":" in host else host
    if port is not None:
        place = f"{place}:{port}"
    return f"{parts.scheme}://{place}{encoded(parts.path) or '/'}"[:URL_LIMIT]


def look_up(host: str) -> tuple[str, str] | None:
    """The table's (name, channel) for a host or the nearest of its parents; one step for each label."""
    labels = host.split(".")
    for start in range(len(labels) - 1):
        if source := BY_HOST.get(".".join(labels[start:])):
            return source
    # Only the front door: docs.google.com is no search.
    if labels[0] in ("www", "m", "cn", "images", "encrypted") and len(labels) > 2:
        labels = labels[1:]
    return EVERYWHERE.get(labels[0]) if is_country(labels[1:]) else None


def is_country(labels: list[str]) -> bool:
    """Whether labels are what follows a brand's name: "com", "de", "co.uk", "com.br"."""
    if len(labels) == 1:
        return len(labels[0]) == 2 or labels[0] == "com"
    return len(labels) == 2 and labels[0] in SECOND_LEVEL and len(labels[1]) == 2


# A site has few campaigns: 1 µs for 0.1. At most some 7 MB, whatever strangers send.
@lru_cache(2048)
def campaign_channel(source: str, medium: str, campaign: str) -> str:
    """The channel that UTM parameters speak for, "" without any."""
    if channel := MEDIUMS.get(medium.lower()):
        return channel
    if not (source or medium or campaign):
        return ""
    # Assistants put their own host there (utm_source=chatgpt.com) and send no referrer.
    if not medium and (named := look_up(source.lower())):
        return named[1]
    return "campaign"
