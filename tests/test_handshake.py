"""How a page's socket begins: which requests become one, and what the others are told."""

from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.server import handshake, http_head
from tracker.server.http_head import Unreadable

# The example of RFC 6455, section 1.3.
KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def asked(path: str = "/live/k", method: str = "GET", **changed: str) -> bytes:
    headers = {
        "Host": "localhost",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
    } | {name.replace("_", "-"): value for name, value in changed.items()}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def test_the_answer_is_the_one_of_the_standard() -> None:
    answer = handshake.read(asked()).answer
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert answer.endswith(b"\r\nSec-WebSocket-Accept: " + ACCEPT + b"\r\n\r\n")
    assert b"Extensions" not in answer


@pytest.mark.parametrize("wish", ["upgrade", "keep-alive, Upgrade", "Upgrade,keep-alive"])
def test_a_connection_may_wish_for_more_than_the_upgrade(wish: str) -> None:
    assert handshake.read(asked(Connection=wish)).key == "k"


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (asked(method="POST"), HTTPStatus.BAD_REQUEST),
        (asked(Connection="close"), HTTPStatus.BAD_REQUEST),
        (asked(Upgrade="h2c"), HTTPStatus.BAD_REQUEST),
        (asked(Sec_WebSocket_Key="short"), HTTPStatus.BAD_REQUEST),
        (asked(Sec_WebSocket_Version="8"), HTTPStatus.UPGRADE_REQUIRED),
        (asked(Origin="a\x0bb"), HTTPStatus.BAD_REQUEST),
        (asked(path="*"), HTTPStatus.BAD_REQUEST),
        (asked().replace(b"Host:", b"Host :"), HTTPStatus.BAD_REQUEST),
        (asked().replace(b"HTTP/1.1", b"HTTP/1.0"), HTTPStatus.BAD_REQUEST),
    ],
)
def test_anything_else_is_turned_away(request_text: bytes, status: HTTPStatus) -> None:
    with pytest.raises(Unreadable) as turned_away:
        handshake.read(request_text)
    assert turned_away.value.status is status
    assert handshake.refused(status).startswith(f"HTTP/1.1 {status.value} ".encode())


@pytest.mark.parametrize(
    ("path", "key"),
    [("/live/k", "k"), ("/live/k?x=/y", "k"), ("/live/a%20b", "a b"), ("/live/%F0%9F", "\ufffd")],
)
def test_the_path_names_the_site(path: str, key: str) -> None:
    assert handshake.site_key(path) == key


@pytest.mark.parametrize("path", ["/", "/live/", "/live/?k", "/live/k/", "/board/k", "/lives/k"])
def test_there_is_nothing_at_other_paths(path: str) -> None:
    with pytest.raises(Unreadable) as turned_away:
        handshake.site_key(path)
    assert turned_away.value.status is HTTPStatus.NOT_FOUND


def test_a_header_said_twice_is_joined_and_keeps_every_byte() -> None:
    said = asked(Origin="é").replace(b"Host:", b"X-Forwarded-For: 1\r\nx-forwarded-for:2\r\nHost:")
    for headers in (http_head.read(said).headers, handshake.read(said).headers):
        assert headers["x-forwarded-for"] == "1,2"
        assert headers["origin"] == "é"


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        (b"X-Forwarded-For: 192.0.2.1", "192.0.2.1"),
        (b"X-Forwarded-For: 192.0.2.2", "192.0.2.2"),
        (b"X-Forwarded-For:  192.0.2.3\t", "192.0.2.3"),
        (b"X-Forwarded-For: 192.0.2.4\r\nX-Forwarded-For: 192.0.2.5", "192.0.2.4,192.0.2.5"),
        (b"x-forwarded-for: 192.0.2.6\r\nX-Forwarded-For: 192.0.2.7", "192.0.2.6,192.0.2.7"),
        (b"X-Forwarded-For: 192.0.2.8\r\nx-forwarded-for: 192.0.2.9", "192.0.2.8,192.0.2.9"),
        (b"Accept: X-Forwarded-For: 192.0.2.1", None),
    ],
)
def test_what_differs_between_visitors_is_each_ones_own(lines: bytes, address: str | None) -> None:
    said = asked().replace(b"Host:", lines + b"\r\nHost:")
    read = handshake.read(said)
    assert read.headers.get("x-forwarded-for") == address
    assert read.headers == http_head.read(said).headers
    assert handshake.read(asked()).headers == http_head.read(asked()).headers


