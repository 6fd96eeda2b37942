"""How far a run is, for who waits for it: figures go to standard output, this does not."""

import sys


def say(line: str) -> None:
    """Print a line that is no figure."""
    print(line, file=sys.stderr, flush=True)
