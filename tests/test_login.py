"""Guessing passwords over real HTTP: locked for this name and address, for few others, and not for ever."""

import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from typing import Any

import pytest

from scripts.stands.product import Product, running

TRIES, OF_AN_ADDRESS, OF_A_NAME = 4, 8, 60
ADDRESS = "203.0.113.7"


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    limits = {
        "FOOTFALL_LOGIN_TRIES": str(TRIES),
        "FOOTFALL_LOGIN_TRIES_PER_ADDRESS": str(OF_AN_ADDRESS),
        "FOOTFALL_LOGIN_TRIES_PER_NAME": str(OF_A_NAME),
        "FOOTFALL_LOGIN_ROOM": "64",
    }
    with running(FOOTFALL_TRUSTED_PROXIES="127.0.0.1", **limits) as made:
        yield made


def log_in(
    product: Product,
    name: str,
    password: str,
    address: str = ADDRESS,
    path: str = "/login/",
    jar: CookieJar | None = None,
) -> tuple[str, str]:
    """Where a login from an address leads to, and the page that is shown there or instead.

    `jar`: what the browser keeps; without one it is new.
    """
    jar = CookieJar() if jar is None else jar
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


def guess(product: Product, name: str, times: int, **more: Any) -> str:
    """The page after so many wrong passwords."""
    return [log_in(product, name, f"wrong {number}", **more)[1] for number in range(times)][-1]


def later(product: Product, seconds: int) -> None:
    """Let this time pass for all that is remembered."""
    product.rows(
        "UPDATE analytics_login_tries SET until = until - %s * interval '1 s' RETURNING tries",
        seconds,
    )


def test_after_some_wrong_passwords_the_right_one_must_wait_too(product: Product) -> None:
    assert "do not match" in guess(product, "admin", TRIES)
    for path in ("/login/", "/admin/login/"):
        leads, page = log_in(product, "admin", product.password, path=path)
        assert leads == path
        assert "Too many wrong passwords for this name from your address. Try again in 5 minutes." in page
    assert log_in(product, "admin", product.password, address="203.0.113.8")[0] == "/", "no lockout of all"
    assert "do not match" in guess(product, "somebody", 1), "nor of the address"
    # The wait runs from the last try that was looked at, and not from those that were not.
    later(product, 301)
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
    later(product, 100 * 86_400)
    guess(product, "admin", 1, address="203.0.113.99")
    # Of this try: name and address, the address, the name, and whether it is known here.
    assert product.rows("SELECT count(*) FROM analytics_login_tries") == [{"count": 4}]


def test_an_address_has_so_many_tries_for_all_names_together(product: Product) -> None:
    for number in range(OF_AN_ADDRESS):
        assert "do not match" in guess(product, f"name{number}", 1, address="203.0.113.20")
    page = guess(product, "admin", 1, address="203.0.113.20")
    assert "Too many wrong passwords from your address. Try again in 5 minutes." in page
    assert "do not match" in guess(product, "name0", 1, address="203.0.113.21"), "nobody else's"
    later(product, 301)
    assert "do not match" in guess(product, "name0", 1, address="203.0.113.20")


def test_old_passwords_are_guessed_no_more_often_and_their_owner_logs_in_anew(product: Product) -> None:
    def change(jar: CookieJar, old: str) -> tuple[int, str]:
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        token = next(cookie.value for cookie in jar if cookie.name == "csrftoken")
        body = {
            "csrfmiddlewaretoken": token or "",
            "old_password": old,
            "new_password1": "",
            "new_password2": "",
        }
        try:
            answer = browser.open(
                f"{product.url}/admin/password_change/", urllib.parse.urlencode(body).encode()
            )
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            return answer.status, answer.read().decode()

    found, own = CookieJar(), CookieJar()
    for jar in (found, own):
        assert log_in(product, "admin", product.password, address="203.0.113.25", jar=jar)[0] == "/"
    for number in range(TRIES):
        assert "Your old password was entered incorrectly" in change(found, f"wrong {number}")[1]
    status, page = change(found, product.password)
    assert status == 429
    assert "Too many wrong passwords. Log in anew, or try again in 5 minutes." in page
    assert change(own, product.password)[0] == 200, "the owner's session has tries of its own"
    assert "Too many" not in change(own, product.password)[1]


def test_a_name_that_many_addresses_guess_is_slow_for_strangers_and_lets_its_owner_in(
    product: Product,
) -> None:
    home, browser = "203.0.113.30", CookieJar()
    assert log_in(product, "admin", product.password, address=home, jar=browser)[0] == "/"
    browser.clear_session_cookies()
    browser.clear("127.0.0.1", "/", "sessionid")
    guesser = 0
    while "do not match" in (page := guess(product, "admin", 1, address=f"198.51.100.{guesser}")):
        guesser += 1
        assert guesser <= OF_A_NAME
    assert "Yours is in 5 minutes." in page

    def comes(address: str, jar: CookieJar | None = None) -> str:
        return log_in(product, "admin", product.password, address=address, jar=jar)[0]

    assert comes(home) == "/", "known by the address"
    assert comes("192.0.2.1", browser) == "/", "known by the browser"
    assert comes("192.0.2.2") == "/login/"
    later(product, 301)
    # Whatever others do meanwhile, who waited as told is looked at; and has one try.
    assert "Yours is in" in guess(product, "admin", 1, address="198.51.100.250")
    assert "do not match" in guess(product, "admin", 1, address=f"198.51.100.{guesser}")
    assert "Yours is in" in guess(product, "admin", 1, address=f"198.51.100.{guesser}")
    assert comes("192.0.2.2") == "/"
    assert comes("192.0.2.2") == "/", "and is known from then on"
    assert "do not match" in guess(product, "somebody", 1, address="192.0.2.3"), "no other name"
