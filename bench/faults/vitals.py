"""What a running product tells of itself: its metrics, whether it is ready, what it has logged."""

import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from bench.faults.stand import Stand

PATIENCE = 30.0
SAMPLE = re.compile(r'^(footfall_\w+?)(?:\{reason="(\w+)"\})? (\S+)$', re.MULTILINE)


def metrics(stand: Stand) -> dict[str, float]:
    """`/metrics` of the process on the stand's port; what was dropped by the name of its reason."""
    return {reason or name: float(value) for name, reason, value in SAMPLE.findall(_ask(stand, "/metrics"))}


def readiness(stand: Stand) -> str:
    """What `/readyz` says first: `ok`, or what is missing. What is to be looked at besides is no alarm."""
    return next(iter(_ask(stand, "/readyz").splitlines()), "")


def seconds_until(holds: Callable[[], bool], most: float) -> float:
    """How long it took until `holds`, looked at often; infinite when that took longer than `most` seconds."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > most:
            return float("inf")
        time.sleep(0.05)
    return time.monotonic() - began


def _ask(stand: Stand, path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{stand.port}{path}", timeout=PATIENCE) as response:
            return str(response.read().decode())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.read().decode()
