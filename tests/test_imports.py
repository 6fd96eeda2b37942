"""The house rules that imports can break: which room may know which."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PURE = [
    "contract/attention",
    "contract/messages",
    "visitors/identity",
    "visitors/agents",
    "pages/referrers",
    "visitors/countries",
    "pages/page_url",
    "live/presence",
    "live/counters",
    "live/dimensions",
    "live/filters",
    "live/filtered_counters",
    "across/messages",
    "across/vitals",
    "live/stream",
    "contract/records",
    "contract/drops",
    "pages/sources",
    "contract/close_codes",
    "visitors/address_limits",
    "visitors/addresses",
    "storing/entries",
    "sites/tracked_site",
    "visitors/request",
    "server/frames",
    "server/http_head",
    "server/handshake",
]
# What one conversation is made of.
CONVERSATION = [
    "conversation/services",
    "conversation/session",
    "conversation/open_page",
    "conversation/begin_record",
]
PARSERS = {"msgspec", "ua_parser", "crawleruseragents", "iptocc", "maxminddb"}
INPUT_OUTPUT = {
    "socket",
    "asyncio",
    "threading",
    "subprocess",
    "psycopg",
    "http.client",
    "http.server",
    "urllib.request",
    "time",
    "os",
}


def imports(path: Path) -> set[str]:
    """The full dotted names a module imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", sorted((ROOT / "tracker").rglob("*.py")), ids=lambda path: path.name)
def test_tracker_never_imports_analytics(path: Path) -> None:
    assert "analytics" not in roots(path)


@pytest.mark.parametrize("name", [*PURE, *CONVERSATION])
def test_pure_modules_know_neither_django_nor_io(name: str) -> None:
    path = ROOT / "tracker" / f"{name}.py"
    foreign = {
        root
        for root in roots(path)
        if root not in sys.stdlib_module_names and root not in PARSERS and root != "tracker"
    }
    assert not foreign
    assert not imports(path) & INPUT_OUTPUT
    inner = {
        module.removeprefix("tracker.").replace(".", "/")
        for module in imports(path)
        if module.startswith("tracker.") and (ROOT / f"{module.replace('.', '/')}.py").exists()
    }
    assert inner <= {*PURE, *CONVERSATION}
