"""docs/recipes.md as it stands there: its commands, a real broker, real nginx, in a browser.

The page of twenty lines is in `test_streams.py`, access logs are in `test_importlog.py`.
Screenshots are left in `test-results/recipes/`.
"""

import asyncio
import re
import shlex
import subprocess
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from scripts.stands.agents import FIREFOX
from scripts.stands.brokers import Consuming, running_nats
from scripts.stands.checkout import ROOT
from scripts.stands.product import Product
from tests.browser import Complaints, visitor
from tests.nginx import start_nginx
from tests.staff import let_in

RECIPES = (ROOT / "docs" / "recipes.md").read_text()
SHOTS = ROOT / "test-results" / "recipes"
Publish = Callable[[str, str, Iterable[tuple[str, str, str]]], Coroutine[Any, Any, None]]
USUAL = "127.0.0.1/8125"


def block(beginning: str) -> str:
    """The block of code that begins like this."""
    found = re.findall(r"^```\w*\n(.*?)^```", RECIPES, re.DOTALL | re.MULTILINE)
    (text,) = [each for each in found if each.startswith(beginning)]
    return str(text)


def publisher() -> Publish:
    """What the first recipe's app servers do."""
    names: dict[str, Any] = {}
    exec(compile(block("import asyncio"), "recipe", "exec"), names)
    publish: Publish = names["publish"]
    return publish


@pytest.mark.waits
def test_clicks_datapoints_and_iostat_are_seen_as_they_happen(footfall: Product, browser: Browser) -> None:
    key = footfall.add_site("recipes.example")
    place = footfall.environment["FOOTFALL_SIGNALS"].replace(":", "/")
    publish = publisher()
    SHOTS.mkdir(parents=True, exist_ok=True)
    with (
        start_nginx(footfall.port) as nginx,
        running_nats() as broker,
        ThreadPoolExecutor(1) as thread,
        visitor(browser) as context,
    ):
        url = f"http://127.0.0.1:{nginx.port}"
        command = block("manage.py consume").replace("nats://127.0.0.1:4222", broker.url).replace("KEY", key)
        consumer = Consuming(footfall.environment, *shlex.split(command)[2:]).taking()
        iostat = subprocess.Popen(
            ["bash", "-c", block("stdbuf").replace(USUAL, place)], start_new_session=True
        )

        def served(server: str, *paths: str) -> None:
            clicks = [(path, FIREFOX, f"192.0.2.{number}") for number, path in enumerate(paths)]
            thread.submit(asyncio.run, publish(broker.url, server, clicks)).result(timeout=30)

        try:
            let_in(context, footfall)
            page = context.new_page()
            complaints = Complaints.of(page)
            served("10.0.0.1", "/", "/pricing", "/ü")
            served("app-2 שלום", "/")
            page.goto(f"{url}/sites/{key}/")
            rows = page.locator(".by-server li")
            expect(rows).to_have_count(2, timeout=60_000)
            # Another server appears by itself, and bars grow.
            served("10.0.0.3", *["/busy"] * 40)
            expect(rows).to_have_count(3, timeout=60_000)
            expect(rows.locator("b")).to_have_text(["3", "40", "1"])
            running = rows.first.locator("rect").last
            before = rows.first.locator("svg").get_attribute("aria-label")
            served("10.0.0.1", *["/again"] * 30)
            expect(rows.first.locator("b")).to_have_text("33", timeout=60_000)
            assert rows.first.locator("svg").get_attribute("aria-label") != before
            assert float(running.get_attribute("height") or 0) >= 0
            # The site's own bars count them, too.
            expect(page.locator(".hour .read")).to_contain_text("views", timeout=60_000)
            expect(page.locator("[data-figure=rate]")).not_to_have_text("0")
            rows.first.locator("svg").hover(position={"x": 5, "y": 5})
            expect(page.locator(".by-server .read")).to_contain_text("10.0.0.3 0")
            for theme, size in (("light", 1440), ("dark", 1440), ("light", 390)):
                page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
                page.set_viewport_size({"width": size, "height": 900})
                page.screenshot(path=SHOTS / f"by-server-{theme}-{size}.png")
            page.set_viewport_size({"width": 1440, "height": 900})

            subprocess.run(["bash", "-c", block("echo").replace(USUAL, place)], check=True)
            page.goto(f"{url}/servers/?name=api.*&name=iostat.*&name=site.views&site={key}")
            panels = page.locator(".panel")
            for name in ("iostat.busy", "api.time", "site.views"):
                shown = panels.filter(has=page.get_by_role("heading", name=name))
                expect(shown).to_have_count(1, timeout=60_000)
            expect(page.locator(".readings tbody tr").first).to_be_visible(timeout=60_000)
            page.screenshot(path=SHOTS / "servers.png")
            assert complaints.heard == []
        finally:
            subprocess.run(["kill", "--", f"-{iostat.pid}"], check=False)
            iostat.wait()
            consumer.kill()


def test_links_of_recipes_lead_somewhere() -> None:
    links = re.findall(r"\]\(([a-z]+\.md)#([a-z-]+)\)", RECIPES)
    assert links
    for page, anchor in links:
        headings = re.findall(r"^#+ (.*)$", (ROOT / "docs" / page).read_text(), re.MULTILINE)
        assert anchor in {re.sub(r"[^a-z-]", "", each.lower().replace(" ", "-")) for each in headings}
