"""What a request says of itself: the host of its Origin, and of nothing that only looks like one."""

import pytest

from tracker.visitors.request import VisitorRequest


def host(origin: str) -> str:
    return VisitorRequest("key", "192.0.2.1", {"origin": origin}).host()


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://example.com", "example.com"),
        ("http://www.Example.com:8080", "www.example.com"),
        ("HTTPS://example.com", "example.com"),
        ("https://xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
        ("http://[2001:db8::1]:8000", "2001:db8::1"),
        ("http://127.0.0.1:65535", "127.0.0.1"),
        ("https://a_b.example.", "a_b.example."),
    ],
)
def test_an_origin_has_scheme_host_and_port(origin: str, expected: str) -> None:
    assert host(origin) == expected


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "file://example.com",
        "//example.com",
        "example.com",
        "https:example.com",
        # More than an origin has, before or behind its host.
        "https://user@example.com",
        "https://user:word@example.com",
        "https://evil.example@example.com",
        "https://example.com/",
        "https://example.com/path",
        "https://example.com?query",
        "https://example.com#",
        "https://example.com#fragment",
        "https://example.com:",
        "https://example.com:port",
        "https://example.com:123456",
        "https://example.com\\.evil.example",
        "https://example.com,https://evil.example",
        # What `urlsplit` takes away, and finds a host without.
        " https://example.com",
        "https://example.com ",
        "https://exam\tple.com",
        "https://example.com\n",
        "https://exam\rple.com",
        "\x00https://example.com",
        "https://example.com\x1b[2J",
        "https://example.com\x7f",
        "https://example.com\x85",
        "https://example.com\xa0",
        "https://example\u2003.com",
        "https://example\u200b.com",
        "https://[2001:db8::1",
        "https://[example.com]",
        "https://" + "a" * 600,
    ],
)
def test_whatever_else_stands_in_it_makes_it_none(origin: str) -> None:
    assert host(origin) == ""
