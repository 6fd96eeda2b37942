"""Whose address a request comes from: the socket's, unless a trusted proxy says more."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Addresses or CIDR networks as networks; ValueError for what is neither."""
    return tuple(ip_network(text, strict=False) for text in texts)


def plain(text: str) -> str | None:
    """An address in its shortest form (an IPv4 mapped into IPv6 as IPv4), or None if it is none."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


def within(address: str, trusted: Sequence[Network]) -> bool:
    """Whether an address lies in one of the networks."""
    found = ip_address(address)
    return any(found.version == network.version and found in network for network in trusted)


def client_address(peer: str | None, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The client's address.

    `X-Forwarded-For` is read from its right end for as long as the speaker is a trusted proxy; what a
    stranger put to its left is never reached. Without a peer (a local socket) the address is "".
    """
    address = plain(peer or "")
    if address is None:
        return ""
    for hop in reversed(forwarded_for.split(",")):
        said = plain(hop)
        if said is None or not within(address, trusted):
            break
        address = said
    return address
