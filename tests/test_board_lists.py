"""The eight live lists in a real browser: their order, their tabs, one of them in full, live and searched.

Screenshots are left in `test-results/board/`, to be looked at.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from analytics.board.full_list import listed
from scripts.stands.product import Product
from tests.boards import PAGES, SHOTS, choose, crowd, figure, rows, visit, wait_until_at_rest
from tests.staff import at_board
from tracker.live.dimensions import TABLE
from tracker.live.presence import OTHER, SitePresence

GOOGLE = "https://www.google.com/"
At = Callable[..., AbstractContextManager[Page]]
# An hour of page views from before, and names that are open until an hour from now.
HOUR = """
import math, uuid
from datetime import timedelta
from django.utils import timezone
from tracker.models import PageView, Site
site, now = Site.objects.get(key="{key}"), timezone.now()
def seen(path, ago, **more):
    return PageView(id=uuid.uuid4(), site=site, began_at=now - timedelta(minutes=ago), visit_id=uuid.uuid4(),
                    visitor=uuid.uuid4(), path=path, edge=1, connection=1, **more)
views = [seen("/", ago, ended_at=now - timedelta(minutes=ago, seconds=-90)) for ago in range(2, 60)
         for _ in range(int(24 + 11 * math.sin(ago / 6) + 5 * math.sin(ago * 1.7)))]
views += [seen(f"/names/{{n:04}}", 1, ended_at=now + timedelta(hours=1)) for n in range({names})]
PageView.objects.bulk_create(views)
"""


@pytest.fixture(scope="module")
def busy(footfall: Product) -> Iterator[str]:
    """A site with forty visitors, that was visited in the hour before."""
    key = footfall.add_site("seen.example")
    footfall.manage("shell", "--no-imports", "-c", HOUR.format(key=key, names=0))
    with crowd(footfall, key):
        yield key


@pytest.fixture
def key(footfall: Product) -> str:
    """A site of one's own."""
    return footfall.add_site("seen.example")


@pytest.fixture
def at(footfall: Product, browser: Browser) -> At:
    """Opens a site's board as the superuser of the first start."""

    def opened(key: str, *size: int, **how: Any) -> AbstractContextManager[Page]:
        return at_board(browser, footfall, f"/sites/{key}/", *size, **how)

    return opened


def test_rows_keep_their_order_and_tell_what_there_is_no_room_for(at: At, busy: str) -> None:
    with at(busy) as page:
        figure(page, "visitors").to_have_text("40")
        pages = rows(page, "pages")
        assert pages[:6] == [(name, str(tabs)) for name, tabs in PAGES.items()]
        assert pages[6:] == [("/products/1", "1"), ("/products/2", "1"), ("/products/3", "1")]
        assert page.locator("[data-list=pages] .all").inner_text() == "14"
        expect(page.locator("[data-list=pages] .more")).to_have_text("and 5 more")
        figure(page, "hidden").to_have_text("8")
        assert sum(int(tabs) for _, tabs in rows(page, "devices")) == 40
        expect(page.locator("[data-list=countries]")).to_contain_text("Brazil")
        choose(page, "devices")
        page.locator("[data-list=devices] .rows").focus()
        expect(page.locator("[data-list=devices] .share").first).to_have_text(re.compile(r"\d+ %"))


def test_the_board_fits_every_screen(at: At, busy: str) -> None:
    sizes = {"board": (1440, 900), "phone": (360, 740), "wide": (2560, 1440), "small": (1280, 720)}
    for name, (width, height) in sizes.items():
        for scheme in ("light", "dark"):
            with at(busy, width, height, color_scheme=scheme) as page:
                figure(page, "visitors").to_have_text("40")
                box = page.evaluate(
                    "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
                )
                assert box[0] <= width, name
                if name != "phone":
                    assert box[1] <= height, name
                wait_until_at_rest(page)
                page.screenshot(path=SHOTS / f"{name}-{scheme}.png", full_page=name == "phone")


