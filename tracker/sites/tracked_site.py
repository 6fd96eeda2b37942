"""One site as the write side knows it: who may speak for it, and what it asks to leave out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self
from zoneinfo import ZoneInfo

from tracker.contract.zones import zone_of
from tracker.pages.host_names import TRANSLATED, ascii_label, translated
from tracker.pages.naming import NO_NAMING, Naming
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
    naming: Naming = NO_NAMING
    excluded_networks: tuple[Network, ...] = ()
    excluded_paths: tuple[str, ...] = ()
    demo: bool = False
    ref_parameters: bool = True

    @classmethod
    def from_columns(cls, columns: Sequence[Any]) -> Self:
        """From a row in the fields' order, as people typed it; what cannot be read is left out."""
        site_id, key, hosts, zone, enabled, dnt, *switches, addresses, paths, demo, refs = columns
        keep, parts, hash_routes, fold_slashes, fold_case, show_host = switches
        naming = Naming(frozenset(keep), tuple(parts), hash_routes, fold_slashes, fold_case, show_host)
        return cls(
            id=site_id,
            key=key,
            hosts=tuple(plain_host(host) for host in hosts),
            zone=zone_of(zone),
            enabled=enabled,
            honour_dnt=dnt,
            naming=naming,
            excluded_networks=tuple(network for text in addresses for network in _networks(text)),
            excluded_paths=tuple(naming.typed(path) for path in paths if path),
            demo=demo,
            ref_parameters=refs,
        )

    def allows(self, host: str) -> bool:
        """Whether a page on `host` (with or without a port, in any case and script) is this site's."""
        plain = plain_host(host)
        return (
            plain in self.hosts
            or any(allowed.startswith("*.") and plain.endswith(allowed[1:]) for allowed in self.hosts)
            # Somebody reads a page of the site in another language.
            or (plain.endswith(TRANSLATED) and self.allows(translated(plain)))
        )

    def excludes_address(self, address: str) -> bool:
        """Whether visitors from this address are left out; "" (unknown) never is."""
        return bool(address and self.excluded_networks) and within(address, self.excluded_networks)

    def excludes_path(self, name: str) -> bool:
        """Whether a page is left out: named exactly, or by what stands before a `*` at the end.

        What is left out on any host begins with a slash, whether names have hosts or not.
        """
        return bool(self.excluded_paths) and any(
            _covers(excluded, name[name.index("/") :] if excluded[0] == "/" else name)
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
    return ".".join(map(ascii_label, host.removesuffix(".").split(".")))


def _covers(excluded: str, name: str) -> bool:
    return name.startswith(excluded[:-1]) if excluded.endswith("*") else name == excluded


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return networks([text.strip()])
    except ValueError:
        return ()
