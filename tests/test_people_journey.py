"""The pages of people and accounts in a real Chromium. How a colleague is invited is in test_first_hour."""

import base64
import re

import pytest
from django_otp.oath import totp
from playwright.sync_api import Browser, Page, expect

from scripts.stands.product import Product
from tests.axe import found
from tests.boards import SHOTS
from tests.browser import Complaints, visitor
from tests.staff import at_board, let_in

OWNER = "a long enough password"


@pytest.fixture(scope="module")
def keys(footfall: Product) -> tuple[str, str]:
    """Two sites of one owner."""
    keys = footfall.add_site("invited.example"), footfall.add_site("kept-apart.example")
    make = (
        "from django.contrib.auth.models import User; from analytics.models import Member;"
        "from tracker.models import Site;"
        f"u = User.objects.create_user('mona', password='{OWNER}', is_staff=True);"
        f"[Member.objects.create(user=u, site=s, role='owner')"
        f" for s in Site.objects.filter(key__in={keys!r})]"
    )
    footfall.manage("shell", "--no-imports", "-c", make)
    return keys


def log_in(page: Page, product: Product, name: str, password: str) -> None:
    page.goto(f"{product.url}/login/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_whoever_has_an_account_logs_in_and_accepts(
    footfall: Product, browser: Browser, keys: tuple[str, str]
) -> None:
    with at_board(browser, footfall, f"/people/?site={keys[1]}") as page:
        expect(page.get_by_label("kept-apart.example")).to_be_checked()
        page.get_by_label("Name or mail address").fill("mona")
        page.get_by_role("button", name="Make a link").click()
        link = page.locator("#link").inner_text()
    with visitor(browser) as context:
        page = context.new_page()
        page.goto(link)
        page.get_by_role("link", name="Log in").click()
        page.get_by_label("User name").fill("mona")
        page.get_by_label("Password").fill(OWNER)
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("button", name="Accept as mona").click()
        page.wait_for_url(re.compile(r"/$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_people(footfall: Product, browser: Browser, keys: tuple[str, str], scheme: str) -> None:
    with visitor(browser, color_scheme=scheme) as context:
        let_in(context, footfall)
        page = context.new_page()
        for path in ("people", "welcome", "account", "account/password", "forgotten"):
            page.goto(f"{footfall.url}/{path}/")
            assert found(page) == []
            for width in (375, 820, 1280):
                page.set_viewport_size({"width": width, "height": 900})
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
                page.screenshot(path=SHOTS / f"{path.replace('/', '-')}-{width}-{scheme}.png", full_page=True)


def test_a_second_factor_is_set_up_and_asked_for(
    footfall: Product, browser: Browser, keys: tuple[str, str]
) -> None:
    with visitor(browser, viewport={"width": 375, "height": 800}, color_scheme="dark") as context:
        page = context.new_page()
        complaints = Complaints.of(page)
        log_in(page, footfall, "mona", OWNER)
        page.goto(f"{footfall.url}/account/")
        page.get_by_role("button", name="Set it up").click()
        expect(page.get_by_role("img", name="The secret as a QR code")).to_be_visible()
        assert found(page) == []
        page.screenshot(path=SHOTS / "account-qr-375-dark.png", full_page=True)
        secret = page.locator(".hint b").inner_text().replace(" ", "")
        page.get_by_label("Code", exact=True).fill(code(secret))
        page.get_by_role("button", name="Switch it on").click()
        expect(page.locator("#codes li")).to_have_count(10)
        recovery = page.locator("#codes li").first.inner_text()
        assert found(page) == []
        page.screenshot(path=SHOTS / "account-codes-375-dark.png", full_page=True)
    with visitor(browser) as context:
        page = context.new_page()
        log_in(page, footfall, "mona", OWNER)
        expect(page.get_by_role("heading", name="Your code")).to_be_visible()
        assert found(page) == []
        page.get_by_label("Code").fill(recovery)
        page.get_by_role("button", name="Log in").click()
        expect(page.locator(".tile")).to_have_count(2)
    assert complaints.heard == []


def code(secret: str) -> str:
    return f"{totp(base64.b32decode(secret)):06d}"
