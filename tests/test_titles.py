"""What pages are called: read from stored page views, and shown beside paths in a real browser."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from analytics.board import titles
from scripts.stands.checkout import ROOT
from scripts.stands.product import Product
from tests.boards import SHOTS, figure, rows, visit
from tests.cast import Cast, make_cast
from tests.staff import at_board
from tests.stored import visit as stored_visit
from tracker.models import PageView

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)
LONG = "/ein/sehr/langer/pfad/über/alles/was/es/zu/sagen/gibt"


def called(cast: Cast, path: str, ago: timedelta, title: str) -> None:
    made = stored_visit(cast.site, NOW - ago, path)
    PageView.objects.filter(visit_id=made.id).update(title=title)


@pytest.mark.django_db
def test_the_newest_title_of_a_day_is_told_and_an_empty_one_is_none() -> None:
    cast = make_cast()
    called(cast, "/pricing", 30 * MINUTE, "Prices")
    called(cast, "/pricing", 20 * MINUTE, "Preise 💶")
    called(cast, "/pricing", 10 * MINUTE, "")
    called(cast, "/old", timedelta(hours=25), "Old")
    called(cast, "/other", MINUTE, "Other")
    assert titles.titles(cast.site, ["/pricing", "/old", "/none"], NOW) == {
        "titles": {"/pricing": "Preise 💶"}
    }
    assert titles.titles(cast.strange_site, ["/pricing"], NOW) == {"titles": {}}


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["", "?browser=Firefox"])
def test_who_names_no_page_is_told_so(client: Client, query: str) -> None:
    cast = make_cast()
    client.force_login(cast.owner)
    answer = client.get(f"/sites/{cast.site.key}/titles.json{query}")
    assert (answer.status_code, answer.json()) == (400, {"error": "Name a page."})


@pytest.fixture(scope="module")
def key(footfall: Product) -> str:
    return footfall.add_site("seen.example")


@pytest.fixture
def page(footfall: Product, key: str, browser: Browser) -> Iterator[Page]:
    with at_board(browser, footfall, f"/sites/{key}/", 1280, 800) as opened:
        yield opened


def test_titles_are_shown_beside_paths_for_whoever_wants_them(
    footfall: Product, key: str, page: Page
) -> None:
    with (
        visit(footfall, key, "/pricing", title="Preise & Pläne"),
        visit(footfall, key, LONG, title="مرحبا بالعالم <b>" + "lang " * 30) as say,
        visit(footfall, key, "/untitled"),
    ):
        figure(page, "tabs").to_have_text("3")
        shown = page.locator("[data-list=pages] .title")
        expect(shown).to_have_count(0)
        page.get_by_role("button", name="titles").click()
        expect(shown).to_have_count(2)
        expect(shown.filter(has_text="Preise & Pläne")).to_be_visible()
        page.screenshot(path=SHOTS / "titles.png")
        assert {name for name, _ in rows(page, "pages")} == {"/pricing", LONG, "/untitled"}
        say(t="state", s="active", e=1, d=1)
        page.reload()
        expect(shown).to_have_count(2)
        page.get_by_role("button", name="titles").click()
        expect(shown).to_have_count(0)


MADE = """
const asked = [];
window.fetch = async (url) => {
  asked.push(url);
  return { ok: true, json: async () => ({ titles: { "/a": "A", "/b": "B" } }) };
};
const button = document.createElement("button");
window.titles = new Titles(button, "titles.json", () => {});
button.click();
"""


def test_titles_of_pages_that_are_shown_no_more_are_forgotten(browser: Browser) -> None:
    source = (ROOT / "static/board/lists/titles.js").read_text()
    with browser.new_page() as page:
        page.clock.install()
        page.add_script_tag(content=f"{source}\n{MADE}", type="module")
        page.wait_for_function("window.titles")

        def asked(*names: str) -> list[str]:
            page.evaluate("names => titles.want(names)", names)
            page.clock.run_for(400)
            page.wait_for_function("names => names.every((name) => titles.title(name))", arg=names)
            return [page.evaluate("name => titles.title(name)", name) for name in ("/a", "/b")]

        assert asked("/a", "/b") == ["A", "B"]
        page.clock.run_for(120_000)
        assert asked("/b") == ["A", "B"], "it may come back in a moment"
        page.clock.run_for(240_000)
        assert asked("/b") == ["", "B"]


def test_a_page_can_be_opened_from_its_row(footfall: Product, key: str, page: Page) -> None:
    """By the pointer, and by the keys: right from the row."""
    with visit(footfall, key, "/%C3%BCber"):
        row = page.locator("[data-list=pages] .row")
        expect(row).to_have_count(1)
        link = row.get_by_role("link", name="Open https://seen.example/%C3%BCber")
        assert link.get_attribute("rel") == "noreferrer"
        page.locator("[data-list=pages] .rows").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowRight")
        expect(link).to_be_focused()
        page.keyboard.press("ArrowLeft")
        expect(row.locator(".pick")).to_be_focused()
        row.hover()
        page.screenshot(path=SHOTS / "visit.png")
        page.context.route("https://seen.example/**", lambda route: route.fulfill(body="here"))
        with page.context.expect_page() as opened:
            link.click()
        expect(opened.value).to_have_url("https://seen.example/%C3%BCber")
        assert "page=" not in page.url
