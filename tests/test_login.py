"""Guessing passwords over real HTTP: locked for this name and address, for nobody else, and not for ever."""

import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar

import pytest

from scripts.stands.product import Product, running

TRIES = 4
ADDRESS = "203.0.113.7"


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    limits = {"FOOTFALL_LOGIN_TRIES": str(TRIES), "FOOTFALL_LOGIN_ROOM": "64"}
    with running(FOOTFALL_TRUSTED_PROXIES="127.0.0.1", **limits) as made:
        yield made


def log_in(
    product: Product, name: str, password: str, address: str = ADDRESS, path: str = "/login/"
) -> tuple[str, str]:
    """Where a login from an address leads to, and the page that is shown there or instead."""
    jar = CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    browser.addheaders = [("X-Forwarded-For", address)]
    browser.open(f"{product.url}{path}").read()
    token = next(cookie.value for cookie in jar if cookie.name == "csrftoken")
    body = {"csrfmiddlewaretoken": token or "", "username": name, "password": password, "next": "/"}
    try:
        answer = browser.open(f"{product.url}{path}", urllib.parse.urlencode(body).encode())
    except urllib.error.HTTPError as refused:
        answer = refused
    with answer:
        assert answer.status == 200 or int(answer.headers["Retry-After"]) > 0
        return urllib.parse.urlsplit(answer.url).path, answer.read().decode()


def guess(product: Product, name: str, times: int, **more: str) -> str:
    """The page after so many wrong passwords."""
    return [log_in(product, name, f"wrong {number}", **more)[1] for number in range(times)][-1]


def test_after_some_wrong_passwords_the_right_one_must_wait_too(product: Product) -> None:
    assert "do not match" in guess(product, "admin", TRIES)
    for path in ("/login/", "/admin/login/"):
        leads, page = log_in(product, "admin", product.password, path=path)
        assert leads == path
        assert "Too many wrong passwords for this name from your address. Try again in 5 minutes." in page
    assert log_in(product, "admin", product.password, address="203.0.113.8")[0] == "/", "no lockout of all"
    assert "do not match" in guess(product, "somebody", 1), "nor of the address"
    # The wait runs from the last try that was looked at, and not from those that were not.
    product.rows("UPDATE analytics_login_tries SET at = at - interval '301 s' RETURNING tries")
    assert log_in(product, "admin", product.password)[0] == "/"


def test_guesses_in_the_admin_count_with_the_others(product: Product) -> None:
    guess(product, "admin", TRIES - 1, path="/admin/login/", address="203.0.113.9")
    assert "do not match" in guess(product, "admin", 1, address="203.0.113.9")
    assert "Too many" in guess(product, "admin", 1, path="/admin/login/", address="203.0.113.9")


def test_a_name_that_nobody_has_is_locked_alike(product: Product) -> None:
    assert "do not match" in guess(product, "nobody", TRIES, address="203.0.113.10")
    assert "Too many wrong passwords" in guess(product, "nobody", 1, address="203.0.113.10")


def test_the_right_password_begins_a_new_count(product: Product) -> None:
    for _ in range(2):
        guess(product, "admin", TRIES - 1, address="203.0.113.11")
        assert log_in(product, "admin", product.password, address="203.0.113.11")[0] == "/"


def test_guesses_at_once_do_not_slip_through(product: Product) -> None:
    pages: list[str] = []
    guessing = [
        threading.Thread(
            target=lambda: pages.append(log_in(product, "admin", "wrong", address="203.0.113.12")[1])
        )
        for _ in range(3 * TRIES)
    ]
    for each in guessing:
        each.start()
    for each in guessing:
        each.join()
    assert sum("do not match" in page for page in pages) == TRIES


def test_neither_name_nor_address_is_kept_and_the_old_is_forgotten(product: Product) -> None:
    guess(product, "admin", 1, address="203.0.113.99")
    (row,) = product.rows("SELECT count(*), min(octet_length(digest)) AS least FROM analytics_login_tries")
    assert row["count"] > 0
    assert row["least"] == 32
    kept = str(product.rows("SELECT kept::text FROM analytics_login_tries kept"))
    for said in ("203.0.113.99", "admin"):
        assert said not in kept
        assert said.encode().hex() not in kept
    assert "203.0.113" not in "\n".join(product.lines)
    product.rows("UPDATE analytics_login_tries SET at = at - interval '1 hour' RETURNING tries")
    guess(product, "admin", 1, address="203.0.113.99")
    assert product.rows("SELECT count(*) FROM analytics_login_tries") == [{"count": 1}]