def test_lists_that_share_a_place_are_tabs_that_arrow_keys_walk(at: At, busy: str) -> None:
    with at(busy) as page:
        figure(page, "visitors").to_have_text("40")
        referrers, channels, campaigns = (
            page.get_by_role("tab", name=name) for name in ("Referrers", "Channels", "Campaigns")
        )
        expect(page.get_by_role("tabpanel", name="Referrers")).to_be_visible()
        expect(page.get_by_role("tabpanel", name="Channels")).to_be_hidden()
        referrers.focus()
        page.keyboard.press("ArrowRight")
        expect(channels).to_be_focused()
        assert dict(rows(page, "channels")) == {"Direct": "14", "Search": "11", "News": "10", "AI": "5"}
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        expect(referrers).to_be_focused()
        page.keyboard.press("End")
        expect(campaigns).to_have_attribute("aria-selected", "true")
        expect(page.locator("[data-list=campaigns] .none")).to_have_text("None right now")
        assert page.evaluate("document.querySelectorAll('[role=tab][tabindex=\"0\"]').length") == 2
        page.set_viewport_size({"width": 2560, "height": 1440})
        expect(page.get_by_role("heading", name="Systems")).to_be_visible()
        assert page.locator(".list:visible").count() == len(TABLE)
        assert page.get_by_role("tab").count() == page.get_by_role("tabpanel").count() == 0


def test_channels_and_campaigns_are_counted_live_and_filter(footfall: Product, key: str, at: At) -> None:
    with ExitStack() as visitors:
        for number, (query, referrer) in enumerate(
            (
                ("?utm_campaign=Spring+sale&utm_source=x", GOOGLE),
                ("?utm_campaign=spring+SALE&utm_medium=email", ""),
                ("?utm_campaign=%3Cb%3Ebold%3C/b%3E", ""),
                ("", GOOGLE),
            )
        ):
            address = f"192.0.2.{number}"
            visitors.enter_context(visit(footfall, key, f"/sale{query}", address, referrer=referrer))
        with at(key) as page:
            figure(page, "tabs").to_have_text("4")
            assert rows(page, "campaigns") == [("spring sale", "2"), ("<b>bold</b>", "1")]
            assert rows(page, "channels") == [("Campaign", "2"), ("Mail", "1"), ("Search", "1")]
            expect(page.locator("[data-list=campaigns] .all")).to_have_text("2")
            choose(page, "campaigns")
            page.locator("[data-list=campaigns] .pick", has_text="spring sale").click()
            figure(page, "tabs").to_have_text("2")
            assert page.url.endswith("?show=campaigns&campaign=spring+sale")
            choose(page, "channels")
            page.locator("[data-list=channels] .pick", has_text="Mail").click()
            figure(page, "tabs").to_have_text("1")
            expect(page.get_by_role("button", name="Remove the filter: channel Mail")).to_be_visible()
        with at(key) as page:
            page.goto(page.url + "?campaign=")
            figure(page, "tabs").to_have_text("1")
            expect(page.get_by_role("button", name="Remove the filter: campaign None")).to_be_visible()


def test_one_list_opens_in_full_is_live_and_searched(footfall: Product, at: At, busy: str) -> None:
    with at(busy) as page:
        figure(page, "visitors").to_have_text("40")
        opener = page.get_by_role("button", name="all 14 pages")
        opener.focus()
        page.keyboard.press("Enter")
        full = page.get_by_role("dialog", name="Pages")
        shown = full.locator(".row:not(.gone)")
        expect(full.get_by_role("searchbox", name="Search pages")).to_be_focused()
        expect(shown).to_have_count(14)
        expect(full.locator(".found")).to_have_text("14")
        with visit(footfall, busy, "/products/new", address="192.0.2.99"):
            expect(shown).to_have_count(15)
            page.keyboard.type("PRODucts/")
            expect(shown).to_have_count(9)
            expect(full.locator(".found")).to_have_text("9 of 15")
            expect(full.get_by_role("status")).to_have_text("9 of 15")
            page.screenshot(path=SHOTS / "full-light.png")
        expect(shown).to_have_count(8)
        page.keyboard.type("zzz")
        expect(full.locator(".none")).to_be_visible()
        page.keyboard.press("Escape")
        expect(full).to_be_hidden()
        expect(opener).to_be_focused()


