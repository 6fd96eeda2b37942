"""The number that matters: it has room beside its tabs and views, however large they are."""

import pytest
from playwright.sync_api import Browser

from scripts.stands.product import Product
from tests.staff import at_board

SHOWN = """async (count) => {
    const { Now } = await import("/static/board/now.js");
    const views = Array(60).fill(count);
    const figures = { visitors: count, tabs: count, active: count, idle: count, hidden: count, rate: count };
    new Now(document.querySelector(".now")).update({ ...figures, minutes: { views } });
    const place = (chosen) => document.querySelector(chosen).getBoundingClientRect();
    const counts = place(".counts");
    return [place(".visitors .dot").right, counts.left, counts.right, place(".hour").left];
}"""


@pytest.mark.parametrize("count", [7, 999, 5_001, 12_345, 123_456])
def test_a_large_number_leaves_room_for_the_others(footfall: Product, browser: Browser, count: int) -> None:
    key = footfall.add_site("seen.example")
    # The figures' place is there, though nobody has come yet.
    with at_board(browser, footfall, f"/sites/{key}/") as page:
        page.locator(".figures").evaluate(
            "shown => { for (let at = shown; at; at = at.parentElement) at.hidden = false }"
        )
        dot, left, right, hour = page.evaluate(SHOWN, count)
    assert 0 < dot < left < right <= hour
