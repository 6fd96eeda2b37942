"""Commands as they can be pasted into a shell, wherever it stands and whichever data folder is meant."""

import shlex
import sys
from pathlib import Path

from analytics.up.options import ROOT


def manage(data: Path, *words: str) -> str:
    """`manage.py` with these words, for the Footfall of a data folder."""
    return (
        f"{_of(data)}{shlex.quote(sys.executable)} {shlex.quote(str(ROOT / 'manage.py'))} {' '.join(words)}"
    )


def _of(data: Path) -> str:
    return "" if data == ROOT / "var" else f"FOOTFALL_DATA={shlex.quote(str(data))} "
