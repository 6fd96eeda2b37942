"""A newcomer's first minute with the demo: a living board, and a past. README's pictures are of it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.stands.checkout import ROOT
from scripts.stands.product import Product, running
from scripts.stands.waiting import wait_for
from tests.staff import at_board

AVERAGE = 40
PICTURES = ROOT / "test-results" / "pictures"


def demo_key(product: Product) -> str:
    found = re.search(r"Demo\s+\S+/sites/(\w+)/", "\n".join(product.lines))
    assert found, product.lines
    return found[1]


def open_views(product: Product, key: str) -> list[dict[str, Any]]:
    return product.rows(
        "SELECT v.* FROM tracker_pageview v JOIN tracker_site s ON s.id = v.site_id"
        " WHERE s.key = %s AND v.ended_at IS NULL",
        key,
    )


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running("--demo") as started:
        yield started


@pytest.mark.alone
def test_a_newcomer_sees_a_living_board_in_ten_seconds(product: Product) -> None:
    key = demo_key(product)
    views = wait_for(
        lambda: views if len(views := open_views(product, key)) >= 0.7 * AVERAGE else [], 10, "visitors"
    )
    # Their addresses are believed: they come from all over the world, and are many visitors.
    assert len({view["country"] for view in views} - {""}) >= 5
    assert len({view["visitor"] for view in views}) >= 0.6 * AVERAGE
    assert len({view["path"] for view in views}) >= 5
    assert len({view["browser"] for view in views}) >= 3
    assert len({view["referrer"] for view in views}) >= 3
    # They move on, and end what they began.
    ended = "SELECT 1 FROM tracker_pageview WHERE ended_at IS NOT NULL"
    wait_for(lambda: product.rows(ended), 20, "somebody who leaves")


@pytest.mark.alone
def test_its_board_is_alive_in_ten_seconds(product: Product, browser: Browser) -> None:
    with at_board(browser, product, f"/sites/{demo_key(product)}/") as board:
        visitors = board.locator("[data-figure=visitors]")
        expect(visitors).to_have_text(re.compile(r"^[1-9]\d*$"), timeout=10_000)
        expect(board.locator("[data-list=pages] .row").nth(3)).to_be_visible(timeout=10_000)
        expect(board.get_by_text("demo", exact=True)).to_be_visible()


@pytest.mark.alone
def test_the_readme_shows_todays_product(product: Product, browser: Browser) -> None:
    """Pictures of the demo, each time anew; `scripts/pictures` puts them where README looks for them."""
    wait_for(lambda: any("days before are there" in line for line in product.lines), 60, "the demo's past")
    PICTURES.mkdir(parents=True, exist_ok=True)
    key = demo_key(product)
    with at_board(browser, product, f"/sites/{key}/") as page:
        expect(page.locator("[data-list=pages] .row")).not_to_have_count(0)
        expect(page.get_by_role("slider", name="Time of today")).to_be_enabled()
        wait_for(
            lambda: int(page.locator("[data-figure=visitors]").inner_text()) > AVERAGE / 2, 20, "visitors"
        )
        picture(page, "board")
        page.goto(f"{product.url}/sites/{key}/reports/?period=7d&interval=hour&compare=none")
        # Seven days and more of a past, and not one that only began; they are prepared meanwhile.
        views = page.locator("[data-measure=views] b")
        wait_for(lambda: int("0" + re.sub(r"\D", "", views.inner_text())) > 50_000, 90, "a week's page views")
        expect(page.locator("[data-preparing]")).to_be_hidden(timeout=90_000)
        expect(page.locator("#reports")).to_have_attribute("aria-busy", "false", timeout=90_000)
        picture(page, "reports")
    shown = re.findall(r'(?:src|srcset)="docs/([\w-]+\.png)"', (ROOT / "README.md").read_text())
    assert sorted(shown) == sorted(path.name for path in PICTURES.iterdir())
    assert all((ROOT / "docs" / name).exists() for name in shown)


def picture(page: Page, name: str) -> None:
    """A page in light and in dark, as who reads README has chosen."""
    for scheme, suffix in (("light", ""), ("dark", "-dark")):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.screenshot(path=PICTURES / f"{name}{suffix}.png", animations="disabled")


@pytest.mark.alone
def test_real_sites_get_no_made_up_visitors(product: Product) -> None:
    key = product.add_site("example.com")
    with pytest.raises(AssertionError, match="no demo site"):
        product.manage("demo", "--url", product.url, "--site", key)


@pytest.mark.alone
def test_visitors_leave_without_a_trace_in_the_log(product: Product) -> None:
    assert product.stop() == 0
    assert product.lines[-1] == "Stopped."
    assert not [socket for socket in product.lines if "WARNING" in socket or "ERROR" in socket]
