"""The number of a row as a form sends it back."""

LONGEST = 18  # what fits into eight bytes, and into one of Python's numbers at once


def row_number(text: str) -> int:
    """The number; 0, which no row has, for what is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST else 0
