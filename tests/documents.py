"""The documents, and what of the sources must stand in them."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


def environment_names() -> set[str]:
    """Every environment variable that the product reads by name."""
    sources = [*(ROOT / "analytics").rglob("*.py"), *(ROOT / "tracker").rglob("*.py")]
    asked = re.compile(r"""(?:environ(?:\.get)?[\[(]|env_list\(|env_int\()["']([A-Z_]+)["']""")
    return {name for path in sources for name in asked.findall(path.read_text())} - {"DJANGO_SETTINGS_MODULE"}
