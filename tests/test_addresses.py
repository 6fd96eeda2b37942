"""Forwarded addresses count only from trusted proxies."""

import pytest

from tracker.visitors.addresses import client_address, networks, plain, within

NGINX = networks(["10.0.0.0/8", "::1"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # a stranger's word
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # the client's own header stays unread
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),  # two proxies of ours
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, nonsense", "10.0.0.1"),
        ("::1", "2001:db8::7", "2001:db8::7"),
        ("::ffff:203.0.113.9", "", "203.0.113.9"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        (None, "198.51.100.1", "198.51.100.1"),  # over a unix socket
        (None, "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        (None, "", ""),
        ("nonsense", "198.51.100.1", ""),
    ],
)
def test_whose_address_counts(peer: str | None, forwarded: str, expected: str) -> None:
    assert client_address(peer, forwarded, NGINX) == expected


def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert client_address("127.0.0.1", "198.51.100.1", ()) == "127.0.0.1"


def test_plain_shortens_and_refuses() -> None:
    assert plain(" 2001:DB8:0:0::1 ") == "2001:db8::1"
    assert plain("1.2.3") is None


def test_networks_take_single_addresses_and_refuse_nonsense() -> None:
    assert within("192.0.2.1", networks(["192.0.2.1"]))
    with pytest.raises(ValueError, match="does not appear"):
        networks(["home"])
