"""The first hour of somebody who has never seen Footfall, as one journey in a real Chromium."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from scripts.stands.product import Product
from tests.axe import found
from tests.browser import Complaints, visitor
from tests.peer import HttpPeer
from tests.staff import let_in

CHOSEN = "tea and textiles"


@pytest.fixture
def staff(footfall: Product, browser: Browser) -> Iterator[BrowserContext]:
    """Somebody who may add sites, far from Greenwich."""
    with visitor(browser, timezone_id="Asia/Tokyo", viewport={"width": 1280, "height": 900}) as context:
        let_in(context, footfall)
        yield context


def test_what_is_erased_is_watched_until_it_is_gone(footfall: Product, staff: BrowserContext) -> None:
    key = footfall.add_site("watched-erasure.example")
    page = staff.new_page()
    complaints = Complaints.of(page)
    page.goto(f"{footfall.url}/sites/{key}/settings/")
    section = page.locator("#erase")
    expect(section.get_by_label("Last day")).to_be_visible()
    expect(section.get_by_label("Pages", exact=True)).to_be_hidden()
    section.get_by_label("What", exact=True).select_option("visitor")
    expect(section.get_by_label("Last day")).to_be_hidden()
    expect(section.get_by_label("Visitor", exact=True)).to_be_visible()
    section.get_by_label("What", exact=True).select_option("days")
    section.get_by_label("First day").fill("2026-01-01")
    section.get_by_label("Type the site’s name").fill("watched-erasure.example")
    section.get_by_role("button", name="Erase it").click()
    section.get_by_role("button", name="Begin now").click()
    expect(section.get_by_role("status")).to_contain_text("It begins within seconds")
    # Nobody presses anything, and what somebody types meanwhile stays.
    section.get_by_label("First day").fill("2026-02-02")
    erased = section.get_by_role("list", name="Erasures")
    expect(erased).to_contain_text("0 page views, 0 visits and 0 events erased", timeout=60_000)
    expect(section.get_by_label("First day")).to_have_value("2026-02-02")
    expect(page.locator("[data-again]")).to_have_count(0)
    assert complaints.heard == []


def test_a_second_site_is_added_mended_with_one_press_and_shown_to_a_colleague(
    footfall: Product, browser: Browser, staff: BrowserContext, host: HttpPeer
) -> None:
    page = staff.new_page()
    complaints = Complaints.of(page)
    page.goto(f"{footfall.url}/")
    page.get_by_text("Add a site").click()
    expect(page.get_by_text("Its days begin at midnight in Asia/Tokyo")).to_be_visible()
    page.get_by_label("Domain").fill("https://First-Hour.example/start")
    page.get_by_label("Domain").press("Enter")
    page.wait_for_url("**/install/")
    key = page.url.split("/")[-3]
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Put this line into every page of first-hour.example"
    )
    expect(page.get_by_text("Waiting for the first visit")).to_be_visible()
    # The reader's address is this machine, which no visitor of that site could reach.
    expect(page.get_by_role("note")).to_contain_text("this machine alone")

    paste(page, host)
    # It is put into pages of a host that the site does not have; the owner looks with his own browser.
    with staff.expect_page() as opened:
        look(page, f"{host.url}/wrong")
    shop = opened.value
    doctor = page.get_by_role("region", name="Refused just now")
    expect(doctor).to_contain_text("127.0.0.1 is no host of this site.")
    expect(page.locator(".check.found")).to_have_count(0)
    doctor.get_by_role("button", name="Allow it").click()
    expect(doctor).to_contain_text("127.0.0.1 is allowed now.")
    shop.close()

    with staff.expect_page() as opened:
        look(page, f"{host.url}/wrong")
    expect(page.locator(".check.found")).to_contain_text(
        re.compile(r"It works: /wrong was counted \d+\.\d s after")
    )
    page.get_by_role("link", name="Open the board").click()
    expect(page.locator("[data-figure=visitors]")).to_have_text("1")
    opened.value.close()

    settings(page, key)
    (site,) = footfall.rows("SELECT timezone, hosts FROM tracker_site WHERE key = %s", key)
    assert (site["timezone"], site["hosts"][-1]) == ("Asia/Tokyo", "127.0.0.1")
    link = invitation(page)
    assert complaints.heard == []
    other = footfall.add_site("of-others.example")
    with visitor(browser) as context:
        colleague = context.new_page()
        comes_in(colleague, link)
        for key_of, status in ((key, 200), (other, 404)):
            assert colleague.request.get(f"{footfall.url}/sites/{key_of}/").status == status
        colleague.get_by_role("link", name="first-hour.example").click()
        expect(colleague.locator("[data-figure=visitors]")).to_be_visible()
    secret = link.partition("#")[2]
    assert not [line for line in footfall.lines if secret in line]
    with visitor(browser) as context:
        colleague = context.new_page()
        colleague.goto(link)
        expect(colleague.get_by_role("alert")).to_contain_text("has been used")
        colleague.goto(f"{footfall.url}/login/")
        colleague.get_by_label("User name").fill("grete")
        colleague.get_by_label("Password").fill(CHOSEN)
        colleague.get_by_role("button", name="Log in").click()
        expect(colleague.locator(".tile")).to_have_count(1)


def paste(page: Page, host: HttpPeer) -> None:
    """The block for tag managers, as it is shown."""
    page.get_by_role("tab", name="Tag manager").click()
    block = page.locator(".snippet code").inner_text()
    assert "t.js?site=" in block
    host.put("/wrong", f"<title>Shop</title>{block}", "<h1>Shop</h1>")


def look(page: Page, url: str) -> None:
    page.get_by_label("A page of first-hour.example").fill(url)
    page.get_by_role("button", name="Open it in a new tab").click()


def settings(page: Page, key: str) -> None:
    """By the site's menu; a section is saved where it stands."""
    page.locator(".site summary").click()
    page.locator(".site").get_by_role("link", name="Settings").click()
    page.wait_for_url(f"**/sites/{key}/settings/")
    expect(page.get_by_role("textbox", name="Hosts")).to_have_value(re.compile("127.0.0.1"))
    excluded = page.get_by_role("region", name="What is not counted")
    excluded.get_by_label("Excluded paths").fill("/admin/*")
    excluded.get_by_role("button", name="Save").click()
    expect(excluded.get_by_role("status")).to_have_text("Saved")
    expect(excluded.get_by_role("button", name="Save")).to_be_focused()
    page.locator(".site summary").click()
    page.locator(".site").get_by_role("link", name="Snippet").click()
    expect(page.get_by_text("Counted already.")).to_be_visible()


