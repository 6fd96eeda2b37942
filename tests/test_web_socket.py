"""Daphne's socket with the bounds of an edge, in a process of its own.

There Autobahn speaks Twisted's way, in the demo's visitors asyncio's, and it cannot do both in one.
"""

import subprocess
import sys
from pathlib import Path

CASES = Path(__file__).with_name("daphne_socket.py")


def test_every_case_of_it_holds() -> None:
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(CASES)]
    done = subprocess.run(words, cwd=CASES.parent.parent, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
