"""The documents, and what of the sources must stand in them."""

import re
from pathlib import Path

from analytics.configuration.table import NAMED

ROOT = Path(__file__).resolve().parent.parent
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


def environment_names() -> set[str]:
    """Every environment variable that the product reads by name."""
    sources = [*(ROOT / "analytics").rglob("*.py"), *(ROOT / "tracker").rglob("*.py")]
    asked = re.compile(r"""environ(?:\.get)?[\[(]["']([A-Z_]+)["']""")
    read = {name for path in sources for name in asked.findall(path.read_text())}
    return (read | set(NAMED)) - {"DJANGO_SETTINGS_MODULE"}
