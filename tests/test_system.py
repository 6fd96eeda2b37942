"""The strip at the foot of the board: how this process is, sampled each second, moving with what happens."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from analytics.live.one_process import OneProcess
from analytics.live.system import System
from scripts.stands.product import Product
from tests.boards import SHOTS, visit
from tests.staff import at_board
from tracker.edge.process_edge import ProcessEdge


def test_the_figures_are_of_this_process_and_sampled_once_a_second() -> None:
    edge = ProcessEdge()
    system = System(edge, OneProcess(edge))
    told = json.loads(system.added_to('{"seq":1}'))
    assert told["seq"] == 1
    figures = told["system"]
    assert set(figures) == {"sockets", "messages", "delay", "depth", "cpu", "memory", "trouble", "room"}
    assert 10 * 2**20 < figures["memory"] < 2**33
    assert figures["sockets"] == figures["depth"] == 0
    assert figures["trouble"] == ""
    assert json.loads(system.added_to('{"seq":2}'))["system"] == figures


@pytest.fixture(scope="module")
def product(footfall: Product) -> Product:
    return footfall


@pytest.fixture
def page(product: Product, browser: Browser) -> Iterator[Page]:
    key = product.add_site("seen.example")
    with (
        visit(product, key, "/"),
        at_board(browser, product, f"/sites/{key}/") as page,
    ):
        yield page


def test_the_strip_follows_what_this_process_holds(product: Product, page: Page) -> None:
    key = page.url.split("/")[4]

    words = {
        "messages": r"[\d.]+/s",
        "delay": r"\d+ ms",
        "depth": r"\d+",
        "cpu": r"\d+ %",
        "memory": r"\d{2,} MB",
    }
    for name, pattern in words.items():
        expect(page.locator(f"[data-system={name}] b")).to_have_text(re.compile(f"^{pattern}$"))
    sockets = page.locator("[data-system=sockets] b")
    expect(sockets).to_have_text("1", timeout=7_000)
    with visit(product, key, "/a"), visit(product, key, "/b"):
        expect(sockets).to_have_text("3", timeout=7_000)
        line = page.locator("[data-system=sockets] path")
        expect(line).to_have_attribute("d", re.compile("L.*L"), timeout=15_000)
        page.screenshot(path=SHOTS / "strip.png")
    expect(sockets).to_have_text("1", timeout=7_000)
    for width in (360, 1280, 2560):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
