"""Patterns of pages and names, as people write them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.history.patterns import Wildcards, pattern


@given(st.lists(st.sampled_from(["a", "ü/", "/", "*", "**", ".", "\n"])).map("".join), st.text("aü/.\n"))
def test_what_is_matched_here_is_what_the_expression_matches(asked: str, text: str) -> None:
    assert Wildcards(asked).match(text) == bool(re.fullmatch(pattern(asked), text, re.DOTALL))


@pytest.mark.parametrize("stars", ["*", "**", "*/", "**a*"])
def test_many_stars_end_soon(stars: str) -> None:
    """Tried again from each star, these would outlast the suite."""
    assert not Wildcards(stars * 40 + "Q").match("Newsletter a/a/a/a/a/ sign-up done" * 3)