names = st.sampled_from(["X-Forwarded-For", "x-forwarded-for", "Cookie", "cookie", "Forwarded", "Origin"])
values = st.sampled_from(["1", "a b", "X-Forwarded-For: 2", "é", "", "\t", "x" * 1200])


@given(st.lists(st.tuples(names, st.sampled_from([": ", ":", ":  ", ": \t"]), values), max_size=5))
def test_what_is_remembered_is_read_as_it_stands(lines: list[tuple[str, str, str]]) -> None:
    text = "".join(f"{name}{between}{value}\r\n" for name, between, value in lines).encode("latin-1")
    said = asked().replace(b"Host:", text + b"Host:")
    for _ in range(2):
        assert handshake.read(said).headers == http_head.read(said).headers


@pytest.mark.parametrize("name", ["Sec-WebSocket-Key", "sec-websocket-key"])
def test_two_keys_are_none(name: str) -> None:
    with pytest.raises(Unreadable):
        handshake.read(asked().replace(b"Host:", f"{name}: {KEY}\r\nHost:".encode()))


# What proxies call a visitor's address, and what they may come to call it.
ADDRESS_HEADERS = [
    *("X-Forwarded-For", "x-forwarded-for", "X-FORWARDED-FOR", "Forwarded", "X-Real-IP", "COOKIE", "cf-ray"),
    *("True-Client-IP", "X-Client-IP", "Fastly-Client-IP", "X-Cluster-Client-IP", "Fly-Client-IP"),
    *("CF-Connecting-IP", "CF-Connecting-IPv6", "CF-Pseudo-IPv4", "X-Azure-ClientIP", "X-Vercel-Ip"),
    *(
        "Referer",
        "Authorization",
        "X-Invented-Tomorrow",
        "hOST",
        "user-agent",
        "Via",
        "Sec-WebSocket-Protocol",
    ),
]
WAYS = [": {}", ":{}", ":  {}", ":\t{}", ": é {}", ": {} ", ": {}\t", ": \x85{}"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ADDRESS_HEADERS)
def test_what_names_a_visitor_is_not_remembered(name: str, way: str) -> None:
    handshake._remembered.cache_clear()
    for number in range(3):
        line = name + way.format(f"198.51.100.{number}")
        head = asked().replace(b"\r\n\r\n", f"\r\n{line}\r\n\r\n".encode("latin-1"))
        for _ in range(2):
            assert f"198.51.100.{number}" in handshake.read(head).headers[name.lower()]
            assert handshake.read(head).headers == http_head.read(head).headers
    assert handshake._remembered.cache_info().currsize <= 1


def test_what_stands_in_the_path_beside_the_key_is_not_remembered() -> None:
    handshake._remembered.cache_clear()
    for number in range(3):
        assert handshake.read(asked(path=f"/live/k?ip=198.51.100.{number}")).key == "k"
    assert handshake._remembered.cache_info().currsize == 0


CHROME = """GET /live/k HTTP/1.1
Host: stats.example.com
Connection: Upgrade
Pragma: no-cache
Cache-Control: no-cache
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36
Upgrade: websocket
Origin: https://example.com
Sec-WebSocket-Version: 13
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: de-DE,de;q=0.9,en;q=0.8
Sec-WebSocket-Key: KEY
Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits
"""
FIREFOX = """GET /live/k HTTP/1.1
Host: stats.example.com
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0
Accept: */*
Accept-Language: en-US,en;q=0.5
Accept-Encoding: gzip, deflate, br, zstd
Sec-WebSocket-Version: 13
Origin: https://example.com
Sec-WebSocket-Extensions: permessage-deflate
Sec-WebSocket-Key: KEY
DNT: 1
Connection: keep-alive, Upgrade
Sec-Fetch-Dest: empty
Sec-Fetch-Mode: websocket
Sec-Fetch-Site: cross-site
Pragma: no-cache
Cache-Control: no-cache
Upgrade: websocket
"""


@pytest.mark.parametrize("browser", [CHROME, FIREFOX], ids=["chrome", "firefox"])
@pytest.mark.parametrize(
    "proxy", ["", "X-Forwarded-For: {}\nX-Forwarded-Proto: https\n", "X-New-Client-Ip: {}\n"]
)
def test_what_browsers_say_is_remembered_behind_any_proxy(browser: str, proxy: str) -> None:
    handshake._remembered.cache_clear()
    for number in range(100):
        lines = browser.replace("KEY", KEY) + proxy.format(f"198.51.100.{number}") + "\n"
        handshake.read(lines.replace("\n", "\r\n").encode())
    assert handshake._remembered.cache_info()[:2] == (99, 1)
