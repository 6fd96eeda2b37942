"""Logs that `manage.py follow` follows, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scripts.stands.product import Product


@contextmanager
def following(product: Product, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A log that is followed, by a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "follow", *arguments],
        cwd=product.checkout,
        env=product.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert process.stdout.readline().startswith("Following as errors: http")
        yield process
    finally:
        process.terminate()
        assert process.wait(20) == 0
        if process.stdout:
            process.stdout.close()


def files_of(process: int) -> list[Path]:
    """The files that a process has open."""
    found = []
    for each in Path(f"/proc/{process}/fd").iterdir():
        with suppress(OSError):
            found.append(Path(os.readlink(each)))
    return found