def test_a_row_of_the_full_list_filters_the_board_and_the_list(at: At, busy: str) -> None:
    with at(busy, 360, 740) as page:
        figure(page, "visitors").to_have_text("40")
        page.locator("[data-list=pages] .more button").click()
        full = page.get_by_role("dialog", name="Pages")
        page.keyboard.type("pricing")
        expect(full.locator(".row:not(.gone)")).to_have_count(1)
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(full).to_be_hidden()
        figure(page, "tabs").to_have_text("7")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        # In full, too, only what the filter keeps; names are found as they are shown.
        page.get_by_role("button", name="all 4 countries").click()
        countries = page.get_by_role("dialog", name="Countries")
        expect(countries.locator(".row:not(.gone)")).to_have_count(4)
        page.screenshot(path=SHOTS / "full-phone.png")
        page.keyboard.type("united st")
        expect(countries.locator(".row:not(.gone)")).to_have_count(1)
        page.get_by_role("button", name="Close").click()
        expect(countries).to_be_hidden()


def test_beyond_a_thousand_names_the_server_searches_now_and_in_the_past(
    footfall: Product, at: At, key: str
) -> None:
    footfall.manage("shell", "--no-imports", "-c", HOUR.format(key=key, names=1200))
    with at(key) as page:
        handle = page.get_by_role("slider", name="Time of today")
        expect(handle).to_be_enabled()
        handle.focus()
        page.keyboard.press("ArrowLeft")
        figure(page, "tabs").to_have_text("1,200")
        page.get_by_role("button", name="all 1,200 pages").click()
        full = page.get_by_role("dialog", name="Pages")
        shown = full.locator(".row:not(.gone)")
        expect(shown).to_have_count(1000)
        expect(full.locator(".more")).to_have_text("and 200 more")
        expect(full.locator(".row .name").last).to_have_text("/names/0999")
        page.keyboard.type("/Names/11")
        expect(shown).to_have_count(100)
        expect(full.locator(".found")).to_have_text("100 of 1,200")
        expect(full.locator(".row .name").first).to_have_text("/names/1100")
        for _ in range(9):
            page.keyboard.press("Backspace")
        expect(shown).to_have_count(1000)


def test_a_list_in_full_is_searched_as_it_is_written_and_as_it_is_read() -> None:
    site = SitePresence(4, 0.0)
    for path in ("/caf%C3%A9", "/CAFE", "/b", "/b", "/%ff", "/one-too-many"):
        site.join(b"v", (path, *[""] * 7))

    def names(text: str, of: str = "pages") -> list[str]:
        return [row.name for row in listed(site, of, text).rows]

    assert names("") == ["/b", OTHER, "/%ff", "/CAFE", "/caf%C3%A9"]
    assert names("CAFÉ") == ["/caf%C3%A9"]
    assert names("caf") == ["/CAFE", "/caf%C3%A9"]
    assert names("c3%a9") == ["/caf%C3%A9"]
    assert names("", "campaigns") == []
    found = listed(site, "pages", "caf")
    assert (found.of, found.tabs, found.total, found.found) == ("pages", 6, 5, 2)


def test_the_pages_table_of_dimensions_is_the_servers(at: At, key: str) -> None:
    with at(key) as page:
        table = page.evaluate("import('/static/board/dimensions.js').then((it) => it.PARAMETERS)")
        assert table == {each.name: each.parameter for each in TABLE}
        assert page.locator("[data-list]").count() == len(TABLE)


def test_a_list_that_there_is_not_is_refused(footfall: Product, at: At, key: str) -> None:
    with at(key) as page:
        for query in ("", "of=tabs", "of=__class__", "of=pages&find=" + "a" * 2049, "of=pages&t=soon"):
            answer = page.request.get(f"{footfall.url}/sites/{key}/list.json?{query}")
            assert (answer.status, list(answer.json())) == (400, ["error"]), query
        empty: dict[str, Any] = page.request.get(f"{footfall.url}/sites/{key}/list.json?of=devices").json()
        assert empty == {"of": "devices", "tabs": 0, "total": 0, "found": 0, "rows": []}
