"""An owner invites a colleague, who sets a password and sees only that site: in a real Chromium."""

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


def test_a_colleague_is_invited_and_sees_only_that_site(
    footfall: Product, browser: Browser, keys: tuple[str, str]
) -> None:
    with visitor(browser) as owner:
        page = owner.new_page()
        log_in(page, footfall, "mona", OWNER)
        page.get_by_text("mona", exact=True).click()
        page.get_by_role("link", name="People").click()
        page.get_by_label("Name or mail address").fill("grete")
        page.get_by_label("invited.example", exact=True).check()
        page.get_by_role("button", name="Make a link").click()
        link = page.locator("#link").inner_text()
        assert found(page) == []
        expect(page.get_by_text("viewer of invited.example")).to_be_visible()
    with visitor(browser) as colleague:
        page = colleague.new_page()
        complaints = Complaints.of(page)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(f"{request.url} {request.headers.get('referer')}"))
        page.goto(link)
        expect(page.get_by_text("mona invites you as viewer of invited.example.")).to_be_visible()
        expect(page.get_by_label("User name")).to_have_value("grete")
        assert found(page) == []
        page.get_by_label("Password").fill("tea and textiles")
        page.get_by_label("The same again").fill("tea and textiles")
        page.get_by_role("button", name="Set it and look").click()
        expect(page.locator(".tile")).to_have_count(1)
        expect(page.get_by_text("invited.example")).to_be_visible()
        # The secret is in no address that a server or the history sees.
        secret = link.partition("#")[2]
        assert [line for line in asked if secret in line] == []
        assert complaints.heard == []
        assert page.request.get(f"{footfall.url}/sites/{keys[1]}/").status == 404
    assert not [line for line in footfall.lines if secret in line]
    with visitor(browser) as again:
        page = again.new_page()
        page.goto(link)
        expect(page.get_by_role("alert")).to_contain_text("has been used")
        log_in(page, footfall, "grete", "tea and textiles")
        expect(page.get_by_text("invited.example")).to_be_visible()


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
        for path in ("people", "welcome", "account", "account/password"):
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
