"""`--host`: which address `up` serves on, what it warns of, and that IPv6 works as IPv4 does."""

import argparse
import json
import socket
import urllib.request
from ipaddress import ip_address

import pytest

from analytics.up.address import Address, host
from analytics.up.errors import CannotStart
from scripts.stands.agents import FIREFOX
from scripts.stands.page_messages import page
from scripts.stands.ports import free_port
from tests.fleets import started

ORIGIN = "https://example.com"


def at(text: str, port: int = 8000) -> Address:
    return Address(ip_address(text), port)


@pytest.mark.parametrize(
    ("text", "place", "own_url", "url"),
    [
        ("127.0.0.1", "127.0.0.1:8000", "http://127.0.0.1:8000", "http://localhost:8000"),
        ("0.0.0.0", "0.0.0.0:8000", "http://127.0.0.1:8000", "http://localhost:8000"),
        ("::", "[::]:8000", "http://[::1]:8000", "http://localhost:8000"),
        ("2001:db8::1", "[2001:db8::1]:8000", "http://[2001:db8::1]:8000", "http://[2001:db8::1]:8000"),
        ("192.0.2.7", "192.0.2.7:8000", "http://192.0.2.7:8000", "http://192.0.2.7:8000"),
    ],
)
def test_each_address_is_written_as_who_reads_it_expects(
    text: str, place: str, own_url: str, url: str
) -> None:
    assert (at(text).place, at(text).own_url, at(text).url) == (place, own_url, url)


@pytest.mark.parametrize(
    ("text", "read"), [("localhost", "127.0.0.1"), ("[::1]", "::1"), ("::", "::"), ("10.0.0.1", "10.0.0.1")]
)
def test_an_address_is_read_as_people_write_it(text: str, read: str) -> None:
    assert str(host(text)) == read


@pytest.mark.parametrize("text", ["", "example.com", "127.0.0.1:80", "1.2.3", "-1", "::g"])
def test_what_is_no_address_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="a host is an address of this machine"):
        host(text)


def test_an_open_address_is_warned_of_unless_a_proxy_is_named() -> None:
    assert "Put a proxy with TLS before it" in at("0.0.0.0").warning(behind_proxy=False)
    assert at("::").warning(behind_proxy=True) == ""
    assert at("127.0.0.1").warning(behind_proxy=False) == at("::1").warning(behind_proxy=False) == ""


def test_staff_may_come_to_the_address_that_they_are_told() -> None:
    known = ["localhost", "127.0.0.1", "[::1]"]
    assert at("::").allowed(known) == at("0.0.0.0").allowed(known) == known
    assert at("192.0.2.7").allowed(known) == [*known, "192.0.2.7"]
    assert at("2001:db8::1").allowed(["a.example"]) == ["a.example", "[2001:db8::1]"]


def test_what_cannot_be_listened_on_is_told_with_what_helps() -> None:
    with pytest.raises(CannotStart, match=r"This machine has no address 192.0.2.7: .*--host"):
        at("192.0.2.7", free_port()).bound()
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(CannotStart, match=r"is taken: .*--port"),
    ):
        at("127.0.0.1", taken.getsockname()[1]).bound()


def test_one_address_leaves_the_others_alone() -> None:
    with at("::1", free_port()).bound() as held:
        held.listen()
        port = held.getsockname()[1]
        with socket.create_connection(("::1", port), timeout=5):
            pass
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)


def test_visitors_and_staff_come_over_ipv4_and_ipv6() -> None:
    """On all addresses, through nginx; and health is told to programs here, whichever way they come."""
    with started("--host", "::") as fleet:
        key = fleet.add_site("example.com")
        assert "Put a proxy with TLS before it" in "\n".join(fleet.lines)
        for name in ("127.0.0.1", "[::1]"):
            url = f"http://{name}:{fleet.port}"
            for path in ("/login/", "/readyz"):
                with urllib.request.urlopen(f"{url}{path}", timeout=10) as answer:
                    assert answer.status == 200
            said = page("/posted")
            request = urllib.request.Request(
                f"{url}/live/{key}",
                data=json.dumps([said]).encode(),
                headers={"Origin": ORIGIN, "User-Agent": FIREFOX},
            )
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert json.load(answer) == [{"t": "ack", "id": said["id"]}]
        rows = fleet.rows("SELECT count(DISTINCT visitor) AS visitors FROM tracker_pageview")
        assert rows == [{"visitors": 2}]
