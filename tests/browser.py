"""A real Chromium, behaving like an ordinary visitor's, and what it must not say while a page is open."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect

CHROMIUM = "/usr/bin/chromium"
# The same engine without a window to put pages into, and without a cache of pages that were left: a quarter
# of the CPU for each page, and half of it for a start.
SHELL = "/usr/bin/chromium-headless-shell"
# HeadlessChrome is a bot, and is counted as one.
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # Else it says `navigator.webdriver`, and is not counted.
    "--disable-blink-features=AutomationControlled",
]

# Twice what the slowest period of any page takes on a machine that is busy with other tests.
expect.set_options(timeout=15_000)


@contextmanager
def chromium(playwright: Playwright, program: str = CHROMIUM) -> Iterator[Browser]:
    """A browser with a working back/forward cache, which Playwright switches off otherwise."""
    browser = playwright.chromium.launch(
        executable_path=program,
        # Also here: a page's last message leaves after what Playwright set for the page is gone.
        args=[*ARGUMENTS, f"--user-agent={AGENT}"],
        ignore_default_args=["--disable-back-forward-cache"],
    )
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def visitor(browser: Browser, **options: object) -> Iterator[BrowserContext]:
    """A visitor of their own: fresh cookies, storage and cache, an ordinary user agent."""
    context = browser.new_context(**{"user_agent": AGENT, **options})  # type: ignore[arg-type]
    try:
        yield context
    finally:
        context.close()


@contextmanager
def unwatched(url: str) -> Iterator[None]:
    """A browser with `url` open and no debugger in it, for what Chromium does not do under one.

    Under Playwright no tab is ever hidden, and nothing is prerendered.
    """
    with tempfile.TemporaryDirectory(prefix="footfall-browser-", ignore_cleanup_errors=True) as profile:
        own = [
            f"--user-data-dir={profile}",
            f"--user-agent={AGENT}",
            "--no-first-run",
            "--disable-popup-blocking",
        ]
        process = subprocess.Popen(
            [CHROMIUM, "--headless", *ARGUMENTS, *own, url],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=10)


@dataclass
class Complaints:
    """What a page or its browser complained about: uncaught errors, console errors, policy violations."""

    heard: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, page: Page) -> "Complaints":
        """Those of this page from now on."""
        complaints = cls()
        complaints.listen(page)
        return complaints

    def listen(self, page: Page) -> None:
        """Listen from now on; unhandled rejections are page errors, violations are console errors."""

        def console(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.heard.append(f"{message.type}: {message.text}")

        page.on("pageerror", lambda error: self.heard.append(f"uncaught: {error}"))
        page.on("console", console)

    def take(self, beginning: str) -> list[str]:
        """Those that begin so were expected: what follows that in each."""
        taken = [line for line in self.heard if line.startswith(beginning)]
        self.heard = [line for line in self.heard if line not in taken]
        return [line.removeprefix(beginning) for line in taken]
