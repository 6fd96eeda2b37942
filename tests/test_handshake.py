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


@pytest.mark.parametrize("name", ["X-Forwarded-For", "x-forwarded-for", "COOKIE", "cf-ray"])
def test_what_names_a_visitor_is_not_remembered_in_any_case(name: str) -> None:
    handshake._remembered.cache_clear()
    for number in range(3):
        value = f"198.51.100.{number}"
        head = asked().replace(b"\r\n\r\n", f"\r\n{name}: {value}\r\n\r\n".encode())
        assert handshake.read(head).headers[name.lower()] == value
    assert handshake._remembered.cache_info().currsize == 1