def invitation(page: Page) -> str:
    """By the menu under one's name: a link for a viewer of the new site alone."""
    page.get_by_text("admin", exact=True).click()
    page.get_by_role("link", name="People").click()
    page.get_by_label("Name or mail address").fill("grete")
    page.get_by_label("first-hour.example", exact=True).check()
    page.get_by_role("button", name="Make a link").click()
    link = page.locator("#link").inner_text()
    assert found(page) == []
    expect(page.get_by_text("viewer of first-hour.example")).to_be_visible()
    return link


def comes_in(page: Page, link: str) -> None:
    """A colleague opens the link, sets a password and looks."""
    complaints = Complaints.of(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.url} {request.headers.get('referer')}"))
    page.goto(link)
    expect(page.get_by_text("admin invites you as viewer of first-hour.example.")).to_be_visible()
    expect(page.get_by_label("User name")).to_have_value("grete")
    assert found(page) == []
    page.get_by_label("Password").fill(CHOSEN)
    page.get_by_label("The same again").fill(CHOSEN)
    page.get_by_role("button", name="Set it and look").click()
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.get_by_text("first-hour.example")).to_be_visible()
    # The secret is in no address that a server or the history sees.
    assert [line for line in asked if link.partition("#")[2] in line] == []
    assert complaints.heard == []


def test_a_board_tells_of_a_host_that_it_does_not_have(
    footfall: Product, staff: BrowserContext, host: HttpPeer
) -> None:
    key = footfall.add_site("doctor.example", "127.0.0.1")
    tag = f'<script defer src="{footfall.url}/t.js" data-site="{key}"></script>'
    host.put("/page", f"<title>Page</title>{tag}", "<h1>Page</h1>")
    shop, page = staff.new_page(), staff.new_page()
    shop.goto(f"{host.url}/page")
    page.goto(f"{footfall.url}/sites/{key}/")
    expect(page.locator("[data-figure=visitors]")).to_have_text("1")
    doctor = page.get_by_role("region", name="Refused just now")
    expect(doctor).to_be_hidden()
    shop.goto(host.url.replace("127.0.0.1", "localhost") + "/page")
    expect(doctor).to_contain_text("localhost is no host of this site.", timeout=20_000)
    doctor.get_by_role("button", name="Hide").click()
    expect(doctor).to_be_hidden()
    page.reload()
    expect(page.locator("[data-figure=visitors]")).to_be_visible()
    expect(doctor).to_be_hidden()
