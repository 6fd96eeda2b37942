"""Browsers that modules use one after the other, and asynchronous tests in between."""

import asyncio

from tests.browser import SHELL
from tests.browsers import Browsers


def test_asynchronous_code_runs_between_two_modules_with_a_browser(browsers: Browsers) -> None:
    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    with browsers.awake(), browsers.lent(SHELL) as browser:
        assert browser.new_context().new_page().evaluate("6 * 7") == 42
    assert asyncio.run(answer()) == 42
    with browsers.awake(), browsers.lent(SHELL) as again:
        assert again is browser
        assert again.contexts == []
        assert again.new_page().evaluate("6 * 7") == 42
    assert asyncio.run(answer()) == 42


def test_one_that_was_brought_down_is_replaced(browsers: Browsers) -> None:
    with browsers.awake(), browsers.lent(SHELL) as browser:
        browser.close()
    with browsers.awake(), browsers.lent(SHELL) as another:
        assert another is not browser
        assert another.new_page().evaluate("6 * 7") == 42
