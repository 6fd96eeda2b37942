"""Waiting: who does not answer is asked again, and whatever else goes wrong is told at once."""

import urllib.error
from collections.abc import Callable

import pytest

from scripts.stands.waiting import wait_for


def after(*errors: Exception) -> Callable[[], str]:
    """A condition that raises these, one at each call, and is met then."""
    left = list(errors)

    def condition() -> str:
        if left:
            raise left.pop(0)
        return "there"

    return condition


def test_who_takes_too_long_is_asked_again() -> None:
    assert wait_for(after(TimeoutError(), urllib.error.URLError(TimeoutError()))) == "there"


@pytest.mark.parametrize("error", [ValueError(), ConnectionRefusedError(), urllib.error.URLError(OSError())])
def test_another_error_is_not_waited_over(error: Exception) -> None:
    with pytest.raises(type(error)):
        wait_for(after(error))


def test_what_never_comes_is_named_with_the_last_silence() -> None:
    def silent() -> bool:
        raise TimeoutError("no answer")

    with pytest.raises(AssertionError, match=r"0\.05 s in vain for an answer") as failed:
        wait_for(silent, 0.05, "an answer")
    assert isinstance(failed.value.__cause__, TimeoutError)
    with pytest.raises(AssertionError) as failed:
        wait_for(lambda: False, 0)
    assert failed.value.__cause__ is None
