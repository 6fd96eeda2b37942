"""Hosts as people type them, made into what a browser's Origin carries: lower case, punycode, no port."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

import idna

MOST_HOSTS = 200
# Underscores are in no domain that one can buy, but in names of hosts that exist.
LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def read_host(text: str) -> str:
    """The host in "Example.com", "https://example.com:8443/", "münchen.example", "*.example.com" or "[::1]".

    Raises ValueError, with a sentence, where there is none.
    """
    typed = text.strip()
    try:
        return str(ip_address(typed.strip("[]")))
    except ValueError:
        pass
    try:
        host = urlsplit(typed if "//" in typed else f"//{typed}").hostname or ""
        star = "*." if host.startswith("*.") else ""
        name = host.removeprefix(star).removesuffix(".")
        if not name.isascii():
            name = idna.encode(name, uts46=True).decode()
        if len(name) <= 253 and all(LABEL.fullmatch(label) for label in name.split(".")):
            return star + name
        if not star and name:
            return str(ip_address(name))
    except ValueError:
        pass
    raise ValueError(f"{text!r} is not a host name (try example.com).")


def site_hosts(domain: str, more: list[str]) -> list[str]:
    """The hosts that a new site allows: its domain, with and without `www.`, and those named besides.

    Raises ValueError, with a sentence, for the first that is none, and for a domain with `*.`.
    """
    name = read_host(domain)
    if name.startswith("*."):
        raise ValueError("A site has one domain; allow its subdomains with --host '*.example.com'.")
    return list(dict.fromkeys([name, *twin(name), *map(read_host, more)]))


def twin(name: str) -> list[str]:
    """The same domain with `www.`, or without it; none of an address or a bare name like localhost."""
    try:
        ip_address(name)
    except ValueError:
        bare = name.removeprefix("www.")
        if "." not in bare:
            return []
        return [bare if name.startswith("www.") else f"www.{name}"]
    return []
