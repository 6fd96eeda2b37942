"""Waiting for what must come, instead of for a while."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], seconds: float = 10.0, what: str = "") -> T:
    """The first truthy answer of `condition`; fails when there is none in time."""
    until = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < until, f"waited {seconds} s in vain for {what or condition}"
        time.sleep(0.02)
    return answer
