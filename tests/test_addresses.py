"""Forwarded addresses count only from trusted proxies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.visitors.addresses import client_address, networks, plain, within
from tracker.visitors.unnamed_proxy import UnnamedProxy

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
        ("10.0.0.1", "8.8.8.8:4711", "8.8.8.8"),
        ("10.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
        ("10.0.0.1", "[2001:DB8:0::1]", "2001:db8::1"),
        ("10.0.0.1", " 6.6.6.6:1, 8.8.8.8:4711 , 10.0.0.2:80", "8.8.8.8"),
        ("10.0.0.1", "[::ffff:8.8.8.8]:1", "8.8.8.8"),
        ("10.0.0.1", "8.8.8.8:", "10.0.0.1"),
        ("10.0.0.1", "8.8.8.8:http", "10.0.0.1"),
        ("10.0.0.1", "[8.8.8.8", "10.0.0.1"),
        ("10.0.0.1", "999.8.8.8:1", "10.0.0.1"),
        ("203.0.113.9", "8.8.8.8:4711", "203.0.113.9"),
    ],
)
def test_whose_address_counts(peer: str | None, forwarded: str, expected: str) -> None:
    assert client_address(peer, forwarded, NGINX) == expected


@given(st.text())
def test_no_header_breaks_it(header: str) -> None:
    for peer in ("10.0.0.1", None):
        address = client_address(peer, header, NGINX)
        assert address in ("", peer) or plain(address) == address


def test_an_unnamed_proxy_is_told_once_and_shown_while_most_come_through_it() -> None:
    proxy = UnnamedProxy()
    assert (proxy.came(forwarded=False), proxy.notice) == (False, "")
    assert proxy.came(forwarded=True)
    assert "FOOTFALL_TRUSTED_PROXIES" in proxy.notice
    assert not proxy.came(forwarded=True)
    for _ in range(200):
        proxy.came(forwarded=False)
    assert proxy.notice == ""
    assert not proxy.came(forwarded=True)
    for _ in range(200):
        proxy.came(forwarded=True)
    assert proxy.notice


def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert client_address("127.0.0.1", "198.51.100.1", ()) == "127.0.0.1"


def test_plain_shortens_and_refuses() -> None:
    assert plain(" 2001:DB8:0:0::1 ") == "2001:db8::1"
    assert plain("1.2.3") is None


def test_networks_take_single_addresses_and_refuse_nonsense() -> None:
    assert within("192.0.2.1", networks(["192.0.2.1"]))
    with pytest.raises(ValueError, match="does not appear"):
        networks(["home"])
