"""The browsers of a session: one of each program for all its modules, which take 2.5 s of CPU to start."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.browser import chromium


class Browsers:
    """Starts what is asked for, and keeps it.

    Playwright leaves its loop current in the thread. Here it is so only while `awake`, so that asynchronous
    tests can run in between.
    """

    def __init__(self) -> None:
        self._open = ExitStack()
        self._playwright: Playwright | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started: dict[str, Browser] = {}

    @contextmanager
    def awake(self) -> Iterator[None]:
        """While this is open, browsers do what they are told, and nothing asynchronous can run."""
        asyncio._set_running_loop(self._loop)
        try:
            yield
        finally:
            self._loop = asyncio._get_running_loop()
            asyncio._set_running_loop(None)

    @contextmanager
    def lent(self, program: str) -> Iterator[Browser]:
        """A browser in which nobody has a page; of what is opened in it nothing stays."""
        browser = self._running(program)
        try:
            yield browser
        finally:
            for context in browser.contexts:
                context.close()

    def close(self) -> None:
        """End them all."""
        with self.awake():
            self._open.close()

    def _running(self, program: str) -> Browser:
        browser = self._started.get(program)
        # One that a test has brought down is of no use to the next.
        if browser is None or not browser.is_connected():
            if self._playwright is None:
                self._playwright = self._open.enter_context(sync_playwright())
            browser = self._open.enter_context(chromium(self._playwright, program))
            self._started[program] = browser
        return browser
