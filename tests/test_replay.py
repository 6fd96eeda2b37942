"""The time machine: a moment of today from stored page views, against what was counted live then."""

import json
import re
import time
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from django.test import Client
from playwright.sync_api import Browser, expect

from scripts.stands.agents import PHONE
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.board_sockets import Staff
from tests.boards import SHOTS, figure, press, rows, visit
from tests.cast import make_cast
from tests.staff import at_board

UNSTORED = {"active", "idle", "hidden", "seq", "at", "minutes", "stale"}


@pytest.fixture(scope="module")
def product(footfall: Product) -> Product:
    return footfall


@pytest.fixture(scope="module")
def key(product: Product) -> str:
    return product.add_site("seen.example")


def test_a_moment_reads_as_it_was_counted_live(product: Product, key: str) -> None:
    staff = Staff(product, "admin", product.password)

    def asked(path: str) -> dict[str, object]:
        answer: dict[str, object] = json.load(staff.open(f"{product.url}{path}"))
        return answer

    with ExitStack() as visitors:
        first = visitors.enter_context(ExitStack())
        first.enter_context(visit(product, key, "/pricing", "8.8.8.1", referrer="https://www.google.com/"))
        visitors.enter_context(visit(product, key, "/", "8.8.8.1"))
        visitors.enter_context(visit(product, key, "/", "200.160.2.1", PHONE))
        moment, live = time.time(), asked(f"/api/v1/sites/{key}/live")
        first.close()
        ended = (
            "SELECT 1 FROM tracker_pageview WHERE path = '/pricing' AND ended_at IS NOT NULL"
            " AND site_id = (SELECT id FROM tracker_site WHERE key = %s)"
        )
        wait_for(lambda: product.rows(ended, key))
        past = asked(f"/sites/{key}/at.json?t={moment}")
        assert past["tabs"] == 3
        assert {name: past[name] for name in live.keys() - UNSTORED} == {
            name: live[name] for name in live.keys() - UNSTORED
        }
        assert past["active"] is past["idle"] is past["hidden"] is None
        assert asked(f"/sites/{key}/at.json?t={time.time()}")["tabs"] == 2
        filtered = asked(f"/sites/{key}/at.json?t={moment}&page=/pricing")
        assert (filtered["tabs"], filtered["visitors"]) == (1, 1)
        assert asked(f"/sites/{key}/at.json?t={moment - 60}")["tabs"] == 0


def test_the_board_goes_back_plays_on_and_returns(product: Product, key: str, browser: Browser) -> None:
    with at_board(browser, product, f"/sites/{key}/") as page, ExitStack() as visitors:
        first = visitors.enter_context(ExitStack())
        first.enter_context(visit(product, key, "/was-here", "192.0.2.1"))
        figure(page, "visitors").to_have_text("1")
        began = time.monotonic()
        wait_for(lambda: time.monotonic() - began > 3)  # seconds that one can go back to
        first.close()
        figure(page, "visitors").to_have_text("0")
        visitors.enter_context(visit(product, key, "/is-here", "192.0.2.2"))
        figure(page, "visitors").to_have_text("1")
        assert rows(page, "pages") == [("/is-here", "1")]
        handle = page.get_by_role("slider", name="Time of today")
        expect(handle).to_be_enabled()
        handle.focus()
        expect(handle).to_have_attribute("aria-valuetext", re.compile("^now, "))

        def goes_back() -> bool:
            page.keyboard.press("ArrowLeft")
            page.wait_for_timeout(300)
            return rows(page, "pages") == [("/was-here", "1")]

        wait_for(goes_back, 30, "the page that was open then")
        expect(page.locator("[data-replay]")).to_be_visible()
        figure(page, "active").to_have_text("–")
        # Every word tells of that moment.
        expect(page.locator(".people > .label .term")).to_contain_text(re.compile(r"^visitors at [\d:]{8}"))
        clock = page.locator("[data-when]").inner_text()
        expect(page.locator("[data-replay] p:not([data-impact])")).to_contain_text(f"as it was {clock}")
        expect(page).to_have_title(f"1 {clock} · seen.example")
        expect(page.locator(".hour header")).to_contain_text("60 minutes to")
        expect(page.locator(".unstored")).to_be_visible()
        expect(page.locator(".status .words")).to_contain_text("the past is shown")
        page.screenshot(path=SHOTS / "replay.png")
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.screenshot(path=SHOTS / "replay-phone.png")
        page.set_viewport_size({"width": 1440, "height": 900})
        # What is live goes on behind it, and does not show.
        visitors.enter_context(visit(product, key, "/came-later", "192.0.2.3"))
        assert rows(page, "pages") == [("/was-here", "1")]
        press(page, "pages", "/was-here")
        expect(page.locator("[data-chips] button")).to_have_count(1)
        page.get_by_role("button", name="Remove the filter").click()
        page.get_by_role("button", name="×10", exact=True).click()
        # It plays up to now, and is live again.
        expect(page.locator("[data-replay]")).to_be_hidden(timeout=30_000)
        figure(page, "visitors").to_have_text("2")
        assert {name for name, _ in rows(page, "pages")} == {"/is-here", "/came-later"}
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("PageDown")
        expect(page.locator("[data-replay]")).to_be_visible()
        page.get_by_role("button", name="Back to live").click()
        expect(page.locator("[data-replay]")).to_be_hidden()
        figure(page, "visitors").to_have_text("2")
        expect(page.locator("[data-when]")).to_have_text("now")
        expect(page).to_have_title("2 · seen.example")


@pytest.mark.django_db
def test_only_moments_of_today_and_only_for_who_may_see_the_board() -> None:
    cast = make_cast()
    address = f"/sites/{cast.site.key}/at.json"
    now = datetime.now(UTC).timestamp()
    expected = {"owner": 200, "viewer": 200, "superuser": 200, "outsider": 404, "customer": 404}
    for name, status in expected.items():
        client = Client()
        client.force_login(cast.everyone()[name])
        assert client.get(address, {"t": str(now)}).status_code == status, name
    client.force_login(cast.owner)
    for wrong in ("", "soon", "nan", "inf", "1e300", str(now + 60), str(now - 26 * 3600), "9" * 5000):
        assert client.get(address, {"t": wrong}).status_code == 400, wrong
