"""Staff in a real browser, at the boards of a running product."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from scripts.stands.product import Product
from tests.browser import Complaints, visitor


def let_in(context: BrowserContext, product: Product) -> None:
    """Make the superuser of the first start somebody who has logged in here before."""
    for cookie in product.staff_cookie.split("; "):
        name, _, value = cookie.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": product.url}])


@contextmanager
def at_board(
    browser: Browser, product: Product, path: str, width: int = 1440, height: int = 900, **how: Any
) -> Iterator[Page]:
    """A page that the superuser of the first start opened; it must have complained about nothing in the end.

    `how` is the browser's.
    """
    with visitor(browser, viewport={"width": width, "height": height}, **how) as context:
        let_in(context, product)
        page = context.new_page()
        complaints = Complaints.of(page)
        page.goto(f"{product.url}{path}")
        yield page
        assert complaints.heard == [], complaints.heard
