"""Names of series that somebody wants, with `*` for any text."""

import re
from collections.abc import Iterable


class NamePatterns:
    """Some names, or patterns of them."""

    def __init__(self, patterns: Iterable[str]) -> None:
        kept = set(patterns)
        self._names = {each for each in kept if "*" not in each}
        # Each run of stars is one: several in a row would be tried in all ways.
        alternatives = [_expression(each) for each in sorted(kept - self._names)]
        self._pattern = re.compile("|".join(alternatives), re.DOTALL) if alternatives else None

    @property
    def empty(self) -> bool:
        """Whether nothing is wanted."""
        return not self._names and self._pattern is None

    def keep(self, name: str) -> bool:
        """Whether this name is among them."""
        return name in self._names or bool(self._pattern and self._pattern.fullmatch(name))


def _expression(pattern: str) -> str:
    # An atomic group for each text between stars: the first place where it stands is enough, so that a name
    # is read once however many stars there are.
    first, *parts = re.split(r"\*+", pattern)
    last = parts.pop()
    between = "".join(f"(?>.*?{re.escape(part)})" for part in parts if part)
    return f"{re.escape(first)}{between}.*{re.escape(last)}"
