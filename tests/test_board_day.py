"""The day's curve on the board, in a real browser over real visitors' sockets.

Screenshots are left in `test-results/board/`, to be looked at.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.boards import visit
from tests.product import Product, running
from tests.staff import at_board

SHOTS = Path(__file__).resolve().parent.parent / "test-results" / "board"
# Today until a minute ago and the same weekday last week; two hours ago 61 at once, in a zone where that
# was today.
PREPARE = """
import math, random, uuid
from datetime import timedelta
from django.utils import timezone
from tests.cast import make_cast
from tracker.models import PageView, Site, Watermark
cast = make_cast()
now = timezone.now()
zone = f"Etc/GMT{now.hour - 14:+}"
Site.objects.filter(pk=cast.site.pk).update(timezone=zone)
chance = random.Random(1)
views = []
def view(began_at, seconds, visitor):
    ended_at = began_at + timedelta(seconds=seconds)
    views.append(PageView(id=uuid.uuid4(), site=cast.site, began_at=began_at, ended_at=ended_at,
        visit_id=uuid.uuid4(), visitor=uuid.UUID(int=visitor), path="/", edge=1, connection=1))
def day(last, height):
    for ago in range(2, 14 * 60):
        for _ in range(int(height * (1.6 + math.sin(ago / 130) + 0.3 * math.sin(ago / 17)))):
            seconds = min(chance.expovariate(1 / 90), ago * 60 - 70)
            view(last - timedelta(minutes=ago, seconds=chance.random() * 50), seconds, chance.getrandbits(60))
day(now, 6)
day(now - timedelta(days=7) + timedelta(hours=9), 4)
moment = (now - timedelta(hours=2)).replace(second=20, microsecond=0)
for visitor in range(61):
    view(moment, 0.01, visitor)
PageView.objects.bulk_create(views)
# They were not stored by the product itself, which would have them rolled up again.
Watermark.objects.filter(job="concurrency").delete()
print(cast.site.key, zone)
"""


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    SHOTS.mkdir(parents=True, exist_ok=True)
    with running(FOOTFALL_TRUSTED_PROXIES="127.0.0.1") as made:
        yield made


@pytest.fixture(scope="module")
def key(product: Product) -> str:
    """The key of a site with a day behind it."""
    return product.manage("shell", "--no-imports", "-c", PREPARE).split()[0]


def test_the_curve_shows_the_day_and_moves_with_its_visitors(
    product: Product, key: str, browser: Browser
) -> None:
    with at_board(browser, product, f"/sites/{key}/") as page, ExitStack() as visitors:
        readout, plot = page.locator(".day .read"), page.get_by_role("slider", name="Visitors at once")
        expect(readout).to_have_text(re.compile(r"^peak \d+ at \d\d:\d\d$"))
        peak = int(readout.locator("b").inner_text())
        first = "SELECT max(began_at) AS at FROM tracker_pageview WHERE visitor = %s"
        moment = product.rows(first, "0" * 32)
        assert peak > 61
        assert product.rows(
            "SELECT count(DISTINCT visitor) AS visitors FROM tracker_pageview"
            " WHERE began_at <= %s AND ended_at > %s",
            moment[0]["at"],
            moment[0]["at"],
        ) == [{"visitors": peak}]
        expect(page.locator("[data-compare]")).to_contain_text(f"peak {peak} at ")
        expect(page.locator("[data-compare]")).to_contain_text(re.compile(r"last \w{3} \d\d:\d\d"))
        assert page.locator(".day .peak").is_visible()
        for number in range(3):
            visitors.enter_context(visit(product, key, "/", address=f"192.0.2.{number}"))
        expect(page.locator("[data-figure=visitors]")).to_have_text("3")
        expect(plot).to_have_attribute("aria-valuetext", re.compile(r"^\d\d:\d\d: 0–3, last \w{3} \d+$"))


def test_any_minute_is_read_with_pointer_and_keyboard(product: Product, key: str, browser: Browser) -> None:
    with at_board(browser, product, f"/sites/{key}/") as page:
        readout, plot = page.locator(".day .read"), page.get_by_role("slider", name="Visitors at once")
        expect(readout).to_contain_text("peak")
        plot.focus()
        page.keyboard.press("Home")
        expect(readout).to_have_text(re.compile(r"^00:00 \d+(–\d+)? · last \w{3} \d+$"))
        page.keyboard.press("PageUp")
        expect(readout).to_contain_text("01:00")
        page.keyboard.press("ArrowLeft")
        expect(readout).to_contain_text("00:59")
        page.keyboard.press("End")
        assert plot.get_attribute("aria-valuenow") == plot.get_attribute("aria-valuemax")
        box = plot.bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 20)
        expect(readout).to_contain_text(re.compile(r"^0[56]:\d\d "))
        page.mouse.move(0, 0)
        page.locator("body").focus()
        plot.blur()
        expect(readout).to_contain_text("peak")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), (360, 740), (2560, 1440), (1100, 800)])
def test_it_fits_every_screen(
    product: Product, key: str, browser: Browser, scheme: str, size: tuple[int, int]
) -> None:
    width, height = size
    with (
        at_board(browser, product, f"/sites/{key}/", width, height, color_scheme=scheme) as page,
        visit(product, key, "/"),
    ):
        expect(page.locator(".day .read")).to_contain_text("peak")
        expect(page.locator("[data-figure=visitors]")).to_have_text("1")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.screenshot(path=SHOTS / f"day-{width}-{scheme}.png", full_page=width == 360)
