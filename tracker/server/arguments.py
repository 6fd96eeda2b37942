"""Numbers on command lines, for argparse: what they may be, and the sentence for what they may not."""

from argparse import ArgumentTypeError
from collections.abc import Callable


def port(text: str) -> int:
    """A port that one can listen on."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise ArgumentTypeError(f"a port is a number from 1 to 65535, not {text!r}")
    return int(text)


def count_to(most: int, things: str) -> Callable[[str], int]:
    """Reads how many of these `things` there are to be, 1 to `most`."""

    def read(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise ArgumentTypeError(f"there are 1 to {most} {things}, not {text!r}")
        return int(text)

    return read
