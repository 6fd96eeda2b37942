"""What answers forbid browsers, on the whole product and where staff come over HTTPS."""

import urllib.error
import urllib.request
from email.message import Message

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, override_settings

from analytics.access.too_busy import too_busy
from scripts.stands.agents import FIREFOX
from scripts.stands.product import Product


def headers(product: Product, path: str, body: bytes | None = None) -> Message:
    request = urllib.request.Request(f"{product.url}{path}", body, {"User-Agent": FIREFOX})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return Message() if answer.headers is None else answer.headers
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.headers


@pytest.mark.parametrize(
    "path", ["/login/", "/static/board/board.js", "/api/v1/openapi.json", "/no/such/page"]
)
def test_answers_are_for_our_own_pages_only(footfall: Product, path: str) -> None:
    said = headers(footfall, path)
    assert said["Cross-Origin-Resource-Policy"] == "same-origin"
    assert said["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in said["Content-Security-Policy"]
    assert "script-src 'self';" in said["Content-Security-Policy"]
    assert "camera=()" in said["Permissions-Policy"]
    assert said["X-Content-Type-Options"] == "nosniff"
    assert said["Strict-Transport-Security"] is None, "nobody comes over HTTPS here"


def test_the_snippet_and_what_it_posts_to_are_for_pages_of_others(footfall: Product) -> None:
    assert headers(footfall, "/t.js")["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert headers(footfall, "/live/nosuchkey", b"[]")["Cross-Origin-Resource-Policy"] == "cross-origin"


@override_settings(FOOTFALL_HTTPS=True)
def test_where_staff_come_over_https_browsers_come_over_nothing_else() -> None:
    assert async_to_sync(AsyncClient().get)("/t.js")["Strict-Transport-Security"] == "max-age=31536000"


def test_who_finds_no_room_at_the_login_hears_the_same() -> None:
    assert too_busy()["Cross-Origin-Opener-Policy"] == "same-origin"


def test_the_documentation_is_for_who_is_logged_in(footfall: Product) -> None:
    with urllib.request.urlopen(f"{footfall.url}/api/v1/docs", timeout=10) as answer:
        assert answer.url == f"{footfall.url}/login/?next=/api/v1/docs"
    request = urllib.request.Request(f"{footfall.url}/api/v1/docs", None, {"Cookie": footfall.staff_cookie})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.url == f"{footfall.url}/api/v1/docs"
