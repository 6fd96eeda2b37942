"""What axe-core, in a real Chromium, complains of on a page."""

from importlib.resources import files

from playwright.sync_api import Page

from tests.boards import wait_until_at_rest

# Handed over by the debugger, to which the page's policy does not apply.
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
RUN = """async () => {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    const why = ({ html, any, all, none }) => `${html} ${[...any, ...all, ...none].map((it) => it.message)}`;
    return violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(why).join("; ")}`);
}"""


def found(page: Page) -> list[str]:
    """What axe-core complains of."""
    wait_until_at_rest(page)
    page.evaluate(AXE)
    complaints: list[str] = page.evaluate(RUN)
    return complaints
