"""Whose page it is that an AMP cache shows: caches serve publishers' pages under hosts of their own.

How hosts are written stands in the AMP project's "AMP Cache URL Format"; what is too long for a label is a
hash there, from which nobody finds back to the publisher.
"""

from typing import Final

from tracker.pages.host_names import ascii_host, dotted

CACHES: Final = (".cdn.ampproject.org", ".amp.cloudflare.com", ".bing-amp.com", ".ampproject.net")
# cdn.ampproject.org/c/s/HOST/…: c for pages, v for those within a viewer; s for https.
OLD_CACHE: Final = "cdn.ampproject.org"
PATHS: Final = ("c", "v", "amp", "s")


def publisher(host: str, path: str) -> str:
    """The host of the publisher whose page this is, "" where it is no AMP cache's, or does not say."""
    for cache in CACHES:
        if host.endswith(cache):
            return _host(_label(host.removesuffix(cache)))
    if host == OLD_CACHE or (path.startswith("/amp/") and host.startswith(("www.google.", "google."))):
        steps = path.split("/")
        return _host(next((step for step in steps if step and step not in PATHS), ""))
    return ""


def _label(label: str) -> str:
    """A publisher's host out of the one label that a cache makes of it: `www-my--site-com`."""
    if label.startswith("xn--"):
        try:
            label = label.encode("ascii").decode("idna")
        except UnicodeError:
            return ""
    return dotted(label)


def _host(text: str) -> str:
    try:
        return ascii_host(text) if "." in text else ""
    except ValueError:
        return ""
