"""Staff in a real browser, at the boards of a running product."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser import Complaints, visitor
from tests.cast import PASSWORD
from tests.product import Product


@contextmanager
def at_board(
    browser: Browser, product: Product, path: str, width: int = 1440, height: int = 900, **how: Any
) -> Iterator[Page]:
    """A page that the cast's superuser opened, or `who` (name and password); it must have complained about
    nothing in the end. The rest of `how` is the browser's."""
    name, password = how.pop("who", ("superuser", PASSWORD))
    with visitor(browser, viewport={"width": width, "height": height}, **how) as context:
        page = context.new_page()
        complaints = Complaints.of(page)
        page.goto(f"{product.url}/login/")
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()
        page.goto(f"{product.url}{path}")
        yield page
        assert complaints.heard == [], complaints.heard
