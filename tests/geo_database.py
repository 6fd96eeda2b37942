"""A database of countries as MaxMind's format has it."""

import ipaddress
from pathlib import Path
from typing import Any


def field(value: Any) -> bytes:
    """One value as MaxMind's format writes it: short texts, lists, and maps; bytes are written already."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return bytes([2 << 5 | len(value)]) + value.encode()
    if isinstance(value, list):
        return bytes([len(value), 4]) + b"".join(map(field, value))
    return bytes([7 << 5 | len(value)]) + b"".join(field(key) + field(item) for key, item in value.items())


def short(number: int) -> bytes:
    return bytes([5 << 5 | 2]) + number.to_bytes(2, "big")


def write_database(path: Path, networks: dict[str, dict[str, Any]], version: int = 6) -> str:
    """A real .mmdb that knows these networks."""
    nodes: list[list[Any]] = [[None, None]]
    data = b""
    for text, record in networks.items():
        network = ipaddress.ip_network(text)
        bits = f"{int(network.network_address):0{network.max_prefixlen}b}"[: network.prefixlen]
        # IPv4 lies at ::/96 in a database of IPv6.
        bits = bits if network.version == version else "0" * 96 + bits
        node = 0
        for bit in bits[:-1]:
            if nodes[node][int(bit)] is None:
                nodes.append([None, None])
                nodes[node][int(bit)] = len(nodes) - 1
            node = nodes[node][int(bit)]
        nodes[node][int(bits[-1])] = -len(data) - 1
        data += field(record)
    tree = b""
    for pair in nodes:
        for child in pair:
            place = len(nodes) if child is None else child if child > 0 else len(nodes) + 16 - child - 1
            tree += place.to_bytes(3, "big")
    about = {
        "node_count": bytes([6 << 5 | 4]) + len(nodes).to_bytes(4, "big"),
        "record_size": short(24),
        "ip_version": short(version),
        "database_type": "Test",
        "languages": ["en"],
        "binary_format_major_version": short(2),
        "binary_format_minor_version": short(0),
        "build_epoch": bytes([8, 2]) + (1_700_000_000).to_bytes(8, "big"),
        "description": {"en": "Test"},
    }
    path.write_bytes(tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + field(about))
    return str(path)
