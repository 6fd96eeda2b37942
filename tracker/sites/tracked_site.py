"""One site as the write side knows it: who may speak for it, and what it asks to leave out."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self
from zoneinfo import ZoneInfo

from tracker.contract.zones import zone_of
from tracker.visitors.addresses import Network, networks, within


@dataclass(frozen=True, slots=True)
class TrackedSite:
    """A site's row, made ready to be asked: hosts in their plain form, addresses as networks."""

    id: int
    key: str
    hosts: tuple[str, ...]
    zone: ZoneInfo
    enabled: bool = True
    honour_dnt: bool = False
    hash_routes: bool = False
    query_parameters: frozenset[str] = frozenset()
    excluded_networks: tuple[Network, ...] = ()
    excluded_paths: tuple[str, ...] = ()
    demo: bool = False

    @classmethod
    def from_columns(cls, columns: Sequence[Any]) -> Self:
        """From a row in the fields' order, as people typed it; what cannot be read is left out."""
        site_id, key, hosts, zone, enabled, dnt, hashes, parameters, addresses, paths, demo = columns
        return cls(
            id=site_id,
            key=key,
            hosts=tuple(plain_host(host) for host in hosts),
            zone=zone_of(zone),
            enabled=enabled,
            honour_dnt=dnt,
            hash_routes=hashes,
            query_parameters=frozenset(parameters),
            excluded_networks=tuple(network for text in addresses for network in _networks(text)),
            excluded_paths=tuple(paths),
            demo=demo,
        )

    def allows(self, host: str) -> bool:
        """Whether a page on `host` (with or without a port, in any case and script) is this site's."""
        plain = plain_host(host)
        return plain in self.hosts or any(
            allowed.startswith("*.") and plain.endswith(allowed[1:]) for allowed in self.hosts
        )

    def excludes_address(self, address: str) -> bool:
        """Whether visitors from this address are left out; "" (unknown) never is."""
        return bool(address and self.excluded_networks) and within(address, self.excluded_networks)

    def excludes_path(self, path: str) -> bool:
        """Whether this path is left out: named exactly, or by what stands before a `*` at the end."""
        return bool(self.excluded_paths) and any(
            path.startswith(excluded[:-1]) if excluded.endswith("*") else path == excluded
            for excluded in self.excluded_paths
        )


@lru_cache(1024)
def plain_host(text: str) -> str:
    """A host as browsers send it in `Origin`: no port, no trailing dot, lower case, punycode."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    return ".".join(_plain_label(label) for label in host.removesuffix(".").split("."))


def _plain_label(label: str) -> str:
    # Not the `idna` codec: that is the standard of 2003, which turns ß into ss; browsers do not.
    lower = unicodedata.normalize("NFKC", label).lower()
    return lower if lower.isascii() else "xn--" + lower.encode("punycode", "replace").decode("ascii")


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return networks([text.strip()])
    except ValueError:
        return ()
