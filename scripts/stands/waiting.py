"""Waiting for what must come, instead of for a while."""

import time
import urllib.error
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], seconds: float = 10.0, what: str = "") -> T:
    """The first truthy answer of `condition`; fails when there is none in time.

    Nor is it there where somebody who was asked took too long to answer.
    """
    until = time.monotonic() + seconds
    while True:
        silence = None
        try:
            if answer := condition():
                return answer
        except (TimeoutError, urllib.error.URLError) as error:
            if not isinstance(getattr(error, "reason", error), TimeoutError):
                raise
            silence = error
        if time.monotonic() >= until:
            raise AssertionError(f"waited {seconds} s in vain for {what or condition}") from silence
        time.sleep(0.02)
