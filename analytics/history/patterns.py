"""Patterns as people write them, as regular expressions. Pure."""

import re


def pattern(text: str) -> str:
    """A pattern with `*` (within a segment) and `**` (beyond) as a regular expression."""
    parts = re.split(r"(\*\*|\*)", text)
    return "".join({"**": ".*", "*": "[^/]*"}.get(part) or re.escape(part) for part in parts)
